"""Connected pieces, against a flood from every pixel."""

import numpy as np
import pytest

from convlet.datasets.digits.pieces import Piece, joined, labelled, pieces_of


def flooded(mask):
    """The same as `labelled`, one pixel after another; numbers in reading order of each piece's first pixel."""
    labels, count = np.full(mask.shape, -1), 0
    for start in np.argwhere(mask):
        if labels[tuple(start)] >= 0:
            continue
        waiting = [tuple(start)]
        while waiting:
            row, column = waiting.pop()
            if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]):
                continue
            if mask[row, column] and labels[row, column] < 0:
                labels[row, column] = count
                waiting += [(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        count += 1
    return labels


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.4, 0.5, 0.7, 1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (25, 37)])
def test_pieces_are_those_that_a_flood_finds(share, shape):
    mask = np.random.default_rng(int(share * 10)).random(shape) < share
    np.testing.assert_array_equal(labelled(mask), flooded(mask))


def test_a_spiral_is_one_piece():
    rows = ["#########", "        #", "####### #", "#     # #", "# ### # #", "# #   # #", "# ##### #", "#       #"]
    mask = np.array([[letter == "#" for letter in row] for row in [*rows, "#########"]])
    assert labelled(mask).max() == 0


def test_a_piece_knows_its_box_its_area_and_its_ink():
    ink = np.zeros((10, 12))
    ink[2:5, 3:7], ink[8, 11] = 0.5, 1
    labels, pieces = pieces_of(ink > 0, ink)
    assert pieces == [Piece(0, 2, 3, 5, 7, 12, 6.0), Piece(1, 8, 11, 9, 12, 1, 1.0)]
    assert labels[3, 4] == 0 and labels[8, 11] == 1 and labels[0, 0] == -1
    assert pieces[0].distances(pieces[1]) == (4, 3) and pieces[0].gap(pieces[1]) == 4
    assert pieces[1].touches(ink.shape, 0) and not pieces[0].touches(ink.shape, 1) and pieces[0].touches(ink.shape, 2)


def test_no_ink_is_no_piece():
    labels, pieces = pieces_of(np.zeros((3, 4), bool), np.zeros((3, 4)))
    assert pieces == [] and labels.max() == -1


def test_things_joined_over_many_others_have_the_least_of_all():
    chain = np.random.default_rng(0).permutation(500)
    assert set(joined(501, chain[1:], chain[:-1]).tolist()) == {0, 500}
