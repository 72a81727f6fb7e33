"""All images of a data set as one row, and smaller views of them to measure on.

Places in that row, from 0, are how this room names images: first those to train on, then validation, then test.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Dataset
from convlet.datasets.stored import pieces

SMALL = 32  # pixels a side, at most, of what images are compared and networks are trained by
LARGE = 64  # and of what they are measured by
MOST, BYTES = 4096, 64 << 20  # images that are looked at together, and what they may take, their numbers as float32

Array = NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where an image is: its part, its number in it, its path where it has one, and the name of its class."""

    part: str
    index: int
    path: str | None
    label: str

    @property
    def name(self) -> str:
        """What to call it.

        >>> Place("test", 17, None, "cat").name, Place("test", 17, "cat/9.png", "cat").name
        ('test 17', 'cat/9.png')
        """
        return self.path if self.path is not None else f"{self.part} {self.index}"


class Row:
    """All images of a data set, part by part."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.names = tuple(data.parts)
        self.sizes = [len(part) for part in data.parts.values()]
        self.labels = np.concatenate([part.labels for part in data.parts.values()])
        self.parts = np.repeat(np.arange(len(self.names)), self.sizes)

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def at_a_time(self) -> int:
        """How many images to look at together: fewer of large ones, and at least one."""
        return min(max(BYTES // (4 * math.prod(self.data.image_shape)), 1), MOST)

    def place(self, number: int) -> Place:
        """Where an image is."""
        part = int(self.parts[number])
        index = number - sum(self.sizes[:part])
        name = self.names[part]
        path = self._paths[name][index] if self._paths else None
        return Place(name, index, path, self.data.classes[self.labels[number]])

    @cached_property
    def _paths(self) -> dict[str, tuple[str, ...]]:
        collected = self.data.collected
        return {name: collected.paths(name) for name in self.names} if collected else {}

    def images(self, numbers: Array) -> Array:
        """Some of the images (n, H, W, C), uint8, in the order asked for."""
        numbers = np.asarray(numbers)
        chosen = np.empty((len(numbers), *self.data.image_shape), np.uint8)
        starts = np.cumsum([0, *self.sizes])
        for part, (examples, start) in enumerate(zip(self.data.parts.values(), starts, strict=False)):
            own = self.parts[numbers] == part
            if own.any():
                chosen[own] = _bytes(examples.images[numbers[own] - start])
        return chosen

    def pieces(self) -> Iterator[Array]:
        """All images, some at a time, (n, H, W, C), uint8."""
        for examples in self.data.parts.values():
            for piece in pieces(examples.images):
                for start in range(0, len(piece), self.at_a_time):
                    yield _bytes(piece[start : start + self.at_a_time])

    @cached_property
    def small(self) -> Array:
        """All images (N, h, w, C), uint8, of no more than `SMALL` pixels a side."""
        return np.concatenate([reduced(piece, SMALL) for piece in self.pieces()])


def _bytes(images: Array) -> Array:
    """Images as bytes: floats from 0 to 1 are rounded to them."""
    if images.dtype == np.uint8:
        return images
    return (images * 255).round().clip(0, 255).astype(np.uint8)


def reduced(images: Array, side: int) -> Array:
    """Images (n, H, W, C), uint8, of no more than so many pixels a side: each the mean of a square of theirs.

    >>> reduced(np.zeros((1, 100, 64, 3), np.uint8), 32).shape
    (1, 25, 16, 3)
    """
    N, H, W, C = images.shape
    factor = -(-max(H, W) // side)
    if factor == 1:
        return images
    h, w = max(H // factor, 1), max(W // factor, 1)
    down, across = min(factor, H), min(factor, W)
    squares = images[:, : h * down, : w * across].reshape(N, h, down, w, across, C)
    return squares.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)


def grey(images: Array) -> Array:
    """Images (n, H, W, C), uint8, as (n, H, W) float32 from 0 to 1: the mean of their channels."""
    if images.shape[-1] == 1:
        return images[..., 0].astype(np.float32) / 255
    return images.mean(axis=-1, dtype=np.float32) / 255
