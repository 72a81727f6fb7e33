"""Labelled images to evaluate on, by part as they are given: nothing is held out, and none need be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convlet.checks import listed
from convlet.datasets.collections.preparation import Collected
from convlet.datasets.dataset import Dataset
from convlet.datasets.images import Images, scaled
from convlet.datasets.labelled import Examples
from convlet.datasets.stored import StoredImages
from convlet.errors import InputError

ALL = "all"  # the name of all parts together


@dataclass(frozen=True, eq=False, repr=False)
class ByPart:
    """Labelled images by part: what has no parts is all "test".

    Attributes:
        name: what to call them.
        classes: the name of each class; label i means classes[i].
        parts: those that there are, of "train", "validation" and "test".
        collected: what is known of their pictures, as in a `Dataset`.
    """

    name: str
    classes: tuple[str, ...]
    parts: dict[str, Examples]
    collected: Collected | None = None

    def __repr__(self) -> str:
        """What there is in each part."""
        there = ", ".join(f"{name} {part!r}" for name, part in self.parts.items())
        return f"<{self.name!r} of {len(self.classes)} classes: {there}>"


def part_of(data: Dataset | ByPart, name: str) -> Examples:
    """A part of some data, by its name; "all" is all of them. Raises InputError where there is none."""
    if name == ALL:
        return _together([*data.parts.values()])
    if name not in data.parts:
        raise InputError(
            f"part {name!r}: {data.name} has no such part; it has {listed([*data.parts])}, and 'all' is all of them."
        )
    return data.parts[name]


def _together(parts: Sequence[Examples]) -> Examples:
    """All examples of some parts of one data set, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        images=_all_images([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        sample_weight=None,
    )


def _all_images(images: Sequence[Images | StoredImages]) -> Images | StoredImages:
    """Images one after the other: those of one file stay there; bytes beside floats are brought to one scale."""
    stored = [each for each in images if isinstance(each, StoredImages)]
    if len(stored) == len(images) and StoredImages.of_one_file(stored):
        return StoredImages.together(stored)
    arrays: list[Images] = [np.asarray(each) for each in images]
    alike = len({array.dtype for array in arrays}) == 1
    return np.concatenate(arrays if alike else [scaled(array) for array in arrays])
