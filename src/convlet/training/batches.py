"""The batch of a step: which images, as they are seen this time, and which values dropout keeps.

All of it is a function of the recipe's seed and the step: nobody need know what came before.
"""

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Examples
from convlet.datasets.augmentation import Choices, Mixture, pictures, resample
from convlet.descriptions.network import Sequential
from convlet.engines import Batch, Preparing, Program, resampling
from convlet.environment import chosen_threads
from convlet.losses import smoothed
from convlet.randomness import generator
from convlet.runs.recipe import Recipe, Training
from convlet.training.ahead import Ahead
from convlet.training.weighting import image_weights

Array = NDArray[Any]
Weighted = tuple[Array | None, Array]  # weights (N,), where not all are 1, and targets (N, classes)


def prepare(program: Program, recipe: Recipe, examples: Examples, engine: str, progress: Preparing) -> None:
    """Compile all that would make a run's first step slow: the program's kernels, and what makes the batches."""
    program.prepare(recipe.training.batch_size, progress)
    if recipe.augmentation and resampling(engine):
        progress(0, 1, "augmentation")
        batch_of_step(recipe, examples, 0, engine=engine)


def batches(recipe: Recipe, examples: Examples, steps: range, *, engine: str) -> Ahead:
    """The batches of a run's steps, made ahead of them where the run may use more than one thread."""
    return Ahead(partial(batch_of_step, recipe, examples, engine=engine), steps, threads=chosen_threads())


def batch_of_step(recipe: Recipe, examples: Examples, step: int, *, engine: str) -> Batch:
    """What a run learns from in this step, counted from 0: the same, to the bit, on each engine."""
    training = recipe.training
    indices = batch_indices(len(examples), training.batch_size, training.seed, step)
    choices = Choices(training.seed, epochs(len(examples), training.batch_size, step), indices)
    images, mixed = pictures(examples, recipe.augmentation, choices, resampling(engine) or resample)
    batch = with_masks(recipe.network, images, examples.labels[indices], seed=training.seed, step=step)
    weights, targets = image_weights(examples, training, indices), None
    if mixed or training.label_smoothing:
        targets = _targets(examples, training, indices)
    if mixed and targets is not None:
        others = image_weights(examples, training, mixed.partners), _targets(examples, training, mixed.partners)
        weights, targets = _mixed(mixed, (weights, targets), others)
    return replace(batch, weights=weights, targets=targets)


def _targets(examples: Examples, training: Training, indices: Array) -> Array:
    return smoothed(examples.labels[indices], len(examples.classes), training.label_smoothing)


def _mixed(mixed: Mixture, own: Weighted, partners: Weighted) -> Weighted:
    """Weights and targets of mixed images: each of two labels counts by its share, and by the weight of its image."""
    (own_weights, own_targets), (weights, targets) = own, partners
    if own_weights is None or weights is None:
        return None, mixed.of(own_targets, targets)
    both = mixed.of(own_weights[:, np.newaxis] * own_targets, weights[:, np.newaxis] * targets)
    weights = mixed.of(own_weights, weights)
    return weights, both / weights[:, np.newaxis]


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
    within, when = _row(batch_size, step) % images, epochs(images, batch_size, step)
    return np.concatenate([_order(images, seed, int(epoch))[within[when == epoch]] for epoch in np.unique(when)])


def epochs(images: int, batch_size: int, step: int) -> NDArray[np.int64]:
    """In which epoch, counted from 0, each image of a step's batch is seen: (batch_size,)."""
    return _row(batch_size, step) // images


def _row(batch_size: int, step: int) -> NDArray[np.int64]:
    return np.arange(step * batch_size, (step + 1) * batch_size)
