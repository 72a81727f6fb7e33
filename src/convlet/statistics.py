"""How sure a figure is, and whether two figures differ: an interval, calibration, a test of paired answers.

Functions of counts and shares. What is counted, others know: `runs.evaluation`, and the report.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Z = 1.959964  # of the normal distribution, 95 % lies within so many deviations of the middle
BINS = 15


def wilson_interval(right: int, images: int) -> tuple[float, float]:
    """Between which shares the true accuracy lies, 95 times of 100, when `right` of `images` were right.

    Source: Wilson, "Probable inference", JASA 1927; why this one: Newcombe, Statistics in Medicine 1998.

    >>> [round(bound, 4) for bound in wilson_interval(9831, 10_000)]
    [0.9804, 0.9854]
    """
    share, scale = right / images, 1 + Z**2 / images
    middle = share + Z**2 / (2 * images)
    reach = Z * math.sqrt(share * (1 - share) / images + (Z / (2 * images)) ** 2)
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether what is said with 80 % certainty is right 80 times of 100, by bins of equally wide certainty.

    Of each bin, how many `images` it has, the mean `confidence` and the `accuracy`, each (bins,); NaN in an empty one.
    """

    images: NDArray[np.int64]
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The expected calibration error, ECE: how far accuracy is from confidence, a mean over all images."""
        there = self.images > 0
        gaps = np.abs(self.accuracy[there] - self.confidence[there])
        return float(np.average(gaps, weights=self.images[there]))


def calibration(confidence: Array, right: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """Calibration of answers: how sure each was (N,), from 0 to 1, and whether it was right (N,).

    A bin has what lies above its lower edge, up to its upper edge. Source: Guo et al., "On calibration of modern neural
    networks", ICML 2017, section 2 and equation 3: 15 bins of equal width.

    >>> found = calibration(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False]), bins=2)
    >>> found.images.tolist(), round(found.error, 3)
    ([0, 4], 0.0)
    """
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)

    def mean(values: Array) -> Array:
        sums = np.bincount(place, values.astype(float), bins)
        return np.divide(sums, images, out=np.full(bins, np.nan), where=images > 0)

    return Calibration(images, mean(confidence), mean(right))


def mcnemar(only_first: int, only_second: int) -> float:
    """How probable so unlike a division of the disagreements is, or a less like one, where both are equally good.

    Of paired answers, `only_first` were right in the first alone, `only_second` in the second alone: below 0.05 it is
    usual to call the difference significant. Exact and two-sided, by the binomial distribution, for any counts.
    Source: McNemar, Psychometrika 1947; for classifiers: Dietterich, Neural Computation 1998.

    >>> mcnemar(1, 5), mcnemar(3, 3)
    (0.21875, 1.0)
    """
    disagreements = only_first + only_second
    ways, tail = 1, 0
    for k in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (disagreements - k) // (k + 1)
    return min(1.0, 2 * tail / 2**disagreements)
