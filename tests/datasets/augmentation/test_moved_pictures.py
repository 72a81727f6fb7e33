"""Pictures that are moved: as the words say, pixel by pixel; compiled as in NumPy, to the bit; at borders exactly."""

import math

import naive_pictures as naive
import numpy as np
import pytest
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st

from convlet.datasets import Examples
from convlet.datasets.augmentation import Choices, augment, resample
from convlet.datasets.augmentation.maps import affine_maps
from convlet.datasets.augmentation.splines import axis, control_points, displacements, no_points
from convlet.descriptions.augmentation import (
    BORDERS,
    Brightness,
    Crop,
    Elastic,
    Erasing,
    Flip,
    Rotation,
    Scale,
    Shear,
    Shift,
)
from convlet.engines import resampling

COMPILED = resampling("numba")
borders = st.sampled_from(BORDERS)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
movings = st.lists(
    st.one_of(
        st.builds(Shift, st.floats(0.01, 0.9)),
        st.builds(Rotation, st.floats(1, 359)),
        st.builds(Scale, st.floats(0.01, 3)),
        st.builds(Shear, st.floats(1, 60)),
        st.builds(Flip, st.booleans()),
        st.builds(Crop, st.integers(1, 5)),
        st.builds(Elastic, st.floats(0.01, 0.5), st.integers(1, 6)),
    ),
    min_size=1,
    unique_by=type,
)


def pictures(shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def choices(images, seed=0, epoch=0, first=0):
    return Choices(seed, np.full(images, epoch), first + np.arange(images))


class Chosen(Choices):
    """Choices where every number is the same."""

    def __init__(self, images, number):
        super().__init__(0, np.zeros(images, np.int64), np.arange(images))
        object.__setattr__(self, "number", number)

    def at(self, kind, places, columns):
        return np.full(np.broadcast_shapes(places.shape, columns.shape), self.number)


def moved(images, kind, number):
    """Images under one augmentation whose every choice is `number`: −1 and 1 are its extremes."""
    return augment(images.copy(), [kind], Chosen(len(images), (number + 1) / 2))


def along_channels(naively, image, *arguments):
    """A picture (H, W, C), each channel by the naive function."""
    planes = [naively(image[..., k].tolist(), *arguments) for k in range(image.shape[-1])]
    return np.stack([np.array(plane) for plane in planes], axis=-1)


@given(shapes, movings, borders, st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_the_compiled_version_gives_the_same_bits(shape, moving, border, seed, epoch):
    moving = [Shift(0.01, border=border), *(each for each in moving if not isinstance(each, Shift))]
    images, chosen = pictures(shape, seed), choices(shape[0], seed, epoch)
    assert_same_bits(
        {"compiled": augment(images.copy(), moving, chosen, COMPILED)},
        {"compiled": augment(images.copy(), moving, chosen)},
    )


@given(shapes, borders, st.integers(-12, 12), st.integers(-12, 12))
def test_a_move_by_whole_pixels_is_padding_and_cutting_to_the_bit(shape, border, down, right):
    images = pictures(shape)
    maps = np.tile(np.array([[1, 0, -down], [0, 1, -right]], np.float32), (len(images), 1, 1))
    _, H, W, _ = shape
    axes = axis(H, 1), axis(W, 1)
    pad = 12
    room = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    expected = np.pad(images, room, border)[:, pad - down : pad - down + H, pad - right : pad - right + W]
    for version in (resample, COMPILED):
        assert np.array_equal(version(images, maps, no_points(len(images)), *axes, border), expected)


def to(degrees):
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return lambda p: (cos * p[0] + sin * p[1], -sin * p[0] + cos * p[1])


WORDS = [  # a description; what it does to a point, given its numbers from −1 to 1
    (Shift(0.3), lambda u, H, W: lambda p: (p[0] + 0.3 * H * u[0], p[1] + 0.3 * W * u[1])),
    (Rotation(50), lambda u, H, W: to(50 * u[0])),
    (Scale(0.5), lambda u, H, W: lambda p: (p[0] / 1.5 ** u[0], p[1] / 1.5 ** u[0])),
    (Shear(30), lambda u, H, W: lambda p: (p[0], p[1] - math.tan(math.radians(30 * u[0])) * p[0])),
    (Flip(), lambda u, H, W: lambda p: (p[0], -p[1] if u[0] < 0 else p[1])),
    (Crop(3), lambda u, H, W: lambda p: (p[0] - cropped(u[0]), p[1] - cropped(u[1]))),
]


def cropped(u):
    return min(int((u + 1) / 2 * 7), 6) - 3


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(3, 6, 9, 2), (2, 1, 5, 1), (2, 5, 5, 3)])
@pytest.mark.parametrize("count", range(1, len(WORDS) + 1))
def test_pictures_are_moved_as_the_words_say_and_in_the_order_of_the_list(count, shape, border):
    """Each kind alone, then with all those before it, in both orders."""
    images, chosen, (_, H, W, _) = pictures(shape), choices(shape[0], seed=count), shape
    for words in ([WORDS[count - 1]], WORDS[:count], WORDS[:count][::-1]):
        kinds = [kind for kind, _ in words]
        maps = affine_maps(kinds, chosen, (H, W))
        actual = resample(images, maps, no_points(len(images)), axis(H, 1), axis(W, 1), border)
        for n in range(len(images)):
            changes = [say(chosen.around_zero(kind, 2)[n], H, W) for kind, say in words]
            expected = along_channels(naive.moved, images[n], changes, border)
            np.testing.assert_allclose(actual[n], expected, atol=2e-5)


