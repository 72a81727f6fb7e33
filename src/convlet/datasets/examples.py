"""Images with their labels: checked once, at the door, then trusted.

Letters: N images, H height, W width, C channels, B images of a batch.

What it is not: it reads no file (`readers`, `sources`) and shuffles nothing (training does).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlet.errors import DataError, InputError

Images: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = slice | Sequence[int] | NDArray[np.integer[Any]] | NDArray[np.bool_]
BRIGHTEST = 1.5  # a float image of whole numbers above this was surely never divided by 255


@dataclass(frozen=True, eq=False, repr=False)  # eq=False: comparing arrays gives an array, not an answer
class Examples:
    """Labelled images. Make them with `examples`, which checks them.

    Attributes:
        images: (N, H, W, C), uint8 in 0–255 or float32, read-only.
        labels: (N,), int64, read-only.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    def __repr__(self) -> str:
        """How many there are, and of what shape: the pixels are not for reading."""
        return f"<{len(self):,} images of {' × '.join(map(str, self.image_shape))}>"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    def batch(self, indices: Indices) -> tuple[NDArray[np.float32], Labels]:
        """The chosen images as a network takes them, with their labels: fresh, C-contiguous arrays.

        Args:
            indices: which, and in which order: a slice, whole numbers, or a mask of N booleans.

        Returns:
            Images (B, H, W, C), float32: uint8 is divided by 255, float32 stays as it is. Labels (B,), int64.

        Raises:
            InputError: `indices` is none of these, or out of range.
        """
        chosen = self._indices(indices)
        return _scaled(self.images[chosen]), np.array(self.labels[chosen])

    def take(self, indices: Indices) -> "Examples":
        """A part of these examples, at least one: `train.take(slice(1000))` is the first 1,000.

        Raises:
            InputError: `indices` is as `batch` refuses it, or chooses nothing.
        """
        chosen = self._indices(indices)
        part = Examples(_read_only(self.images[chosen]), _read_only(self.labels[chosen]))
        if len(part) == 0:
            raise InputError(f"indices: {indices!r} chooses none of the {len(self):,} examples. Choose at least one.")
        return part

    def _indices(self, indices: Indices) -> slice | NDArray[Any]:
        """`indices` as NumPy takes them without surprises."""
        if isinstance(indices, slice):
            return indices
        array = np.asarray(indices)
        allowed = f"a slice, whole numbers from {-len(self)} to {len(self) - 1}, or a mask of {len(self)} booleans"
        if array.ndim != 1 or not (array.dtype == np.bool_ or np.issubdtype(array.dtype, np.integer)):
            raise InputError(f"indices: an array of shape {array.shape} and type {array.dtype}; allowed: {allowed}.")
        if array.dtype == np.bool_ and len(array) != len(self):
            raise InputError(f"indices: a mask of {len(array)} booleans; allowed: {allowed}.")
        if array.dtype != np.bool_ and array.size and not -len(self) <= array.min() <= array.max() < len(self):
            raise InputError(f"indices: from {array.min()} to {array.max()}; allowed: {allowed}.")
        return array


def examples(images: ArrayLike, labels: ArrayLike, *, classes: int) -> Examples:
    """Check images and labels, and bring them to the one form that the rest of convlet takes.

    Arrays already in that form are not copied: do not change them afterwards.

    Args:
        images: (N, H, W, C), or (N, H, W) for one channel. uint8 in 0–255, or float in about [0, 1].
        labels: (N,), any integer type, each from 0 to classes − 1.
        classes: how many classes there are.

    Raises:
        DataError: empty, of another shape or type, not equally many, a pixel NaN or infinite, floats still in
            0–255, a label out of range.
        InputError: `classes` is not at least 1.

    >>> examples(np.zeros((3, 28, 28), np.uint8), [5, 0, 4], classes=10).image_shape
    (28, 28, 1)
    """
    if classes < 1:
        raise InputError(f"classes: {classes}; allowed: 1 or more. Give the number of classes.")
    pixels = _canonical_images(_array(images, "images"))
    answers = _canonical_labels(_array(labels, "labels"), classes)
    if len(pixels) != len(answers):
        raise DataError(f"images and labels: {len(pixels):,} and {len(answers):,}. Give one label for each image.")
    return Examples(_read_only(pixels), _read_only(answers))


def pixels(images: ArrayLike) -> NDArray[np.float32]:
    """Images without labels as a network takes them: checked as `examples` checks them, uint8 divided by 255.

    Args:
        images: as `examples` takes them.

    Returns:
        (N, H, W, C), float32.

    Raises:
        DataError: as `examples` raises it.
    """
    return _scaled(_canonical_images(_array(images, "images")))


def _scaled(images: Images) -> NDArray[np.float32]:
    """A fresh, C-contiguous copy in float32, in [0, 1] where the images are uint8."""
    scaled = np.array(images, dtype=np.float32, order="C")
    if images.dtype == np.uint8:
        scaled /= np.float32(255)
    return scaled


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    """`values` as an array with at least one element."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: not an array ({error}). Give rows of equal length, or a NumPy array.") from error
    if array.size == 0:
        raise DataError(f"{name}: empty (shape {array.shape}). Give at least one image with its label.")
    return array


def _canonical_images(images: NDArray[Any]) -> Images:
    """(N, H, W) or (N, H, W, C) of any allowed type → (N, H, W, C), uint8 or float32."""
    if images.ndim == 3:
        images = images[..., np.newaxis]  # (N, H, W, 1)
    if images.ndim != 4:
        raise DataError(f"images: shape {images.shape}; allowed: (N, H, W) or (N, H, W, C). Reshape them.")
    _, first, second, last = images.shape
    if first in (1, 3) and last > 4 and second == last:
        raise DataError(
            f"images: shape {images.shape} looks channels-first; allowed: (N, H, W, C). "
            "Use images.transpose(0, 2, 3, 1)."
        )
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"images: type {images.dtype}; allowed: uint8 in 0–255, or float in about [0, 1]. "
            "Use images.astype(np.uint8) if they are in 0–255."
        )
    return _canonical_floats(images)


def _canonical_floats(images: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Float pixels → float32; refuses what is not finite and what was never scaled."""
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused as such
        pixels = images.astype(np.float32, copy=False)
    finite = np.isfinite(pixels)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise DataError(
            f"images: pixel {place} is {images[place]}, {np.count_nonzero(~finite):,} such in all; allowed: numbers "
            "that float32 can hold. Mend or leave out these images."
        )
    if pixels.max() > BRIGHTEST and bool((pixels == np.rint(pixels)).all()):
        raise DataError(
            f"images: float pixels are whole numbers up to {pixels.max():g}; allowed: float in about [0, 1]. "
            "Use images / 255, or images.astype(np.uint8)."
        )
    return pixels


def _canonical_labels(labels: NDArray[Any], classes: int) -> Labels:
    """(N,) of any integer type → (N,) int64, each in [0, classes)."""
    if labels.ndim != 1:
        raise DataError(
            f"labels: shape {labels.shape}; allowed: (N,). Use labels.reshape(-1) for (N, 1), "
            "labels.argmax(axis=1) for one-hot rows."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels: type {labels.dtype}; allowed: integers. Use labels.astype(np.int64).")
    check_label_range(labels, classes, "labels")
    return labels.astype(np.int64, copy=False)


def check_label_range(labels: NDArray[Any], classes: int, name: str) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"{name}: from {low} to {high}; allowed: 0 to {classes - 1}, for {classes} classes. "
            "Number the classes from 0, or give more of them."
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written to; the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
