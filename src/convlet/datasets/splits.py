"""Which examples are held out for validation, where a data set has none."""

import numpy as np
from numpy.typing import NDArray

from convlet.checks import number
from convlet.datasets.duplicates import copy_groups
from convlet.datasets.labelled import Examples
from convlet.errors import InputError
from convlet.randomness import generator

SHARES = (int, float, np.integer, np.floating)  # what a share can be, in distinction from images with labels
HELD_OUT = 12  # one in twelve: 5,000 of MNIST's 60,000


def split(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """The examples without `share` of each class, and that share: chosen at random, always the same ones.

    At least one image of each class stays on either side, and copies of an image are never on both. Raises InputError
    for a share that is not between 0 and 1, or a class with a single image, or copies of one alone.
    """
    number("validation", share, low=0, high=1, open_low=True)
    held = np.zeros(len(examples), bool)
    groups, settled = copy_groups(examples.images), np.zeros(len(examples), bool)
    for label in np.unique(examples.labels):
        places = np.flatnonzero(examples.labels == label)
        if len(np.unique(groups[places])) < 2:
            name = examples.classes[label] if examples.classes else label
            raise InputError(f"validation={share}: class {name!r} has one image only, which cannot be divided.")
        order = generator(0, "split", step=int(label)).permutation(places)
        taken = held[places].sum()  # copies of images of another class
        free = order[~settled[order]]
        held |= np.isin(groups, _first(groups[free], max(round(share * len(places)), 1) - taken))
        settled |= np.isin(groups, groups[places])
    return examples.take(~held), examples.take(held)


def _first(groups: NDArray[np.int64], images: int) -> NDArray[np.int64]:
    """The first groups, in order, that make so many images; but never all of them."""
    distinct, places, sizes = np.unique(groups, return_index=True, return_counts=True)
    order = np.argsort(places, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    return distinct[order][: min(np.count_nonzero(before < images), len(distinct) - 1)]


def hold_out(train: Examples) -> tuple[Examples, Examples | None]:
    """`train` without its held-out part, and that part; None if there are fewer than twelve examples."""
    count = len(train) // HELD_OUT
    if count == 0:
        return train, None
    rest, held = train.take(slice(count, None)), train.take(slice(count))
    if min(_classes_in(rest), _classes_in(held)) == _classes_in(train):
        return rest, held
    chosen = np.arange(len(train)) % HELD_OUT == 0
    return train.take(~chosen), train.take(chosen)


def _classes_in(part: Examples) -> int:
    return np.unique(part.labels).size
