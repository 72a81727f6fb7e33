"""Brightness, contrast and erased rectangles, against what the words say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlet.datasets.augmentation import Choices, augment
from convlet.descriptions.augmentation import Brightness, Contrast, Erasing, Shift

shapes = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))


def pictures(shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def choices(images, seed=0):
    return Choices(seed, np.zeros(images, np.int64), np.arange(images))


def clamp(value):
    return min(max(value, 0.0), 1.0)


@given(shapes, st.floats(0.01, 0.9), st.integers(0, 99))
def test_brightness_adds_the_same_to_all_pixels_of_an_image(shape, amount, seed):
    images, chosen, kind = pictures(shape), choices(shape[0], seed), Brightness(amount)
    actual = augment(images.copy(), [kind], chosen)
    for image, now, number in zip(images, actual, chosen.around_zero(kind, 1)[:, 0], strict=True):
        expected = [clamp(value + amount * number) for value in image.ravel().tolist()]
        np.testing.assert_allclose(now.ravel(), expected, atol=1e-6)


@given(shapes, st.floats(0.01, 0.9), st.integers(0, 99))
def test_contrast_stretches_each_image_around_its_mean(shape, amount, seed):
    images, chosen, kind = pictures(shape), choices(shape[0], seed), Contrast(amount)
    actual = augment(images.copy(), [kind], chosen)
    for image, now, number in zip(images, actual, chosen.around_zero(kind, 1)[:, 0], strict=True):
        values = image.ravel().tolist()
        mean = sum(values) / len(values)
        expected = [clamp(mean + (value - mean) * (1 + amount * number)) for value in values]
        np.testing.assert_allclose(now.ravel(), expected, atol=1e-6)


@given(shapes, st.integers(0, 99), st.floats(0.01, 1), st.floats(0, 1))
def test_one_rectangle_is_erased_inside_the_image_and_all_else_is_as_it_was(shape, seed, share, fill):
    images = pictures(shape)
    erased = augment(images.copy(), [Erasing(1.0, share, share, fill=fill)], choices(shape[0], seed))
    for image, now in zip(images, erased, strict=True):
        changed = (now != image).any(axis=-1)
        rows, columns = np.nonzero(changed.any(axis=1))[0], np.nonzero(changed.any(axis=0))[0]
        assert len(rows) and len(columns)
        inside = now[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (inside == np.float32(fill)).all()


def test_rectangles_have_the_areas_and_aspects_that_are_asked_for():
    images = np.zeros((2000, 100, 100, 1), np.float32)
    erased = augment(images, [Erasing(1.0, 0.05, 0.1, aspect=2, fill=1.0)], choices(2000))[..., 0] == 1
    heights, widths = erased.any(axis=2).sum(axis=1), erased.any(axis=1).sum(axis=1)
    areas, aspects = heights * widths / 10_000, heights / widths
    assert (erased.sum(axis=(1, 2)) == heights * widths).all()
    assert 0.045 < areas.min() < 0.055 and 0.095 < areas.max() < 0.105
    assert 0.45 < aspects.min() < 0.55 and 1.8 < aspects.max() < 2.2
    assert 0.4 < (aspects < 1).mean() < 0.6
    corners = erased.argmax(axis=1).max(axis=1), erased.argmax(axis=2).max(axis=1)
    assert all(corner.max() > 70 for corner in corners)
    assert erased[:, 0].any() and erased[:, -1].any() and erased[:, :, 0].any() and erased[:, :, -1].any()


def test_so_many_images_are_erased_as_the_probability_says():
    images = np.zeros((4000, 3, 3, 1), np.float32)
    erased = augment(images, [Erasing(0.3, fill=1.0)], choices(4000)).any(axis=(1, 2, 3))
    assert erased.mean() == pytest.approx(0.3, abs=0.03)


def test_noise_is_spread_evenly_from_0_to_1_and_is_another_in_each_pixel_channel_and_image():
    images = np.full((200, 8, 8, 3), -1, np.float32)
    noise = augment(images, [Erasing(1.0, 1.0, 1.0, aspect=1)], choices(200))
    assert noise.min() >= 0 and noise.max() < 1
    counts, _ = np.histogram(noise, 10, (0, 1))
    assert counts.min() > 0.9 * noise.size / 10
    assert len(np.unique(noise)) > 0.99 * noise.size


def test_pixels_are_changed_after_they_are_moved_and_erased_last_whatever_the_list():
    images, chosen = pictures((6, 7, 7, 1)), choices(6)
    kinds = [Shift(0.2), Contrast(0.5), Brightness(0.2), Erasing(1.0)]
    one_after_the_other = images.copy()
    for kind in kinds:
        one_after_the_other = augment(one_after_the_other, [kind], chosen)
    mixed = [kinds[3], kinds[1], kinds[0], kinds[2]]
    assert np.array_equal(augment(images.copy(), mixed, chosen), one_after_the_other)
