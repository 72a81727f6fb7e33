"""Images with their labels: checked once, at the door, then trusted.

Letters: N images, H height, W width, C channels, B images of a batch.

What it is not: it reads no file (`readers`, `sources`) and shuffles nothing (training does).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlet.datasets.images import Images, canonical_images, filled_array, scaled
from convlet.datasets.labels import Labels, class_names, numbered, renumbered
from convlet.datasets.stored import StoredImages
from convlet.errors import DataError, InputError

Indices: TypeAlias = slice | Sequence[int] | NDArray[np.integer[Any]] | NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)  # eq=False: comparing arrays gives an array, not an answer
class Examples:
    """Labelled images. Make them with `Examples.from_arrays`, which checks them.

    Attributes:
        images: (N, H, W, C), uint8 in 0–255 or float32 from 0 to 1, read-only; or the same, in a file.
        labels: (N,), int64, read-only: each image's class by its number.
        classes: the name of each class; empty where nobody has said.
        sample_weight: (N,), float32, read-only: how much each image counts in training; None where all count alike.
    """

    images: Images | StoredImages
    labels: Labels
    classes: tuple[str, ...] = ()
    sample_weight: NDArray[np.float32] | None = None

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        classes: int | Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> "Examples":
        """Check images and labels, and bring them to the one form that the rest of convlet takes.

        Arrays already in that form are not copied: do not change them afterwards.

        Args:
            images: (N, H, W, C), or (N, H, W) for one channel. uint8 in 0–255, or float from 0 to 1.
            labels: (N,): texts, each the name of a class; or whole numbers, each a class's place from 0 (where all
                names are whole numbers: its name).
            classes: the names of the classes, or how many there are, "0", "1", ….
            sample_weight: (N,): how much each image counts in the loss of training, above 0; by default all alike.

        Raises:
            DataError: empty, of another shape or type, not equally many, a pixel NaN or infinite, floats on another
                scale than 0 to 1, a label that is no class, a weight that is not above 0.
            InputError: `classes` are no names, or a number below 1.

        >>> Examples.from_arrays(np.zeros((3, 28, 28), np.uint8), [5, 0, 4], classes=10).image_shape
        (28, 28, 1)
        >>> Examples.from_arrays(np.zeros((2, 4, 4)), ["dog", "cat"], classes=("cat", "dog")).labels.tolist()
        [1, 0]
        """
        names = class_names(classes)
        pixels, numbers = canonical_images(images), numbered(labels, names)
        if len(pixels) != len(numbers):
            raise DataError(f"images and labels: {len(pixels):,} and {len(numbers):,}. Give one label for each image.")
        weights = None if sample_weight is None else _read_only(_sample_weights(sample_weight, len(pixels)))
        return cls(_read_only(pixels), _read_only(numbers), names, weights)

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

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """How many images each class has, (classes,)."""
        return np.bincount(self.labels, minlength=len(self.classes))

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
        return scaled(self.images[chosen]), np.array(self.labels[chosen])

    def take(self, indices: Indices) -> "Examples":
        """A part of these examples, at least one: `train.take(slice(1000))` is the first 1,000.

        Raises:
            InputError: `indices` is as `batch` refuses it, or chooses nothing.
        """
        chosen = self._indices(indices)
        part = replace(
            self,
            images=self.images.take(chosen)
            if isinstance(self.images, StoredImages)
            else _read_only(self.images[chosen]),
            labels=_read_only(self.labels[chosen]),
            sample_weight=None if self.sample_weight is None else _read_only(self.sample_weight[chosen]),
        )
        if len(part) == 0:
            raise InputError(f"indices: {indices!r} chooses none of the {len(self):,} examples. Choose at least one.")
        return part

    def labelled_by(self, classes: tuple[str, ...]) -> "Examples":
        """These examples with the numbers that their classes have among those of another data set, or of a run.

        Classes are the same where their names are; these, where they are only numbered from 0, by their place.
        Raises DataError where a class is none of the others.
        """
        if self.classes in ((), classes):
            return self
        return replace(self, labels=_read_only(renumbered(self.labels, self.classes, classes)), classes=classes)

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


def _sample_weights(weights: ArrayLike, images: int) -> NDArray[np.float32]:
    """(N,) float32, each above 0."""
    array = filled_array(weights, "sample_weight")
    if array.shape != (images,) or array.dtype.kind not in "fiu":
        raise DataError(
            f"sample_weight: shape {array.shape} and type {array.dtype} for {images:,} images; "
            f"allowed: a number for each, ({images},)."
        )
    with np.errstate(over="ignore", under="ignore"):
        narrow = array.astype(np.float32)
    if not (np.isfinite(narrow).all() and narrow.min() > 0):
        raise DataError(
            f"sample_weight: from {array.min()} to {array.max()}; allowed: finite numbers above 0. "
            "Leave out the images that are not to count."
        )
    return narrow


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written to; the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
