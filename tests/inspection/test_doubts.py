"""Confident learning, by hand; and images that are far from all others."""

import numpy as np

from convlet.inspection.doubts import by_doubt, doubtful, unlike
from convlet.inspection.shortcuts import shortcuts

PROBABILITIES = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.3, 0.7, 0], [0.15, 0.85, 0], [0.6, 0.4, 0]])
LABELS = np.array(
    [0, 0, 1, 1, 0, 1]
)  # class 0 gives its own (0.9 + 0.8 + 0.15) / 3 = 0.617, class 1 0.667, 2 is absent


def test_a_label_is_doubtful_where_another_class_is_confident():
    doubts = doubtful(PROBABILITIES, LABELS)
    assert doubts.places.tolist() == [4] and doubts.others.tolist() == [1]
    np.testing.assert_allclose(doubts.probabilities, [[0.15, 0.85]])


def test_a_class_that_is_not_confident_enough_makes_no_doubt():
    """The last image: 0.6 is more than its own 0.4, but less than the 0.617 that class 0 gives its own."""
    assert 5 not in doubtful(PROBABILITIES, LABELS).places
    more = PROBABILITIES.copy()
    more[5] = [0.7, 0.3, 0]
    assert doubtful(more, LABELS).places.tolist() == [4, 5]


def test_all_images_in_the_order_of_doubt():
    assert by_doubt(PROBABILITIES, LABELS).tolist() == [4, 5, 3, 1, 0, 2]


def test_far_is_what_is_beyond_the_third_quartile_by_some_of_the_distance_between_quartiles():
    distances = np.array([1, 2, 3, 4, 5, 6, 7, 8, 13.9, 14.6])  # quartiles 3.25 and 7.75: beyond 15.4 nothing
    assert unlike(distances).tolist() == []
    assert unlike(np.append(distances, [60, 50])).tolist() == [10, 11]


def test_a_property_that_tells_the_classes_apart_is_found_and_others_are_not():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 100)
    given = {"noise": rng.normal(size=300), "darkness": labels + rng.normal(0, 0.1, 300), "form": labels == 2}
    darkness, form, noise = shortcuts(given, labels, seed=0)
    assert (darkness.what, form.what, noise.what) == ("darkness", "form", "noise")
    assert darkness.accuracy > 0.95 and darkness.chance == 1 / 3
    assert abs(form.accuracy - 2 / 3) < 0.05 and form.told[0][0] == 2  # one class it finds, two it cannot tell apart
    assert abs(noise.strength) < 0.12


def test_classes_of_other_sizes_are_no_shortcut():
    labels = np.repeat([0, 1], [280, 20])
    (found,) = shortcuts({"noise": np.random.default_rng(1).normal(size=300)}, labels, seed=0)
    assert abs(found.strength) < 0.25


def test_too_few_images_for_five_folds_have_no_shortcuts():
    assert shortcuts({"x": np.arange(12.0)}, np.array([0] * 8 + [1] * 4), seed=0) == []
