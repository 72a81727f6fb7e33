"""Images that are nearly the same are found; images that are merely alike are not."""

import faulty
import numpy as np
import pytest

from convlet.inspection import near, views
from convlet.inspection.near import apart, near_pairs
from convlet.inspection.views import Row

IMAGES, LABELS = faulty.shapes(60)


def pairs_of(images, labels):
    row = Row(faulty.dataset(images, labels))
    return {tuple(pair) for pair in near_pairs(row, np.arange(len(row))).pairs.tolist()}


def test_images_that_are_merely_alike_are_no_pair():
    assert pairs_of(IMAGES, LABELS) == set()


def changed(change):
    """The pairs that are found where every ninth image is there again, changed; and those that should be."""
    chosen = np.arange(0, len(IMAGES), 9)
    images = np.concatenate([IMAGES, [change(image) for image in IMAGES[chosen]]])
    wanted = {(int(place), len(IMAGES) + i) for i, place in enumerate(chosen)}
    return pairs_of(images, np.concatenate([LABELS, LABELS[chosen]])), wanted


@pytest.mark.parametrize("change", [faulty.saved_again, faulty.smaller])
def test_an_image_that_was_saved_again_or_made_smaller_is_a_pair_with_itself(change):
    found, wanted = changed(change)
    assert found == wanted


@pytest.mark.parametrize("by", [(0, 1), (1, 0), (-1, -1), (1, -1)])
def test_of_images_that_were_moved_by_a_pixel_most_are_found_and_no_others(by):
    """Not all, here: a pixel is a sixteenth of these, and one disc is much like another at the next place."""
    found, wanted = changed(lambda image: faulty.moved(image, *by))
    assert found <= wanted and len(found) >= 0.7 * len(wanted)


def test_where_others_are_as_near_what_was_moved_is_found_and_what_was_smoothed_is_not(monkeypatch):
    """A film, for instance: each frame has many near ones, and only equal pixels say that one is there twice."""
    monkeypatch.setattr(near, "NEARER", 0)
    monkeypatch.setattr(near, "NEAREST", 0)
    found, wanted = changed(lambda image: faulty.moved(image, 0, 1))
    assert found <= wanted and len(found) >= 0.7 * len(wanted)
    assert changed(faulty.smaller)[0] == set()


@pytest.mark.parametrize(("room", "count"), [(5, 5), (0.1, 1)])
def test_no_more_images_are_looked_at_together_than_fit_in_the_memory_for_them(monkeypatch, room, count):
    monkeypatch.setattr(views, "BYTES", int(4 * IMAGES[0].size * room))
    asked, own = [], Row.images
    monkeypatch.setattr(Row, "images", lambda row, numbers: asked.append(len(numbers)) or own(row, numbers))
    found, wanted = changed(faulty.smaller)
    assert found == wanted and max(asked) == count
    assert max(map(len, Row(faulty.dataset(IMAGES, LABELS)).pieces())) == count


def test_a_pair_has_the_lower_place_first_and_the_least_different_pair_comes_first():
    images = np.concatenate([IMAGES, [faulty.smaller(IMAGES[7]), IMAGES[3] + (IMAGES[3] < 255)]])
    pairs = near_pairs(row := Row(faulty.dataset(images, [*LABELS, 0, 0])), np.arange(len(row)))
    assert pairs.pairs.tolist() == [[3, 181], [7, 180]] and np.diff(pairs.difference)[0] > 0


def test_only_images_that_are_asked_about_are_compared():
    images = np.concatenate([IMAGES, [faulty.moved(image, 0, 1) for image in IMAGES[:2]]])
    row = Row(faulty.dataset(images, [*LABELS, 0, 0]))
    pairs = near_pairs(row, np.arange(1, len(row)))
    assert pairs.pairs.tolist() == [[1, 181]]
    assert near_pairs(row, np.array([4])).pairs.shape == (0, 2)


def test_a_set_of_a_few_images_is_compared_too():
    images = np.stack([IMAGES[0], IMAGES[70], IMAGES[140], faulty.moved(IMAGES[70], 1, 1)])
    assert pairs_of(images, [0, 1, 2, 1]) == {(1, 3)}


def test_in_colour_images_that_differ_in_colour_alone_are_no_pair():
    grey = np.repeat(IMAGES[..., np.newaxis], 3, axis=3)
    red = grey[5].copy()
    red[..., 0], red[..., 2] = 255 - red[..., 0], red[..., 0]
    assert pairs_of(np.concatenate([grey, [red]]), [*LABELS, 0]) == set()


@pytest.mark.parametrize("shape", [(1, 1, 1), (300, 7, 3), (2, 90, 1)])
def test_images_of_any_shape_are_compared(shape):
    images = np.random.default_rng(1).integers(0, 256, (12, *shape), np.uint8)
    row = Row(faulty.cl.Dataset.from_arrays(images, [0, 1] * 6))
    assert near_pairs(row, np.arange(12)).pairs.shape[1] == 2


@pytest.mark.parametrize("by", [(0, 0), (1, 0), (0, -1), (-1, 1)])
def test_laid_on_each_other_at_the_best_place_a_moved_image_differs_in_nothing(by):
    first = IMAGES[:3, :, :, np.newaxis].astype(np.float32)
    second = np.stack([faulty.moved(image, *by) for image in IMAGES[:3]])[..., np.newaxis].astype(np.float32)
    assert np.abs(apart(first, second)).max() < 1e-5
    assert apart(first, first[::-1])[0] > 0.01