@pytest.mark.parametrize("shape", [(2, 7, 5, 2), (1, 1, 4, 1), (2, 9, 9, 1)])
@pytest.mark.parametrize("cells", [1, 3, 4])
def test_elastic_pictures_are_moved_by_b_splines(shape, cells):
    images, chosen, (_, H, W, _) = pictures(shape), choices(shape[0]), shape
    kind = Elastic(0.2, cells, border="edge")
    actual = augment(images.copy(), [kind], chosen)
    for n in range(len(images)):
        grid = chosen.around_zero(kind, 2 * (cells + 3) ** 2)[n].reshape(2, cells + 3, cells + 3)
        down, right = (0.2 * H * grid[0]).tolist(), (0.2 * W * grid[1]).tolist()

        def displacement(r, c, down=down, right=right):
            return tuple(naive.spline(points, cells, r, c, H, W) for points in (down, right))

        expected = along_channels(naive.moved, images[n], [], "edge", displacement)
        np.testing.assert_allclose(actual[n], expected, atol=2e-5)


def test_points_that_all_move_alike_move_the_whole_picture():
    kind = Elastic(0.25, 4)
    points = control_points(kind, Chosen(2, 1.0), (8, 12))
    moves = displacements(points, axis(8, 4), axis(12, 4))
    np.testing.assert_allclose(moves[:, 0], 2, rtol=1e-6)
    np.testing.assert_allclose(moves[:, 1], 3, rtol=1e-6)


def test_a_quarter_turn_is_a_quarter_turn_and_a_flip_a_flip():
    images = pictures((2, 5, 5, 3))
    quarter = moved(images, Rotation(90), 1)
    np.testing.assert_allclose(quarter, np.rot90(images, -1, axes=(1, 2)), atol=1e-5)
    images = pictures((2, 4, 7, 2))
    assert np.array_equal(moved(images, Flip(), -1), images[:, :, ::-1])
    assert np.array_equal(moved(images, Flip(), 1), images)


