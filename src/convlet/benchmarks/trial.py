"""One training of a recipe by one peer, with a clock: what a worker does where time to an accuracy is asked for.

All peers get the same images in the same order, the same first weights and the same rate at each step; dropout each
draws itself. What it is not: `convlet train`, which saves, draws, and goes on where it was stopped.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from convlet.benchmarks.peers.peer import Array, Job, Peer
from convlet.datasets import Dataset, Examples
from convlet.descriptions.layers import BatchNormalization
from convlet.errors import EngineError
from convlet.runs.recipe import Recipe
from convlet.training.batches import batch_of_step
from convlet.training.initial import initial_parameters


@dataclass(frozen=True)
class Trial:
    """What came of it: `accuracy` of the validation images at the end; seconds of training in all, and until they were
    first at the target, or None; and before that, of building, compiling and the first step.
    """

    accuracy: float
    seconds: float
    reached: float | None
    prepared: float
    version: str = ""


def trial(make: Callable[[Job], Peer], recipe: Recipe, threads: int, target: float) -> Trial:
    """Train from the first step to the last. Validating is not timed.

    The first step, in which most frameworks compile, counts as preparing. Raises EngineError where the peer's network
    could not be validated, or learns nothing that is a number.
    """
    data, training = recipe.data.load(), recipe.training
    began = time.perf_counter()
    peer = make(_job(recipe, data, threads))
    check_averages(peer, recipe)
    seconds, prepared, accuracy, reached = 0.0, 0.0, math.nan, None
    steps = training.total_steps(len(data.train))
    for step in range(steps):
        started = time.perf_counter() if step else began
        _step(peer, recipe, data, step)
        taken = time.perf_counter() - started
        seconds, prepared = (seconds + taken, prepared) if step else (0.0, taken)
        if step + 1 == steps or training.validates_after(step + 1, len(data.train)):
            accuracy = _accuracy(peer, data.validation or data.train, training.batch_size)
            reached = seconds if reached is None and accuracy >= target else reached
    return Trial(accuracy, seconds, reached, prepared, peer.version)


def check_averages(peer: Peer, recipe: Recipe) -> None:
    """Raise an EngineError where batch normalisation's averages would stay those of the beginning."""
    if not peer.keeps_averages and any(isinstance(placed.layer, BatchNormalization) for placed in recipe.network):
        raise EngineError("keeps no averages of batch normalisation in this benchmark, and cannot be validated.")


def _job(recipe: Recipe, data: Dataset, threads: int) -> Job:
    training, optimizer = recipe.training, recipe.optimizer
    constant = replace(optimizer, learning_rate=optimizer.rate(0, 1))
    weights = initial_parameters(recipe.network, data, training.seed)
    smoothing = training.label_smoothing
    return Job(recipe.network, weights, constant, "training", training.batch_size, threads, smoothing, training.seed)


def _step(peer: Peer, recipe: Recipe, data: Dataset, step: int) -> None:
    batch = batch_of_step(recipe, data.train, step, engine="numba")
    peer.rate = recipe.optimizer.rate(step, recipe.training.total_steps(len(data.train)))
    loss = peer.number(peer.step(peer.hold(batch.images, batch.labels)))
    if not math.isfinite(loss):
        raise EngineError(f"step {step + 1}: the loss is {loss}.")


def _accuracy(peer: Peer, examples: Examples, size: int) -> float:
    right = sum(int((peer.validated(images).argmax(1) == labels).sum()) for images, labels in _parts(examples, size))
    return right / len(examples)


def _parts(examples: Examples, size: int) -> Iterator[tuple[Array, Array]]:
    for start in range(0, len(examples), size):
        yield examples.batch(np.arange(start, min(start + size, len(examples))))
