"""Initial values that are measured from the training images, when training begins.

Where there are no images to measure, such as when engines are compared on noise, values are as for images of white
noise: mean 0, variance 1, no direction before another.
Source of the whitening: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from convlet.checks import Shape, number
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError, NetworkError

Array = NDArray[np.float64]
PATCHES = 100_000  # as many are looked at, at most


class Measured:
    """An initialiser that looks at training images (N, H, W, C), floats: for a layer that is given these images."""

    def check(self, shape: Shape) -> None:
        """Raise a NetworkError unless a weight of this shape can begin so."""

    def measure(self, shape: Shape, images: NDArray[np.float32]) -> Array:
        """The value, from images. Raises InputError where they are too few."""
        raise NotImplementedError

    def draw(self, shape: Shape, generator: "np.random.Generator") -> Array:
        """The value without images."""
        raise NotImplementedError


@dataclass(frozen=True)
class ChannelMean(Measured):
    """The mean of each channel."""

    def measure(self, shape: Shape, images: NDArray[np.float32]) -> Array:
        return images.reshape(-1, *shape).mean(axis=0, dtype=np.float64)

    def draw(self, shape: Shape, generator: "np.random.Generator") -> Array:
        return np.zeros(shape)


@dataclass(frozen=True)
class ChannelVariance(Measured):
    """The (biased) variance of each channel."""

    def measure(self, shape: Shape, images: NDArray[np.float32]) -> Array:
        return images.reshape(-1, *shape).var(axis=0, dtype=np.float64)

    def draw(self, shape: Shape, generator: "np.random.Generator") -> Array:
        return np.ones(shape)


@dataclass(frozen=True)
class PatchWhitening(Measured):
    """Kernels that give uncorrelated outputs of variance 1: the main directions of the training images' patches.

    Eigenvectors of the covariance of KH × KW × C patches, that of the largest eigenvalue first, each divided by
    √(eigenvalue + `epsilon`); then the same with the other sign, so that a ReLU behind them loses nothing. At most
    2 × KH × KW × C filters. Meant for the first layer, with `trainable=False`.
    """

    epsilon: float = 1e-4

    def __post_init__(self) -> None:
        set_canonical(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))

    def check(self, shape: Shape) -> None:
        if len(shape) != 4 or shape[3] > 2 * math.prod(shape[:3]):
            size = math.prod(shape[:-1])
            raise NetworkError(
                f"PatchWhitening of {shape[-1]} filters: a patch has {size} numbers, so expected a convolution of at "
                f"most {2 * size} filters: those of both signs."
            )

    def measure(self, shape: Shape, images: NDArray[np.float32]) -> Array:
        size = math.prod(shape[:3])
        if len(images) < size:
            raise InputError(
                f"PatchWhitening: {len(images)} training images; expected at least {size}, as many as a patch has "
                "numbers. Give it more, a smaller kernel, or another initialiser."
            )
        patches = _patches(images, shape)
        centred = patches - patches.mean(axis=0)
        covariance = np.einsum("ni,nj->ij", centred, centred) / len(centred)  # not @, whose sums depend on threads
        values, vectors = np.linalg.eigh(covariance)  # in columns, the smallest eigenvalue first
        return _both_signs(vectors[:, ::-1] / np.sqrt(np.maximum(values[::-1], 0) + self.epsilon), shape)

    def draw(self, shape: Shape, generator: "np.random.Generator") -> Array:
        size = math.prod(shape[:3])
        return _both_signs(np.linalg.qr(generator.standard_normal((size, size)))[0], shape)


def _patches(images: NDArray[np.float32], shape: Shape) -> Array:
    """Patches of (KH, KW, C), evenly chosen from all positions of all images: (n, KH × KW × C)."""
    views = sliding_window_view(images, shape[:2], axis=(1, 2))  # (N, every row, every column, C, KH, KW)
    count = math.prod(views.shape[:3])
    chosen = np.linspace(0, count - 1, min(count, PATCHES)).astype(np.int64)
    found = views[np.unravel_index(chosen, views.shape[:3])]  # (n, C, KH, KW)
    return found.transpose(0, 2, 3, 1).reshape(len(found), -1).astype(np.float64)


def _both_signs(directions: Array, shape: Shape) -> Array:
    """The first directions, in columns, each with its largest number positive, and as many as fit with a minus."""
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    half = -(-shape[3] // 2)
    return np.concatenate([directions[:, :half], -directions[:, : shape[3] - half]], axis=1).reshape(shape)