def test_what_an_image_becomes_does_not_depend_on_the_batch_that_it_is_in():
    everything = [*(kind for kind, _ in WORDS), Elastic(), Brightness(0.2), Erasing(1.0)]
    images, numbers = pictures((6, 7, 6, 2)), np.array([5, 3, 9, 3, 40_000, 8])
    images[3] = images[1]
    when = np.array([0, 1, 0, 1, 2, 0])
    together = augment(images.copy(), everything, Choices(3, when, numbers))
    for i in range(6):
        alone = augment(images[i : i + 1].copy(), everything, Choices(3, when[i : i + 1], numbers[i : i + 1]))
        assert np.array_equal(alone[0], together[i])
    assert np.array_equal(together[3], together[1])


@pytest.mark.parametrize("kind", [kind for kind, _ in WORDS] + [Elastic(), Brightness(0.2), Erasing(1.0)], ids=str)
def test_another_seed_epoch_or_image_gives_other_pictures(kind):
    images = np.tile(pictures((1, 6, 6, 1)), (32, 1, 1, 1))
    seen = [
        augment(images.copy(), [kind], chosen)
        for chosen in (choices(32), choices(32, seed=1), choices(32, epoch=1), choices(32, first=32))
    ]
    assert all((seen[0] != other).any() for other in seen[1:])
    assert (seen[0] != seen[0][:1]).any()


def test_another_augmentation_in_the_list_leaves_the_choices_of_the_others():
    images = pictures((8, 6, 6, 1))
    alone = affine_maps([Shift(0.2)], choices(8), (6, 6))
    with_more = affine_maps([Flip(), Shift(0.2), Rotation(20)], choices(8), (6, 6))
    assert not np.array_equal(alone, with_more)
    bright = augment(images.copy(), [Brightness(0.1)], choices(8))
    both = augment(augment(images.copy(), [Flip()], choices(8)), [Brightness(0.1)], choices(8))
    assert np.array_equal(both, augment(images.copy(), [Brightness(0.1), Flip()], choices(8)))
    assert not np.array_equal(both, bright)


def test_alternating_flips_show_each_image_both_ways_in_two_epochs_half_of_them_at_odd_ones():
    images = pictures((1000, 1, 2, 1))
    seen = [augment(images.copy(), [Flip(alternating=True)], choices(1000, epoch=epoch)) for epoch in range(4)]
    flipped = [(now[:, 0, 0] != images[:, 0, 0])[:, 0] for now in seen]
    assert (flipped[0] != flipped[1]).all()
    assert (flipped[0] == flipped[2]).all() and (flipped[1] == flipped[3]).all()
    assert 450 < flipped[0].sum() < 550


def test_plain_flips_are_of_half_of_the_images_and_new_in_each_epoch():
    images = pictures((1000, 1, 2, 1))
    seen = [augment(images.copy(), [Flip()], choices(1000, epoch=epoch)) for epoch in range(2)]
    flipped = [(now[:, 0, 0] != images[:, 0, 0])[:, 0] for now in seen]
    assert all(450 < each.sum() < 550 for each in flipped)
    assert 400 < (flipped[0] != flipped[1]).sum() < 600


def test_all_places_of_a_crop_are_as_frequent_as_each_other():
    b = affine_maps([Crop(2)], choices(5000), (6, 6))[:, :, 2]
    places, counts = np.unique(b, axis=0, return_counts=True)
    assert places.tolist() == [[row, column] for row in range(-2, 3) for column in range(-2, 3)]
    assert counts.min() > 150


def test_bytes_and_floats_give_the_same_pictures():
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 1), np.uint8)
    labels = np.zeros(5, np.int64)
    numbers = np.array([4, 0, 2])
    seen = [
        augment(
            Examples.from_arrays(form, labels, classes=1).batch(numbers)[0],
            [Shift(0.2), Brightness(0.1), Erasing(1.0)],
            Choices(0, np.zeros(3, np.int64), numbers),
        )
        for form in (images, images.astype(np.float32) / np.float32(255))
    ]
    assert np.array_equal(*seen)
