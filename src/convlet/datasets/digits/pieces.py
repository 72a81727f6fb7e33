"""Connected pieces of ink: which pixels hang together, and where each piece is.

Runs of ink in a row are joined with those they touch in the next row, corners included.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Piece:
    """Pixels that hang together: its number in the labels, its box, how many pixels, and how much ink on them."""

    number: int
    top: int
    left: int
    bottom: int  # behind the last row
    right: int
    area: int
    ink: float

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def side(self) -> int:
        """The longer one."""
        return max(self.height, self.width)

    def touches(self, shape: tuple[int, ...], margin: int) -> bool:
        """Whether it comes so near to the border of a picture of that shape."""
        return min(self.top, self.left, shape[0] - self.bottom, shape[1] - self.right) <= margin

    def distances(self, other: "Piece") -> tuple[int, int]:
        """Pixels between the two boxes, across and down; negative where they overlap."""
        across = max(self.left, other.left) - min(self.right, other.right)
        return across, max(self.top, other.top) - min(self.bottom, other.bottom)

    def gap(self, other: "Piece") -> int:
        """Pixels between the two boxes; 0 where they overlap."""
        return max(*self.distances(other), 0)


def pieces_of(mask: Array, ink: Array) -> tuple[Array, list[Piece]]:
    """The number of the piece at each pixel, (H, W), -1 where there is none; and the pieces, most ink first."""
    labels = labelled(mask)
    if labels.max() < 0:
        return labels, []
    rows, columns = np.nonzero(mask)
    numbers = labels[rows, columns]
    count = labels.max() + 1
    area, amount = np.bincount(numbers), np.bincount(numbers, ink[rows, columns])
    low, high = np.full((2, count), max(mask.shape)), np.zeros((2, count), int)
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(low[axis], numbers, places)
        np.maximum.at(high[axis], numbers, places + 1)
    table = zip(range(count), *low.tolist(), *high.tolist(), area.tolist(), amount.tolist(), strict=True)
    return labels, sorted((Piece(*row) for row in table), key=lambda piece: -piece.ink)


def labelled(mask: Array) -> Array:
    """A number from 0 for each connected piece of what is True, (H, W) of int; -1 elsewhere."""
    height, width = mask.shape
    stride = width + 2
    flat = np.zeros((height, stride), np.int8)
    flat[:, 1:-1] = mask
    change = np.diff(flat.reshape(-1), prepend=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)  # of runs, as places in `flat`
    first = np.searchsorted(ends, starts + stride)  # the runs below each one that touch it: from `first` …
    count = np.maximum(np.searchsorted(starts, ends + stride, "right") - first, 0)  # … so many
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    names = joined(len(starts), upper, lower)
    _, numbers = np.unique(names, return_inverse=True)
    labels = np.full(height * stride, -1)
    labels[flat.reshape(-1) == 1] = np.repeat(numbers, ends - starts)
    return labels.reshape(height, stride)[:, 1:-1]


def joined(count: int, one: Array, other: Array) -> Array:
    """For each of `count` things the least of all it is joined with, directly or by others. Pairs: (one, other)."""
    least = np.arange(count)
    while True:
        low = np.minimum(least[one], least[other])
        if (least[one] == low).all() and (least[other] == low).all():
            return least
        np.minimum.at(least, least[one], low)
        np.minimum.at(least, least[other], low)
        while (least[least] != least).any():
            least = least[least]
