"""Statistics against published values, against slower words for the same, and where nothing or all is right."""

import math
from fractions import Fraction

import numpy as np
import pytest

from convlet.statistics import calibration, mcnemar, wilson_interval


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(right, images, low, high):
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3."""
    assert wilson_interval(right, images) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    mirrored = wilson_interval(images - right, images)
    assert mirrored == (pytest.approx(1 - high, abs=5e-5), pytest.approx(1 - low, abs=5e-5))


def test_wilsons_interval_holds_the_truth_as_often_as_it_says():
    """By enumeration: of 400 images whose true accuracy is 0.9, the interval holds 0.9 about 95 times of 100."""
    images, truth = 400, 0.9
    covered = sum(
        math.comb(images, right) * truth**right * (1 - truth) ** (images - right)
        for right in range(images + 1)
        if wilson_interval(right, images)[0] <= truth <= wilson_interval(right, images)[1]
    )
    assert 0.94 < covered < 0.96


def test_the_calibration_error_is_the_one_counted_by_hand():
    generator = np.random.default_rng(0)
    confidence, right = generator.uniform(0.1, 1, 500), generator.random(500) < 0.7
    gaps = []
    for m in range(15):
        inside = [i for i in range(500) if m / 15 < confidence[i] <= (m + 1) / 15]
        if inside:
            gaps.append(len(inside) * abs(np.mean(right[inside]) - np.mean(confidence[inside])))
    found = calibration(confidence, right)
    assert found.error == pytest.approx(sum(gaps) / 500)
    assert found.images.sum() == 500


def test_who_is_as_often_right_as_sure_has_no_calibration_error_and_who_is_always_wrong_has_all_of_it():
    assert calibration(np.full(10, 0.8), np.arange(10) < 8).error == pytest.approx(0)
    assert calibration(np.ones(10), np.zeros(10, bool)).error == 1
    empty = calibration(np.ones(10), np.ones(10, bool))
    assert empty.images.tolist() == [0] * 14 + [10] and np.isnan(empty.accuracy[:14]).all() and empty.error == 0


def test_certainties_at_the_edges_of_bins_have_a_bin():
    assert calibration(np.array([0.0, 1 / 3, 2 / 3, 1.0]), np.ones(4, bool), bins=3).images.tolist() == [2, 1, 1]


def by_enumeration(first, second):
    """Of all ways in which so many disagreements may fall, the share that is as uneven as this one, or more so."""
    total = first + second
    uneven = [k for k in range(total + 1) if abs(k - total / 2) >= abs(first - total / 2)]
    return float(Fraction(sum(math.comb(total, k) for k in uneven), 2**total))


@pytest.mark.parametrize("counts", [(0, 0), (0, 1), (2, 10), (10, 2), (7, 7), (7, 8), (30, 60), (700, 800)])
def test_mcnemars_test_is_the_exact_binomial_one(counts):
    assert mcnemar(*counts) == pytest.approx(by_enumeration(*counts), rel=1e-12)


def test_mcnemars_test_gives_the_published_values():
    assert mcnemar(10, 2) == pytest.approx(0.03857, abs=1e-5)  # the sign test of 10 among 12, in any table
    assert mcnemar(0, 5) == 0.0625 and mcnemar(0, 6) == 0.03125


def test_mcnemars_test_of_many_disagreements_has_no_limit():
    assert mcnemar(20_000, 20_000) == 1.0
    assert mcnemar(0, 20_000) == 0.0
    even = mcnemar(10_100, 9_900)  # a deviation and a half from the middle: about 0.157 by the normal distribution
    assert even == pytest.approx(math.erfc((100 - 0.5) / math.sqrt(20_000 / 4) / math.sqrt(2)), rel=1e-3)
