"""How much each image counts in the loss of training: by its class, and by itself.

What it is not: a change of what is evaluated. Validation and test losses are plain cross-entropies.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import listed, nearest
from convlet.datasets import Dataset, Examples
from convlet.errors import InputError
from convlet.runs.recipe import BALANCED, Training


def check_class_weights(training: Training, data: Dataset) -> None:
    """Raise an InputError where a weight is given for a class that the data has not."""
    if not isinstance(training.class_weights, Mapping):
        return
    for name in training.class_weights:
        if name not in data.classes:
            hint = nearest(name, data.classes)
            allowed = listed(data.classes[:20])
            raise InputError(f"class_weights: {name!r} is none of the classes of {data.name!r}: {allowed}.{hint}")


def image_weights(examples: Examples, training: Training, indices: NDArray[Any]) -> NDArray[np.float32] | None:
    """The weights of these images (B,): their class's times their own; None where all count alike."""
    own = None if examples.sample_weight is None else examples.sample_weight[indices]
    if training.class_weights is None:
        return own
    by_class = class_weights(examples, training.class_weights)[examples.labels[indices]]
    return by_class if own is None else by_class * own


def class_weights(examples: Examples, chosen: str | Mapping[str, float]) -> NDArray[np.float32]:
    """Each class's weight (classes,): as it was chosen, and 1 for the others.

    "balanced" gives each class the same weight in all, and the images a mean weight of 1: N / (classes × its images).
    """
    if chosen == BALANCED:
        counts = examples.class_counts
        present = np.count_nonzero(counts)
        return (len(examples) / (present * np.maximum(counts, 1))).astype(np.float32)
    assert isinstance(chosen, Mapping)
    return np.array([chosen.get(name, 1.0) for name in examples.classes], np.float32)
