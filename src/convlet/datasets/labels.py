"""Labels in the one form that a network takes: each image's class by its number, from 0, with a name for every class.

Classes are those that are there, in order: labels 10, 20, 30 are the classes "10", "20", "30", by the numbers 0, 1, 2.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlet.checks import listed
from convlet.datasets.images import filled_array
from convlet.errors import DataError, InputError

Labels: TypeAlias = NDArray[np.int64]
MOST_CLASSES = 10_000  # more are a mistake: numbers that are no classes
_INTEGER = re.compile(r"-?\d{1,18}")


def class_names(classes: int | np.integer[Any] | Sequence[str]) -> tuple[str, ...]:
    """The names of the classes: their own, or "0", "1", … for a number of them. Raises InputError."""
    if isinstance(classes, int | np.integer) and not isinstance(classes, bool):
        if classes < 1:
            raise InputError(f"classes: {classes}; allowed: 1 or more. Give the number of classes.")
        return tuple(map(str, range(classes)))
    names = () if isinstance(classes, str | bool) else tuple(classes)
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"classes={classes!r}: expected a name for each class, as text, or how many there are.")
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise InputError(f"classes: {repeated!r} is there twice; expected a name of its own for each class.")
    if all(map(_INTEGER.fullmatch, names)):
        _check_distinct_numbers(names)
    return tuple(str(name) for name in names)


def _check_distinct_numbers(names: Sequence[str]) -> None:
    """Raise an InputError where two names are one whole number: a label could mean either."""
    first: dict[int, str] = {}
    for name in names:
        if (other := first.setdefault(int(name), name)) != name:
            raise InputError(f"classes: {other!r} and {name!r} are the same number; expected one name for each class.")


def classes_in(labels: ArrayLike) -> tuple[str, ...]:
    """The classes that these labels name, in order: numbers by their size, texts by the alphabet. Raises DataError."""
    values = np.unique(_checked(labels))
    if len(values) > MOST_CLASSES:
        raise DataError(f"labels: {len(values):,} different ones; allowed: up to {MOST_CLASSES:,}. Mend the labels.")
    return tuple(map(str, values.tolist()))


def numbered(labels: ArrayLike, classes: Sequence[str]) -> Labels:
    """(N,) labels → (N,) numbers of their classes, int64.

    A text is a class's name. A whole number is a class's name too, where all names are whole numbers; else it is
    already the class's place among them, from 0. Raises DataError where a label is no class.
    """
    array = _checked(labels)
    if array.dtype.kind == "U":
        return _places(array, np.array(classes))
    if _unnamed(classes) or not all(map(_INTEGER.fullmatch, classes)):
        check_label_range(array, len(classes), "labels")
        return array.astype(np.int64, copy=False)
    return _places(array, np.array([int(name) for name in classes]))


def renumbered(labels: Labels, classes: tuple[str, ...], others: tuple[str, ...]) -> Labels:
    """Labels by their place among `classes` → by their place among `others`, where the names are the same.

    Classes that are only numbered from 0 keep their places where the others have texts for names; texts are never the
    places of others that are only numbered. Raises DataError where a class is none of the others.
    """
    if _unnamed(classes) and not any(map(_INTEGER.fullmatch, others)):
        check_label_range(labels, len(others), "labels")
        return labels
    places = {name: place for place, name in enumerate(others)}
    if strange := [classes[label] for label in np.unique(labels) if classes[label] not in places]:
        more = f" (nor are {len(strange) - 1:,} more)" if len(strange) > 1 else ""
        raise DataError(f"labels: class {strange[0]!r} is none of the classes: {listed(others[:20])}{more}.")
    return np.array([places.get(name, -1) for name in classes])[labels]


def _unnamed(classes: Sequence[str]) -> bool:
    return list(classes) == [*map(str, range(len(classes)))]


def check_label_range(labels: NDArray[Any], classes: int, name: str) -> None:
    """Raise a DataError unless every label is the number of a class."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"{name}: from {low} to {high}; allowed: 0 to {classes - 1}, for {classes} classes. "
            "Number the classes from 0, or give more of them."
        )


def _checked(labels: ArrayLike) -> NDArray[Any]:
    """(N,) whole numbers or texts."""
    array = filled_array(labels, "labels")
    if array.ndim != 1:
        raise DataError(
            f"labels: shape {array.shape}; allowed: (N,). Use labels.reshape(-1) for (N, 1), "
            "labels.argmax(axis=1) for one-hot rows."
        )
    if array.dtype == object and all(isinstance(label, str) for label in array):  # as pandas keeps texts
        return array.astype(str)
    if not (np.issubdtype(array.dtype, np.integer) or array.dtype.kind == "U"):
        raise DataError(
            f"labels: type {array.dtype}; allowed: whole numbers or texts. "
            "Use labels.astype(np.int64), or the classes' names."
        )
    return array


def _places(labels: NDArray[Any], values: NDArray[Any]) -> Labels:
    """Where in `values` each label stands."""
    order = np.argsort(values, kind="stable")
    places = order[np.searchsorted(values, labels, sorter=order).clip(max=len(values) - 1)]
    if (strange := values[places] != labels).any():
        there = listed([str(value) for value in values[:20]])
        raise DataError(f"labels: {str(labels[strange][0])!r} is none of the classes: {there}.")
    return places.astype(np.int64)
