"""MNIST's own preparation, held to MNIST itself."""

import numpy as np
import pytest

from convlet.datasets import mnist
from convlet.datasets.digits import like_mnist
from convlet.datasets.digits.centring import means, rounded


def test_a_digit_of_mnist_that_is_prepared_again_comes_out_bit_for_bit():
    """Of all 70,000 images 20 do not: their centre of mass lies between two pixels."""
    images = mnist().test.images[:2000, ..., 0]
    same = [np.array_equal(like_mnist(image / 255), image) for image in images]
    assert sum(same) >= 1998


def test_where_the_ink_stands_and_how_much_room_is_around_it_change_nothing():
    image = mnist().test.images[0, ..., 0] / 255
    expected = like_mnist(image)
    np.testing.assert_array_equal(like_mnist(np.pad(image, ((0, 40), (17, 3)))), expected)


def test_a_digit_enlarged_by_a_whole_number_comes_out_as_it_was():
    image = mnist().test.images[1, ..., 0]
    np.testing.assert_array_equal(like_mnist(np.kron(image / 255, np.ones((7, 7)))), image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (40, 20), (19, 21)])
def test_the_longer_side_becomes_20_pixels_and_the_shorter_one_at_least_1(shape):
    field = like_mnist(np.ones(shape))
    rows, columns = (np.count_nonzero(field.any(axis=axis)) for axis in (1, 0))
    assert max(rows, columns) == 20
    assert min(rows, columns) == max(1, rounded(20 * min(shape) / max(shape)))
    assert set(np.unique(field)) == {0, 255}


def test_all_mass_in_one_corner_does_not_push_a_digit_over_the_edge():
    ink = np.full((20, 20), 1e-6)
    ink[0, 0] = 1
    field = like_mnist(ink)
    assert field[8, 8] == 255  # not at 14, where the last rows and columns would lie outside


@pytest.mark.parametrize(("old", "new"), [(1, 1), (7, 3), (3, 7), (20, 20), (281, 20)])
def test_means_keep_a_constant_and_a_sum(old, new):
    weights = means(old, new)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights.sum(axis=0), new / old)


def test_halves_are_rounded_up_and_so_is_what_noise_made_of_them():
    assert [rounded(n) for n in (0.5, 1.5, 2.5, 2.4999, 2.4999999, -0.5)] == [1, 2, 3, 2, 3, 0]
