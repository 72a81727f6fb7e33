"""A smooth displacement of every pixel, from the displacements of a few points: uniform cubic B-splines.

The points lie on a grid of `cells` × `cells` over the image, with one more around it on every side, so each pixel has
four on each axis. Source: Rueckert et al., 1999, section II.B (see `Elastic`).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation.choices import Choices
from convlet.descriptions.augmentation import Elastic

Floats = NDArray[np.float32]


class Axis(NamedTuple):
    """For each pixel of an axis, of which points it is the mean: the first of four (n,), and their weights (n, 4)."""

    first: NDArray[np.int64]
    weights: Floats


def control_points(kind: Elastic, choices: Choices, size: tuple[int, int]) -> Floats:
    """How far each image's points are moved, in pixels: (N, 2, points, points), along rows and along columns."""
    side = kind.cells + 3
    moved = choices.around_zero(kind, 2 * side * side).reshape(len(choices), 2, side, side)
    return (kind.amount * np.array(size)[:, np.newaxis, np.newaxis] * moved).astype(np.float32)


def no_points(images: int) -> Floats:
    """The points of pictures that nothing distorts: none."""
    return np.zeros((images, 2, 0, 0), np.float32)


@lru_cache(maxsize=8)  # a run has two
def axis(pixels: int, cells: int) -> Axis:
    """The weights of an axis of so many pixels, of which the first and last lie on the grid's border."""
    place = np.arange(pixels) * cells / max(pixels - 1, 1)
    first = np.minimum(place.astype(np.int64), cells - 1)
    t = place - first
    parts = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    return Axis(first, (np.stack(parts, axis=1) / 6).astype(np.float32))


def displacements(points: Floats, rows: Axis, columns: Axis) -> Floats:
    """The mean of four by four points at each pixel: (N, 2, points, points) → (N, 2, H, W)."""
    lines = _sum_of_four(points[:, :, rows.first + k, :] * rows.weights[:, k, np.newaxis] for k in range(4))
    return _sum_of_four(lines[..., columns.first + k] * columns.weights[:, k] for k in range(4))


def _sum_of_four(terms: Iterable[Floats]) -> Floats:
    """Their sum, from left to right."""
    a, b, c, d = terms
    return ((a + b) + c) + d
