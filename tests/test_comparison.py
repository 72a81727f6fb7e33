"""Engine against engine: what counts as equal."""

import math

import pytest

from convlet.comparison import TOLERANCES, Difference


@pytest.mark.parametrize("kind", TOLERANCES)
def test_a_difference_is_within_up_to_its_tolerance_and_a_nan_never_is(kind):
    tolerance = TOLERANCES[kind]
    assert Difference(kind, "x", 1.0, tolerance).within
    assert not Difference(kind, "x", 1.0, math.nextafter(tolerance, 1)).within
    assert not Difference(kind, "x", math.nan, math.nan).within
