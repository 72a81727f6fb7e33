"""Images that are dark, bright, faint or blurred beside the others are found; a clean set has none."""

import faulty
import numpy as np
import pytest

from convlet.inspection.properties import measures, unusual
from convlet.inspection.views import Row, reduced

IMAGES, LABELS = faulty.shapes(60)


def found(images, labels):
    return {each.what: each.places.tolist() for each in unusual(measures(Row(faulty.dataset(images, labels))))}


def test_a_clean_set_has_none():
    assert found(IMAGES, LABELS) == {"dark": [], "bright": [], "faint": [], "blurred": []}


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("dark", lambda image: image // 8),
        ("bright", lambda image: 255 - (255 - image) // 8),
        ("faint", lambda image: (60 + (image.astype(float) - image.mean()) / 12).astype(np.uint8)),
        ("blurred", faulty.blurred),
    ],
)
def test_a_faulty_image_is_found_and_no_other(what, change):
    images = IMAGES.copy()
    for place in (3, 100):
        images[place] = change(images[place])
    assert sorted(found(images, LABELS)[what]) == [3, 100]


def test_flat_images_are_none_of_all_this():
    images = IMAGES.copy()
    images[7] = 0
    assert all(7 not in places for places in found(images, LABELS).values())


def test_the_least_comes_first():
    images = IMAGES.copy()
    images[9], images[4] = images[9] // 20, images[4] // 10
    assert found(images, LABELS)["dark"] == [9, 4]


def test_colourfulness_and_redness_are_of_coloured_images_alone():
    red = np.zeros((4, 8, 8, 3), np.uint8)
    red[..., 0] = 255
    red[1] = 255
    measured = measures(Row(faulty.cl.Dataset.from_arrays(red, [0, 1, 0, 1])))
    assert measured["colourfulness"].tolist() == [1, 0, 1, 1] and measured["redness"].tolist() == [1, 0, 1, 1]
    assert "redness" not in measures(Row(faulty.dataset(IMAGES, LABELS)))


@pytest.mark.parametrize(("shape", "smaller"), [((32, 20), (32, 20)), ((33, 20), (16, 10)), ((3, 100), (1, 25))])
def test_a_smaller_view_is_of_means_of_squares(shape, smaller):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    view = reduced(images, 32)
    assert view.shape == (2, *smaller, 3)
    factor = -(-max(shape) // 32)
    expected = images[1, :factor, :factor, 2].mean(dtype=np.float64)
    assert abs(view[1, 0, 0, 2] - expected) <= 0.5
