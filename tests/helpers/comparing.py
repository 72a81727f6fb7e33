"""One comparator, and one table of how far apart two answers may be.

`assert_agree(actual, expected, ENGINE)` compares one array or a dict of arrays by name: names, shapes, dtypes, then
values. A message says which array, where its worst value stands, and both values.
"""

from typing import NamedTuple

import numpy as np


class Tolerance(NamedTuple):
    """|actual − expected| ≤ absolute + relative × |expected|."""

    absolute: float
    relative: float


EXACT = Tolerance(0, 0)
# Bit for bit: for what must be repeatable, not merely close.

ROUNDING = Tolerance(1e-12, 1e-12)
# float64 against float64 in another order: a sum of n terms near 1 errs by about n × 1.1e-16 (Higham, "Accuracy and
# stability of numerical algorithms", section 4.2), and ours have at most a few thousand terms.

GRADIENT = Tolerance(1e-5, 1e-3)
# float64 against central differences with eps 1e-6: the figures of PyTorch's gradcheck.

DIRECTION = Tolerance(1e-7, 1e-6)
# The same along one random direction, where the errors of single parameters average out; measured below 1e-8.

VALUE32 = Tolerance(1e-5, 1e-5)
# float32 against float64, one layer or a small network: n × 6e-8 for sums of up to a few hundred terms near 1.

GRADIENT32 = Tolerance(1e-5, 1e-4)
# The same for gradients, which sum over images and positions too. (JAX allows its own float32 gradients 2e-3.)


def assert_agree(actual, expected, tolerance, name="values"):
    """Raise an AssertionError unless both have the same names, shapes, dtypes and, within the tolerance, values."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), f"{name}: {sorted(actual)} are not {sorted(expected)}"
        for key in expected:
            assert_agree(actual[key], expected[key], tolerance, f"{name}[{key!r}]")
        return
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{name}: shape {actual.shape}, expected {expected.shape}"
    assert actual.dtype == expected.dtype, f"{name}: dtype {actual.dtype}, expected {expected.dtype}"
    if not actual.size:
        return
    difference = np.abs(np.asarray(actual, np.float64) - np.asarray(expected, np.float64))
    excess = difference - tolerance.absolute - tolerance.relative * np.abs(np.asarray(expected, np.float64))
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    place = [int(index) for index in worst]
    assert excess[worst] <= 0, (  # False for NaN too
        f"{name}: {(~(excess <= 0)).sum()} of {actual.size} differ; the worst, at {place}, "
        f"is {actual[worst]!r}, expected {expected[worst]!r}"
    )


def assert_same_bits(actual, expected, name="values"):
    """Raise an AssertionError unless both are the same to the last bit (0.0 is not −0.0 here)."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), f"{name}: {sorted(actual)} are not {sorted(expected)}"
        for key in expected:
            assert_same_bits(actual[key], expected[key], f"{name}[{key!r}]")
        return
    assert_agree(actual, expected, EXACT, name)
    assert np.asarray(actual).tobytes() == np.asarray(expected).tobytes(), f"{name}: equal, but not bit for bit"
