"""The batch of a step: which images, and which values dropout keeps, are functions of the seed and the step."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Examples
from convlet.descriptions.network import Sequential
from convlet.engines import Batch
from convlet.losses import smoothed
from convlet.randomness import generator
from convlet.runs.recipe import Training
from convlet.training.weighting import image_weights

Array = NDArray[Any]


def batch_of_step(network: Sequential, examples: Examples, training: Training, step: int) -> Batch:
    """What a run learns from in this step, counted from 0."""
    indices = batch_indices(len(examples), training.batch_size, training.seed, step)
    images, labels = examples.batch(indices)
    batch = with_masks(network, images, labels, seed=training.seed, step=step)
    smoothing, classes = training.label_smoothing, len(examples.classes)
    targets = smoothed(labels, classes, smoothing) if smoothing else None
    return replace(batch, weights=image_weights(examples, training, indices), targets=targets)


def with_masks(network: Sequential, images: Array, labels: Array, *, seed: int, step: int) -> Batch:
    """Images (N, H, W, C) and labels (N,), with the masks of this step."""
    return Batch(images, labels, network.dropout_masks(len(labels), seed, step))


@lru_cache(maxsize=4)  # a batch lies in one epoch or two
def _order(images: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator(seed, "shuffle", epoch=epoch).permutation(images)


def batch_indices(images: int, batch_size: int, seed: int, step: int) -> NDArray[np.int64]:
    """Which images make the batch of a step: (batch_size,), in [0, images).

    The epochs stand in a row, each with all images in an order of its own, and batches are cut from that row. So a
    batch that meets the end of an epoch is completed from the next, as the tutorial's `next_batch` does.
    """
    epochs, within = np.divmod(np.arange(step * batch_size, (step + 1) * batch_size), images)
    return np.concatenate([_order(images, seed, int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])
