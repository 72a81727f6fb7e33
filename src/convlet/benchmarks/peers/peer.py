"""What a competitor must answer, and how its steps are timed unless it times them itself."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.benchmarks.workloads import Task
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import SGD, Adam, Optimizer
from convlet.errors import EngineError

Array = NDArray[Any]
Batch = Any  # a batch in the framework's own form


@dataclass(frozen=True)
class Job:
    """What a peer is made for: a network, its weights in the public layout, how it learns, and how many threads.

    `seed` is that of the dropout it draws itself; so much of each label is shared out evenly as `label_smoothing` says.
    """

    network: Sequential
    parameters: Parameters
    optimizer: Optimizer
    task: Task
    batch_size: int
    threads: int
    label_smoothing: float = 0.0
    seed: int = 0


class Peer(ABC):
    """A framework with a network in it. `rate` is the learning rate of the steps to come."""

    version = ""
    keeps_averages = True  # of batch normalisation, while it trains: without them it cannot be validated

    def __init__(self, job: Job) -> None:
        self.job = job
        self.rate = plain_rate(job.optimizer)

    @abstractmethod
    def hold(self, images: Array, labels: Array) -> Batch:
        """A batch, images (N, H, W, C) float32 and labels (N,), in the form it is computed with. Not timed."""

    @abstractmethod
    def step(self, batch: Batch) -> Any:
        """One step of the optimizer. Returns the mean loss before it, which `number` turns into a float."""

    @abstractmethod
    def predict(self, batch: Batch) -> Any:
        """The logits of the batch, which `array` turns into NumPy's."""

    def validated(self, images: Array) -> Array:
        """The logits of images, between two steps of training. Not timed."""
        return self.array(self.predict(self.hold(images, np.zeros(len(images), np.int64))))

    def number(self, loss: Any) -> float:
        """The loss, when it has been computed."""
        return float(loss)

    def array(self, logits: Any) -> Array:
        """The logits (N, classes), when they have been computed."""
        return np.asarray(logits)

    def losses(self, batches: Sequence[Batch]) -> list[float]:
        """The loss of each step, one step a batch."""
        return [self.number(self.step(batch)) for batch in batches]

    def seconds(self, batches: Sequence[Batch], count: int) -> float:
        """How long `count` steps or calls take, batch after batch, until the last one is computed."""
        act: Callable[[Batch], Any] = self.step if self.job.task == "training" else self.predict
        wait: Callable[[Any], Any] = self.number if self.job.task == "training" else self.array
        started = time.perf_counter()
        for i in range(count):
            last = act(batches[i % len(batches)])
        wait(last)
        return time.perf_counter() - started


def plain_rate(optimizer: Optimizer) -> float:
    """The learning rate, which must be the same at every step."""
    if not isinstance(optimizer.learning_rate, float):
        raise EngineError(f"learning_rate={optimizer.learning_rate!r}: a benchmark's is a plain number.")
    return optimizer.learning_rate


def check_plain(optimizer: Optimizer) -> SGD | Adam:
    """The optimizer, if it is plain SGD or Adam, which every peer has. Raises EngineError."""
    if not isinstance(optimizer, SGD | Adam) or optimizer.weight_decay or getattr(optimizer, "momentum", 0.0):
        raise EngineError(f"optimizer={optimizer!r}: peers have Adam and plain SGD, without weight decay.")
    if optimizer.rate_factors or optimizer.clip_norm or optimizer.average:
        raise EngineError(f"optimizer={optimizer!r}: peers know one rate, and neither clip nor average.")
    return optimizer


def unknown(layer: object) -> EngineError:
    """The error for a layer that a peer was not taught."""
    return EngineError(f"{type(layer).__name__} with these settings has no counterpart in this benchmark.")
