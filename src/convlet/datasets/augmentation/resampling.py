"""A picture under an affine map and a displacement, interpolated once, bilinearly: in NumPy, to be read.

`engines/numba/kernels/resampling.py` computes the same numbers, to the bit: the same operations on float32, in the same
order. So it does not matter to a run which of them made its pictures.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation.splines import Axis, displacements

Array = NDArray[Any]
Floats = NDArray[np.float32]


def resample(images: Floats, maps: Floats, points: Floats, rows: Axis, columns: Axis, border: str) -> Floats:
    """The moved pictures (N, H, W, C) of images (N, H, W, C).

    Image i's pixel at p comes from maps[i] (2, 3) of (p, 1), plus the displacement of points[i] at p, where there are
    any: `splines`. `border` says what is beyond: see `descriptions.augmentation.geometry`.
    """
    _, H, W, _ = images.shape
    r, c = np.arange(H, dtype=np.float32)[:, np.newaxis], np.arange(W, dtype=np.float32)
    (a, b, t), (d, e, u) = maps.transpose(1, 2, 0)[..., np.newaxis, np.newaxis]
    y, x = (a * r + b * c) + t, (d * r + e * c) + u  # (N, H, W)
    if points.shape[-1]:
        moved = displacements(points, rows, columns)
        y, x = y + moved[:, 0], x + moved[:, 1]
    i, j = np.floor(y), np.floor(x)
    v, w = (y - i)[..., np.newaxis], (x - j)[..., np.newaxis]  # how far below, and right of, the upper left pixel
    i, j = i.astype(np.int64), j.astype(np.int64)
    upper = _between(_pixels(images, i, j, border), _pixels(images, i, j + 1, border), w)
    lower = _between(_pixels(images, i + 1, j, border), _pixels(images, i + 1, j + 1, border), w)
    return _between(upper, lower, v)


def _between(first: Floats, second: Floats, share: Floats) -> Floats:
    return first + share * (second - first)


def _pixels(images: Floats, i: Array, j: Array, border: str) -> Floats:
    """Each image's pixels (N, H, W, C) at rows i and columns j, (N, H, W), inside or beyond the border."""
    N, H, W, _ = images.shape
    found = images[np.arange(N)[:, np.newaxis, np.newaxis], inside(i, H, border), inside(j, W, border)]
    if border == "constant":
        found[(i < 0) | (i >= H) | (j < 0) | (j >= W)] = 0
    return found


def inside(i: Array, n: int, border: str) -> Array:
    """Which of n pixels stands for the i-th, where i may be any number.

    >>> inside(np.array([-2, -1, 0, 3, 4]), 4, "reflect")
    array([2, 1, 0, 3, 2])
    """
    if border == "reflect":
        i = i % max(2 * n - 2, 1)
        return np.minimum(i, 2 * n - 2 - i)
    return np.clip(i, 0, n - 1)
