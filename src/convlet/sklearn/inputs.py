"""What scikit-learn's users have, as what convlet takes: rows as images, any scale as 0 to 1, weights as a data set."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape, whole_number
from convlet.datasets import Dataset
from convlet.datasets.labels import class_names
from convlet.errors import DataError, InputError

Array = NDArray[Any]
FLAT = "rows"  # the name of a data set that was given as arrays


@dataclass(frozen=True)
class Scale:
    """Which value is black and which is white: (0, 255) for bytes, (0, 1) for what lies there, else what was seen."""

    black: float
    white: float

    @classmethod
    def of(cls, values: Array) -> "Scale":
        """The scale of what is trained on, and of all that is asked about later."""
        if values.dtype == np.uint8:
            return cls(0.0, 255.0)
        low, high = float(values.min()), float(values.max())
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0)
        return cls(low, high if high > low else low + 1.0)

    def __call__(self, values: Array) -> NDArray[np.float32]:
        """Values on it, from 0 to 1; those that training never saw may lie beyond."""
        scaled = (values.astype(np.float64) - self.black) / (self.white - self.black)
        return scaled.astype(np.float32) + np.float32(0)  # −0 is 0


def as_rows(samples: Any) -> tuple[Any, tuple[int, ...]]:
    """Samples as scikit-learn checks them, (N, features), and the shape they had: images (N, H, W) are made rows."""
    shape = tuple(getattr(samples, "shape", None) or np.asarray(samples).shape)
    return (np.asarray(samples).reshape(len(samples), -1), shape) if len(shape) > 2 and shape[0] else (samples, shape)


def image_shape_of(shape: tuple[int, ...], given: Any, network: Shape | None) -> Shape:
    """(H, W, C) of the images in an array of this shape: as it is, as `given`, as the network takes them.

    Rows (N, features) of which nothing is known are one pixel each, with a channel for every feature. Raises ValueError
    where the array holds no such images.
    """
    said = _said(given) if given is not None else network
    seen = (*shape[1:], 1) if len(shape) == 3 else shape[1:]
    if said is None:
        said = (1, 1, shape[1]) if len(shape) == 2 else seen
    same = math.prod(said) == shape[1] if len(shape) == 2 else said == seen
    if len(said) != 3 or not same:
        wanted = f"image_shape={given!r}" if given is not None else f"the network's input_shape={said!r}"
        raise ValueError(
            f"X: shape {shape}; expected (N, {math.prod(said)}) or (N, {', '.join(map(str, said))}), as {wanted} says."
        )
    return said


def _said(given: Any) -> Shape:
    """An image's shape that a user has written, with its channels."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise InputError(f"image_shape={given!r}: expected (height, width) or (height, width, channels).")
    sizes = [whole_number(f"image_shape[{axis}]", size) for axis, size in enumerate(given)]
    return (*sizes, 1) if len(sizes) == 2 else tuple(sizes)


def data_set(
    images: NDArray[np.float32], codes: Array, weights: Array, names: tuple[str, ...], held_out: float | None
) -> Dataset:
    """A data set of images (N, H, W, C) of classes 0, 1, …, each of which counts by its weight (N,).

    Equal images of one class become one, with their weights summed, and their order is by what they show: so a weight
    of 2 is the same as giving an image twice, to the last bit, and no order of rows changes anything. Weights are
    divided by their mean; those of 0 are left out. Raises ValueError where nothing is left.
    """
    summed: dict[bytes, float] = {}
    places: dict[bytes, int] = {}
    for place, (image, code, weight) in enumerate(zip(images, codes, weights, strict=True)):
        if weight:
            key = hashlib.blake2b(image.tobytes() + int(code).to_bytes(4, "big"), digest_size=16).digest()
            places.setdefault(key, place)
            summed[key] = summed.get(key, 0.0) + float(weight)
    if not summed:
        raise ValueError("sample_weight: all are 0; at least one sample must count.")
    order = sorted(summed)
    taken, counts = np.array([places[key] for key in order]), np.array([summed[key] for key in order])
    uneven = None if (counts == counts[0]).all() else counts / counts.mean()
    labels = np.array(names)[codes[taken]]
    return Dataset.from_arrays(
        images[taken], labels, classes=names, sample_weight=uneven, validation=held_out, name=FLAT
    )


def names_of(classes: Array) -> tuple[str, ...]:
    """A name for each class, for tables, pictures and files: as it is written where that tells them apart."""
    try:
        return class_names([str(name) for name in classes.tolist()])
    except (InputError, DataError):
        return tuple(f"class {place}" for place in range(len(classes)))
