"""How numbers become integers of 8 bits, and sums of their products such integers again, as in functions/int8.c."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LOW, HIGH = -128, 127
DIGITS = 31  # of a multiplier
MOST_SHIFT = 62  # of 64 bits


@dataclass(frozen=True)
class Scale:
    """A number is `size` × (an integer − `zero`)."""

    size: float
    zero: int

    @classmethod
    def over(cls, low: float, high: float) -> "Scale":
        """The finest scale on which numbers from low to high have a place; and 0 too, which then is exact.

        >>> Scale.over(0.0, 127.5)
        Scale(size=0.5, zero=-128)
        """
        low, high = min(low, 0.0), max(high, 0.0)
        size = (high - low) / (HIGH - LOW) or 1.0
        return cls(size, round(LOW - low / size))

    def integers(self, numbers: Array) -> Array:
        """The nearest integers, as int8."""
        return np.clip(np.round(numbers / self.size) + self.zero, LOW, HIGH).astype(np.int8)

    def numbers(self, integers: Array) -> Array:
        """The numbers that integers stand for, in float64."""
        return self.size * (integers.astype(np.float64) - self.zero)


IMAGE_SCALE = Scale(1 / 255, LOW)  # of pixels from 0 to 1: each byte has its place


def multiplier(factor: float) -> tuple[int, int]:
    """A factor above 0 as multiplier / 2^shift: a multiplier of int32, to 31 digits, and a shift from 1 to 62.

    Factors so large that all but 0 becomes too large, or so small that all becomes 0, need not be exact.

    >>> multiplier(0.75), multiplier(3e-15)
    ((1610612736, 31), (13835, 62))
    """
    mantissa, exponent = math.frexp(factor)
    shift = min(max(DIGITS - exponent, 1), MOST_SHIFT)
    return min(round(math.ldexp(mantissa, shift + exponent)), (1 << DIGITS) - 1), shift


def shifted(values: Array, shift: Array | int, zero: int) -> Array:
    """The nearest integers to values / 2^shift (int64), halves away from 0, plus a zero point, as int8."""
    half = np.int64(1) << (np.asarray(shift, np.int64) - 1)
    return _signed(values, (np.abs(values) + half) >> shift, zero)


def rounded(values: Array, divisor: Array, zero: int) -> Array:
    """The same of values / divisor."""
    return _signed(values, (np.abs(values) + divisor // 2) // divisor, zero)


def _signed(values: Array, sizes: Array, zero: int) -> Array:
    return np.clip(zero + np.where(values < 0, -sizes, sizes), LOW, HIGH).astype(np.int8)
