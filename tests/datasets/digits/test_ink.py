"""Ink and paper, on pictures whose ink is known."""

import numpy as np
import pytest

from convlet.datasets.digits.ink import dark_ink, grown, largest_within, light_ink, paper

HEIGHT, WIDTH = 120, 160


def page(ink, light, paper_colour=(240, 235, 225), pen=(30, 30, 40)):
    """A page with ink where it is True, in that light."""
    colours = np.where(ink[..., np.newaxis], pen, paper_colour)
    return (colours * light[..., np.newaxis]).round().astype(np.uint8)


def stroke():
    ink = np.zeros((HEIGHT, WIDTH), bool)
    ink[30:90, 60:68] = True
    ink[30:38, 60:110] = True
    return ink


def lights():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / (HEIGHT, WIDTH)[0]
    yield pytest.param(np.ones((HEIGHT, WIDTH)), id="even")
    yield pytest.param(1 - 0.45 * x / x.max(), id="from one side")
    yield pytest.param(np.where(x > 0.7, 0.5, 1.0), id="shadow with a hard edge")
    yield pytest.param(1 - 0.6 * ((x - 0.66) ** 2 + (y - 0.5) ** 2), id="dark corners")


@pytest.mark.parametrize("light", [*lights()])
def test_dark_ink_is_the_same_share_in_every_light(light):
    ink = dark_ink(page(stroke(), light))
    assert ink[stroke()].min() > 0.8 and ink[~stroke()].max() < 0.08


@pytest.mark.parametrize("light", [*lights()])
def test_chalk_on_a_board_is_light_ink_in_every_light(light):
    ink = light_ink(page(stroke(), light, (38, 66, 56), (225, 228, 222)))
    assert ink[stroke()].min() > 4 * ink[~stroke()].max()


def test_a_yellow_pen_is_as_much_ink_as_a_black_one_nearly():
    ink = dark_ink(page(stroke(), np.ones((HEIGHT, WIDTH)), pen=(235, 190, 40)))
    assert ink[stroke()].min() > 0.75


def test_a_blank_page_has_no_ink():
    blank = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    assert dark_ink(blank).max() == 0 and light_ink(blank).max() == 0


def test_black_paper_is_no_division_by_zero():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert dark_ink(black).max() == 0 and light_ink(black).max() == 0
    black[30:60, 40:50] = 255
    assert light_ink(black)[30:60, 40:50].min() == 1


def test_paper_keeps_an_edge_and_loses_a_stroke():
    seen = np.where(np.arange(WIDTH) > 100, 90, 220).astype(np.uint8) * np.ones((HEIGHT, 1), np.uint8)
    drawn = seen.copy()
    drawn[20:100, 40:46] = 10
    np.testing.assert_array_equal(paper(drawn), seen)


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 7])
def test_the_largest_value_of_a_square_is_found(reach):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 24))
    views = np.lib.stride_tricks.sliding_window_view(pixels, (2 * reach + 1,) * 2)
    np.testing.assert_array_equal(largest_within(pixels, reach), views.max(axis=(2, 3)))


def test_growing_goes_into_the_space_around():
    np.testing.assert_array_equal(grown(np.ones((1, 1), bool), 2), np.ones((5, 5), bool))
