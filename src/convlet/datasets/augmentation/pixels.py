"""What pixels hold, changed: brightness, contrast, erased rectangles. In NumPy alone, for there is little to compute.

Images are (N, H, W, C), float32, from 0 to 1. Each function changes its images, which are the batch's own, in place.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation.choices import Choices
from convlet.descriptions.augmentation import Brightness, Contrast, Erasing

Array = NDArray[Any]
Floats = NDArray[np.float32]
PLACED = 5  # numbers that say whether and where a rectangle is; those of its noise follow


def _brightness(kind: Brightness, images: Floats, choices: Choices) -> None:
    images += _each(kind.amount * choices.around_zero(kind, 1))
    np.clip(images, 0, 1, out=images)


def _contrast(kind: Contrast, images: Floats, choices: Choices) -> None:
    means = _each(images.reshape(len(images), -1).mean(axis=1, dtype=np.float64))
    images -= means
    images *= _each(1 + kind.amount * choices.around_zero(kind, 1))
    images += means
    np.clip(images, 0, 1, out=images)


def _erasing(kind: Erasing, images: Floats, choices: Choices) -> None:
    _, H, W, C = images.shape
    n, i, j = np.nonzero(_rectangles(kind, choices, H, W))
    if isinstance(kind.fill, float):
        images[n, i, j] = kind.fill
        return
    pixel, channel = ((i * W + j) * C)[:, np.newaxis], np.arange(C)
    images[n, i, j] = choices.at(kind, n[:, np.newaxis], PLACED + pixel + channel)


def _rectangles(kind: Erasing, choices: Choices, H: int, W: int) -> Array:
    """Whether each pixel is erased: (N, H, W)."""
    erased, area, aspect, row, column = choices.numbers(kind, PLACED).T[..., np.newaxis]
    area = (kind.smallest + (kind.largest - kind.smallest) * area) * (H * W)
    aspect = kind.aspect ** (2 * aspect - 1)
    height, width = (
        np.clip(np.rint(side), 1, most) for side, most in ((np.sqrt(area * aspect), H), (np.sqrt(area / aspect), W))
    )
    top, left = np.floor(row * (H - height + 1)), np.floor(column * (W - width + 1))
    i, j = np.arange(H), np.arange(W)
    rows, columns = (i >= top) & (i < top + height), (j >= left) & (j < left + width)
    return (rows & (erased < kind.probability))[:, :, np.newaxis] & columns[:, np.newaxis, :]


def _each(values: Array) -> Floats:
    """A number for each image, to go with (N, H, W, C)."""
    return values.astype(np.float32).reshape(-1, 1, 1, 1)


CHANGES: dict[type, Callable[[Any, Floats, Choices], None]] = {
    Brightness: _brightness,
    Contrast: _contrast,
    Erasing: _erasing,
}
