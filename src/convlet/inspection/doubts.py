"""Which labels are doubtful, by confident learning; and which images are unlike all others.

Source: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 2021,
equations 1 to 3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.inspection.views import Array

REACH = 1.7  # interquartile ranges above the third quartile, beyond which an image is unlike the others


@dataclass(frozen=True)
class Doubts:
    """Images whose label is rather another, the most doubtful first: their places, and the label that they would have.

    `probabilities` are those of their own label and of the other, (n, 2).
    """

    places: NDArray[np.int64]
    others: NDArray[np.int64]
    probabilities: Array


def doubtful(probabilities: Array, labels: NDArray[np.int64]) -> Doubts:
    """The images that are counted, confidently, to another class than their label says.

    A class is confident of an image if it gives it at least the mean probability that it gives its own images. Of
    several, the most probable counts. `probabilities` (N, classes) are out of sample.
    """
    N, classes = probabilities.shape
    own = probabilities[np.arange(N), labels]
    counts = np.bincount(labels, minlength=classes)
    thresholds = np.where(counts > 0, np.bincount(labels, own, classes) / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, 0)
    others = confident.argmax(axis=1)
    places = np.flatnonzero((others != labels) & (confident.max(axis=1) > own))
    places = places[np.argsort(own[places], kind="stable")]
    both = np.stack([own[places], probabilities[places, others[places]]], axis=1)
    return Doubts(places, others[places], both)


def by_doubt(probabilities: Array, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """All images, the most doubtful label first: by how little probable it is."""
    return np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")


def unlike(distances: Array) -> NDArray[np.int64]:
    """The images that are farther from their neighbours than nearly all others, the farthest first."""
    first, third = np.quantile(distances, [0.25, 0.75])
    places = np.flatnonzero(distances > third + REACH * (third - first))
    return places[np.argsort(-distances[places], kind="stable")]
