"""A data set: examples to train on, to choose by, and to test on at the very end."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from convlet.datasets.examples import Examples, check_label_range
from convlet.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples to train on, to choose by, and to test on at the very end.

    Attributes:
        name: what to call it, e.g. "mnist".
        classes: the name of each class, e.g. ("0", …, "9"); label i means classes[i].
        train, validation, test: the parts; the last two may be absent.

    Raises:
        DataError: the parts have images of different shapes, or labels beyond the classes.
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    validation: Examples | None = None
    test: Examples | None = None

    def __post_init__(self) -> None:
        for part, name in ((self.train, "train"), (self.validation, "validation"), (self.test, "test")):
            if part is not None and part.image_shape != self.image_shape:
                raise DataError(
                    f"{self.name}: the {name} images have the shape {part.image_shape}, the training images "
                    f"{self.image_shape}. Bring all to one height, width and number of channels."
                )
            if part is not None:
                check_label_range(part.labels, len(self.classes), f"{self.name}: the {name} labels")

    def __repr__(self) -> str:
        """What there is in each part."""
        there = ", ".join(f"{name} {part!r}" for name, part in self.parts.items())
        return f"<Dataset {self.name!r} of {len(self.classes)} classes: {there}>"

    @property
    def parts(self) -> dict[str, Examples]:
        """Those parts that are there, by name: "train", "validation", "test"."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.train.image_shape

    @cached_property
    def sha256(self) -> str:
        """One fingerprint of all that training sees: the training and validation images and labels."""
        digest = hashlib.sha256()
        for part in filter(None, (self.train, self.validation)):
            for array in (part.images, part.labels):
                digest.update(f"{array.dtype.str} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
