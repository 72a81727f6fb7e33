"""The comparator and the measured derivatives can fail, and say where."""

import numpy as np
import pytest
from comparing import EXACT, GRADIENT, ROUNDING, assert_agree, assert_same_bits
from differences import central_differences, directional_derivative

ONES = np.ones((2, 3))


def changed(value):
    array = ONES.copy()
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        (np.ones((3, 2)), r"^values: shape \(3, 2\), expected \(2, 3\)$"),
        (ONES.astype(np.float32), "^values: dtype float32, expected float64$"),
        (changed(1 + 1e-9), r"^values: 1 of 6 differ; the worst, at \[1, 2\], is .*, expected np.float64\(1.0\)$"),
        (changed(np.nan), r"^values: 1 of 6 differ; the worst, at \[1, 2\], is np.float64\(nan\)"),
        (changed(np.inf), r"^values: 1 of 6 differ; the worst, at \[1, 2\], is np.float64\(inf\)"),
    ],
)
def test_a_difference_is_noticed_and_located(actual, message):
    with pytest.raises(AssertionError, match=message):
        assert_agree(actual, ONES, ROUNDING)


def test_missing_and_unknown_names_are_noticed():
    with pytest.raises(AssertionError, match=r"values: \['a'\] are not \['a', 'b'\]"):
        assert_agree({"a": ONES}, {"a": ONES, "b": ONES}, ROUNDING)
    with pytest.raises(AssertionError, match=r"values\['a'\]\['b'\]: shape"):
        assert_agree({"a": {"b": 1.0}}, {"a": {"b": ONES}}, ROUNDING)


def test_a_difference_within_the_tolerance_is_none():
    assert_agree(changed(1 + 1e-13), ONES, ROUNDING)
    assert_agree(changed(1 + 1e-4), ONES, GRADIENT)


def test_bits_are_compared_to_the_last_one():
    assert_same_bits({"a": ONES}, {"a": ONES.copy()})
    with pytest.raises(AssertionError, match="1 of 6 differ"):
        assert_same_bits(changed(np.nextafter(1, 2)), ONES)
    assert_agree(-np.zeros(2), np.zeros(2), EXACT)
    with pytest.raises(AssertionError, match="equal, but not bit for bit"):
        assert_same_bits(-np.zeros(2), np.zeros(2))


def test_differences_measure_a_known_derivative_and_put_everything_back():
    arrays = {"x": np.array([[1.0, 2.0]]), "y": np.array([3.0])}

    def function():  # x₀² y + x₁³
        (a, b), (y,) = arrays["x"][0], arrays["y"]
        return a * a * y + b**3

    measured = central_differences(function, arrays)
    assert_agree(measured, {"x": np.array([[6.0, 12.0]]), "y": np.array([1.0])}, GRADIENT)
    along = directional_derivative(function, arrays, {"x": np.array([[1.0, 0.5]]), "y": np.array([-2.0])})
    assert along == pytest.approx(6 + 6 - 2, rel=1e-6)
    assert_agree(arrays, {"x": np.array([[1.0, 2.0]]), "y": np.array([3.0])}, ROUNDING)
