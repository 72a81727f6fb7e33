"""Augmented pictures, moved: what `datasets/augmentation/resampling.py` says in NumPy, to the bit.

So nothing here may be rounded in another way: every operation is on float32, in the same order, and compiled `exact`,
without products and sums that are rounded once. It works in a thread of its own, beside the kernels that train.
"""

import numpy as np

from convlet.descriptions.augmentation import BORDERS
from convlet.engines.numba.compiling import exact, exact_inlined

REFLECT, EDGE, CONSTANT = (BORDERS.index(border) for border in ("reflect", "edge", "constant"))


def resample(images, maps, points, rows, columns, border):
    """The moved pictures (N, H, W, C): `convlet.datasets.augmentation.Resample`."""
    moved = np.empty_like(images)
    _resample(images, maps, points, *rows, *columns, BORDERS.index(border), moved)
    return moved


@exact
def _resample(images, maps, points, first_row, row_weights, first_column, column_weights, border, moved):
    N, H, W, C = images.shape
    sides = points.shape[3]
    lines = np.empty((2, sides), np.float32)
    for n in range(N):
        image, A = images[n], maps[n]
        for r in range(H):
            if sides > 0:
                _mean_of_rows(points[n], first_row[r], row_weights[r], lines)
            for c in range(W):
                y = (A[0, 0] * np.float32(r) + A[0, 1] * np.float32(c)) + A[0, 2]
                x = (A[1, 0] * np.float32(r) + A[1, 1] * np.float32(c)) + A[1, 2]
                if sides > 0:
                    y += _mean_of_four(lines[0], first_column[c], column_weights[c])
                    x += _mean_of_four(lines[1], first_column[c], column_weights[c])
                top, left = np.floor(y), np.floor(x)
                v, w, i, j = y - top, x - left, np.int64(top), np.int64(left)
                upper, lower = _inside(i, H, border), _inside(i + 1, H, border)
                before, after = _inside(j, W, border), _inside(j + 1, W, border)
                for k in range(C):
                    first = _between(_pixel(image, upper, before, k), _pixel(image, upper, after, k), w)
                    second = _between(_pixel(image, lower, before, k), _pixel(image, lower, after, k), w)
                    moved[n, r, c, k] = _between(first, second, v)


@exact_inlined
def _mean_of_rows(points, first, weights, lines):
    """The mean of four rows of an image's points, weighted: one row for each direction."""
    for direction in range(2):
        for k in range(lines.shape[1]):
            a, b = points[direction, first, k] * weights[0], points[direction, first + 1, k] * weights[1]
            c, d = points[direction, first + 2, k] * weights[2], points[direction, first + 3, k] * weights[3]
            lines[direction, k] = ((a + b) + c) + d


@exact_inlined
def _mean_of_four(line, first, weights):
    a, b = line[first] * weights[0], line[first + 1] * weights[1]
    c, d = line[first + 2] * weights[2], line[first + 3] * weights[3]
    return ((a + b) + c) + d


@exact_inlined
def _between(first, second, share):
    return first + share * (second - first)


@exact_inlined
def _inside(i, n, border):
    """Which of n pixels stands for the i-th; -1 where black does."""
    if 0 <= i < n:
        return i
    if border == CONSTANT:
        return -1
    if border == EDGE:
        return 0 if i < 0 else n - 1
    i %= max(2 * n - 2, 1)
    return min(i, 2 * n - 2 - i)


@exact_inlined
def _pixel(image, i, j, k):
    return image[i, j, k] if i >= 0 and j >= 0 else np.float32(0)
