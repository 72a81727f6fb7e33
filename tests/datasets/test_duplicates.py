"""Copies of an image are known by their pixels, and a split never has them on two sides."""

import numpy as np
import pytest

from convlet.datasets.duplicates import copy_groups
from convlet.datasets.labelled import Examples
from convlet.datasets.splits import split
from convlet.errors import InputError


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 4, 1), np.uint8)


def test_images_of_the_same_pixels_are_one_group():
    images = noise(6)
    images[4], images[5] = images[1], images[0]
    assert copy_groups(images).tolist() == [0, 1, 2, 3, 1, 0]


def test_one_pixel_makes_another_group():
    images = noise(1).repeat(2, axis=0)
    images[1, 4, 3, 0] ^= 1
    assert copy_groups(images).tolist() == [0, 1]


def test_fingerprints_that_end_in_zeros_stay_apart():
    """As texts they would lose them."""
    from convlet.datasets.duplicates import grouped

    assert grouped(np.array([[1, 0], [1, 1], [1, 0]], np.uint8).view("V2").ravel()).tolist() == [0, 1, 0]


@pytest.mark.parametrize("copies", [1, 3, 8])
def test_copies_are_never_on_both_sides_of_a_split(copies):
    images, labels = noise(24), np.arange(24) % 2
    images, labels = images.repeat(copies, axis=0), labels.repeat(copies)
    rest, held = split(Examples.from_arrays(images, labels, classes=2), 0.25)
    assert len(rest) + len(held) == 24 * copies
    sides = copy_groups(np.concatenate([rest.images, held.images]))
    assert not set(sides[: len(rest)]) & set(sides[len(rest) :])
    assert (held.class_counts == 3 * copies).all()


def test_copies_of_different_classes_stay_together_too():
    images, labels = noise(20).repeat(2, axis=0), np.tile([0, 1], 20)
    rest, held = split(Examples.from_arrays(images, labels, classes=2), 0.2)
    assert (held.class_counts == 4).all() and (rest.class_counts == 16).all()
    sides = copy_groups(np.concatenate([rest.images, held.images]))
    assert not set(sides[: len(rest)]) & set(sides[len(rest) :])


def test_what_a_class_keeps_no_other_class_holds_out():
    """Ten images are there in both classes; the second has forty more."""
    images, labels = np.concatenate([noise(10), noise(10), noise(40, 1)]), np.repeat([0, 1], [10, 50])
    rest, held = split(Examples.from_arrays(images, labels, classes=2), 0.2)
    assert held.class_counts.tolist() == [2, 10] and rest.class_counts.tolist() == [8, 40]


def test_a_split_of_images_without_copies_is_what_it_was_before_copies_were_looked_for():
    images, labels = noise(40), np.arange(40) % 2
    _, held = split(Examples.from_arrays(images, labels, classes=2), 0.1)
    places = [int(np.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in held.images]
    assert places == [18, 24, 25, 31]


def test_a_class_of_copies_alone_cannot_be_divided():
    images, labels = np.concatenate([noise(4), noise(1, 9).repeat(3, axis=0)]), np.array([0] * 4 + [1] * 3)
    with pytest.raises(InputError, match="class '1' has one image only"):
        split(Examples.from_arrays(images, labels, classes=2), 0.5)
