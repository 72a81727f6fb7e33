"""A data set: examples to train on, to choose by, and to test on at the very end."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from convlet.checks import one_of
from convlet.datasets.collections.preparation import Collected
from convlet.datasets.images import check_scale
from convlet.datasets.labelled import Examples
from convlet.datasets.labels import MOST_CLASSES, check_label_range, class_names, classes_in
from convlet.datasets.splits import SHARES, split
from convlet.datasets.stored import pieces
from convlet.errors import DataError, InputError
from convlet.showing import shown

Pair = tuple[ArrayLike, ArrayLike]  # images and labels
T = TypeVar("T")
KINDS = ("digits", "letters")  # of what must not be mirrored
MEMORY = "in memory"  # the source of a data set that no name or path gives


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples to train on, to choose by, and to test on at the very end.

    Attributes:
        name: what to call it, e.g. "mnist".
        classes: the name of each class, e.g. ("0", …, "9"); label i means classes[i].
        train, validation, test: the parts; the last two may be absent.
        kind: what is on the images, where that is "digits" or "letters"; else None.
        source: the name or absolute path that `load` had it from; "in memory" for any other, and for a changed copy.
        collected: of a collection of pictures, how they were prepared, which file each image was, and what there is to
            say of it.

    Raises:
        DataError: the parts have images of different shapes, or classes that are none of these; or the training images
            are nearly black.
        InputError: `kind` is none of these.
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    validation: Examples | None = None
    test: Examples | None = None
    kind: str | None = None
    source: str = field(default=MEMORY, init=False)
    collected: Collected | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        one_of("kind", self.kind, (*KINDS, None))
        object.__setattr__(self, "classes", class_names(self.classes))
        for part, name in ((self.train, "train"), (self.validation, "validation"), (self.test, "test")):
            if part is not None and part.image_shape != self.image_shape:
                raise DataError(
                    f"{self.name}: the {name} images have the shape {part.image_shape}, the training images "
                    f"{self.image_shape}. Bring all to one height, width and number of channels."
                )
            if part is not None:
                object.__setattr__(self, name, self._named(part, name))
        check_scale(self.train.images)

    def _named(self, part: Examples, name: str) -> Examples:
        """The part with this data set's numbers for its classes."""
        try:
            part = part.labelled_by(self.classes)
            check_label_range(part.labels, len(self.classes), "labels")
        except DataError as error:
            raise DataError(f"{self.name}: the {name} {error}") from None
        return replace(part, classes=self.classes)

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        validation: Pair | float | None = None,
        test: Pair | None = None,
        sample_weight: ArrayLike | None = None,
        classes: Sequence[str] | None = None,
        name: str = "arrays",
        kind: str | None = None,
    ) -> "Dataset":
        """A data set from arrays: images (N, H, W) or (N, H, W, C), labels (N,).

        `validation` and `test` are further (images, labels); or `validation` is a share, such as 0.1: that part of
        each class's images is held out, chosen at random, the same ones every time. Labels are whole numbers or texts;
        the classes are those among the training labels, in order, unless `classes` names them (then a whole number
        that is no name is a class's place, from 0). `sample_weight` (N,) says how much each training image counts in
        the loss of training, above 0; what is held out is evaluated without. `kind` is "digits" or "letters", where
        that is what they show.

        Raises DataError where arrays cannot be used (see `Examples.from_arrays`), InputError for a share, classes or a
        kind that cannot be.

        >>> Dataset.from_arrays(np.zeros((4, 8, 8)), [10, 20, 10, 30]).classes
        ('10', '20', '30')
        """
        names = _said("train", classes_in, labels) if classes is None else class_names(classes)
        train, held = _part("train", (images, labels), names, sample_weight=sample_weight), None
        if isinstance(validation, SHARES):
            train, held = split(train, validation)
        elif validation is not None:
            held = _part("validation", validation, names)
        return cls(name, names, train, held, None if test is None else _part("test", test, names), kind)

    def __repr__(self) -> str:
        """What there is in each part."""
        there = ", ".join(f"{name} {part!r}" for name, part in self.parts.items())
        return f"<Dataset {self.name!r} of {len(self.classes)} classes: {there}>"

    def _repr_html_(self) -> str:
        """A row for each class, with some of its images, for a notebook."""
        return str(shown("html.notebook", "dataset_html", self))

    @property
    def parts(self) -> dict[str, Examples]:
        """Those parts that are there, by name: "train", "validation", "test"."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}

    def shortened(self, images: int) -> "Dataset":
        """The same data set, with the first so many of its training images only."""
        data = replace(self, train=self.train.take(slice(images)))
        return known_as(data, MEMORY, self.collected.shortened(images) if self.collected else None)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.train.image_shape

    @cached_property
    def sha256(self) -> str:
        """One fingerprint of all that training sees: the training and validation images, labels and weights."""
        digest = hashlib.sha256()
        for part in filter(None, (self.train, self.validation)):
            weights = () if part.sample_weight is None else (part.sample_weight,)
            for array in (part.images, part.labels, *weights):
                digest.update(f"{array.dtype.str} {array.shape}\n".encode())
                for piece in pieces(array):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()


def as_dataset(
    data: Any,
    validation: Pair | float | None = None,
    test: Pair | None = None,
    sample_weight: ArrayLike | None = None,
) -> Dataset:
    """A Dataset, or what becomes one, a pair of arrays.

    `validation`, `test` and `sample_weight` go with a pair, as `Dataset.from_arrays` takes them; a share for validation
    may be held out of a Dataset too, if it has no validation examples. Raises InputError where it is neither, and as
    `from_arrays` does.
    """
    if isinstance(data, tuple | list) and len(data) == 2:
        return Dataset.from_arrays(*data, validation=validation, test=test, sample_weight=sample_weight)
    if not isinstance(data, Dataset):
        expected = "a Dataset, such as datasets.mnist(), a name or path, or a pair of arrays, (images, labels)"
        raise InputError(f"data={type(data).__name__}: expected {expected}.")
    if isinstance(validation, SHARES) and data.validation is None:
        train, held = split(data.train, float(validation))
        data, validation = replace(data, train=train, validation=held), None
    if validation is not None or test is not None:
        raise InputError("validation, test: they go with data=(images, labels); a data set has parts of its own.")
    if sample_weight is not None:
        raise InputError(
            "sample_weight: it goes with data=(images, labels); a data set has its own, from "
            "Dataset.from_arrays(images, labels, sample_weight=...)."
        )
    return data


def numbered_from_0(data: Dataset) -> Dataset:
    """The data set with a class for every number up to the largest label, as convlet 0.1.0 made them.

    Labels 1, 2 and 4 were five classes there, in which a run of that time goes on. Where there are no such numbers, or
    classes for all of them, it is the data set itself.
    """
    numbers = [int(name) for name in data.classes if name.isdecimal() and name == str(int(name))]
    if len(numbers) < len(data.classes) or not len(numbers) <= max(numbers) < MOST_CLASSES:
        return data
    return known_as(replace(data, classes=class_names(max(numbers) + 1)), data.source, data.collected)


def known_as(data: Dataset, source: str, collected: Collected | None = None) -> Dataset:
    """The data set itself, with the name or path where it is found again, and what is known of its pictures."""
    object.__setattr__(data, "source", source)
    object.__setattr__(data, "collected", collected)
    return data


def _part(name: str, pair: Pair, classes: tuple[str, ...], **options: Any) -> Examples:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(f"{name}: {type(pair).__name__}; expected a pair of arrays, (images, labels).")
    return _said(name, Examples.from_arrays, *pair, classes=classes, **options)


def _said(name: str, make: Callable[..., T], *arrays: ArrayLike, **options: Any) -> T:
    """What is wrong with the arrays is said to be wrong with that part."""
    try:
        return make(*arrays, **options)
    except DataError as error:
        raise DataError(f"{name} {error}") from None
