"""Does one property alone tell the classes apart? Then a network may learn that, and nothing of what is to be seen.

If all cats were photographed at night, darkness would be as good as a cat.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.inspection.views import Array
from convlet.randomness import generator

FOLDS = 5
BINS = 20
FEWEST = 20  # images in a bin, on average
ALARM = 0.6  # of the way from chance to certainty; less is common where classes differ in what they show


@dataclass(frozen=True)
class Shortcut:
    """How well a property alone predicts the class.

    `accuracy` is the mean of the classes' recalls, on images it was not learnt from; `chance` what guessing reaches;
    `told` the classes that it finds best, with the share of each that it finds.
    """

    what: str
    accuracy: float
    chance: float
    told: tuple[tuple[int, float], ...]

    @property
    def strength(self) -> float:
        """0 for chance, 1 for certainty."""
        return (self.accuracy - self.chance) / (1 - self.chance)


def shortcuts(properties: Mapping[str, Array], labels: NDArray[np.int64], seed: int) -> list[Shortcut]:
    """How well each property (N,) alone predicts the labels, the best first."""
    present = np.unique(labels)
    if len(present) < 2 or np.bincount(labels)[present].min() < FOLDS:
        return []
    found = [_shortcut(what, values, labels, present, seed) for what, values in properties.items()]
    return sorted(found, key=lambda each: -each.strength)


def _shortcut(what: str, values: Array, labels: NDArray[np.int64], present: NDArray[np.int64], seed: int) -> Shortcut:
    fold = generator(seed, "split", step=1).permutation(len(labels)) % FOLDS
    predicted = np.empty(len(labels), np.int64)
    for number in range(FOLDS):
        trained, asked = fold != number, fold == number
        predicted[asked] = _predicted(values[trained], labels[trained], values[asked])
    recalls = np.array([(predicted[labels == label] == label).mean() for label in present])
    best = np.argsort(-recalls, kind="stable")[:3]
    told = tuple((int(present[i]), float(recalls[i])) for i in best)
    return Shortcut(what, float(recalls.mean()), 1 / len(present), told)


def _predicted(values: Array, labels: NDArray[np.int64], asked: Array) -> NDArray[np.int64]:
    """The class in which such a value is most frequent, by a histogram of each class: all classes count alike."""
    edges = _edges(values)
    bins, classes = len(edges) + 1, int(labels.max()) + 1
    counts = np.zeros((classes, bins))
    np.add.at(counts, (labels, np.searchsorted(edges, values, side="right")), 1)
    totals = counts.sum(axis=1, keepdims=True)
    likely = np.where(totals > 0, (counts + 1 / bins) / (totals + 1), 0)
    return likely.argmax(axis=0)[np.searchsorted(edges, asked, side="right")]


def _edges(values: Array) -> Array:
    """Between which values the bins are: each different one, where there are few; else bins of equally many images."""
    different = np.unique(values)
    if len(different) <= BINS:
        return different[1:]
    bins = int(min(max(len(values) // FEWEST, 2), BINS))
    return np.unique(np.quantile(values, np.arange(1, bins) / bins))
