"""Initial values: their limits, their spread, and where their numbers come from."""

import math

import numpy as np
import pytest

from convlet.descriptions.initializers import Constant, GlorotUniform, HeNormal, TruncatedNormal, Uniform, fans
from convlet.randomness import generator

MANY = (100, 1000)  # numbers enough that a standard deviation is known to 0.3 % (one sigma)


def drawn(initializer, shape=MANY, seed=0):
    return initializer.draw(shape, generator(seed, "initial values"))


@pytest.mark.parametrize("sigma", [0.1, 3.0])
def test_a_truncated_normal_never_goes_beyond_two_sigma(sigma):
    values = drawn(TruncatedNormal(sigma))
    assert np.abs(values).max() <= 2 * sigma
    assert np.abs(values).max() > 1.99 * sigma  # but it goes that far


def test_a_truncated_normal_keeps_0_88_of_its_sigma():
    """√(1 − 4 φ(2) / (Φ(2) − Φ(−2))) = 0.8796, for a cut at two sigma."""
    exact = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))
    assert exact == pytest.approx(0.8796, abs=1e-4)
    assert drawn(TruncatedNormal(0.1)).std() == pytest.approx(0.1 * exact, rel=0.01)


def test_a_truncated_normal_is_cut_not_clipped():
    values = drawn(TruncatedNormal(1.0))
    assert len(np.unique(values)) == values.size


def test_a_uniform_fills_its_interval():
    values = drawn(Uniform(-0.01, 0.03))
    assert -0.01 <= values.min() < -0.0099 and 0.0299 < values.max() < 0.03
    assert values.mean() == pytest.approx(0.01, abs=2e-4)


def test_a_constant_is_the_same_everywhere():
    assert (drawn(Constant(0.1), (3, 4)) == 0.1).all()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 5, 32, 64), (800, 1600)), ((3, 2, 4, 7), (24, 42)), ((784, 10), (784, 10)), ((10,), (10, 10))],
)
def test_fans_count_what_an_output_sums_and_what_an_input_feeds(shape, expected):
    assert fans(shape) == expected


def test_glorots_limit_is_the_root_of_six_over_both_fans():
    values = drawn(GlorotUniform(), (5, 5, 32, 64))
    limit = math.sqrt(6 / 2400)
    assert np.abs(values).max() <= limit and np.abs(values).max() > 0.999 * limit


def test_hes_deviation_is_the_root_of_two_over_fan_in():
    assert drawn(HeNormal(), (5, 5, 32, 64)).std() == pytest.approx(math.sqrt(2 / 800), rel=0.02)


@pytest.mark.parametrize(
    "initializer", [Uniform(), TruncatedNormal(), GlorotUniform(), HeNormal(), Constant()], ids=repr
)
def test_values_are_float64_of_the_shape_and_follow_from_the_generator_alone(initializer):
    values = drawn(initializer, (3, 3, 2, 5))
    assert values.shape == (3, 3, 2, 5) and values.dtype == np.float64
    assert (values == drawn(initializer, (3, 3, 2, 5))).all()
    if not isinstance(initializer, Constant):
        assert (values != drawn(initializer, (3, 3, 2, 5), seed=1)).all()
