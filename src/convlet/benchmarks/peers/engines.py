"""convlet's own engines, through the door. Masks of dropout are drawn within the step, as in training."""

import os
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from convlet.benchmarks.peers.peer import Array, Job, Peer
from convlet.engines import engine
from convlet.losses import smoothed
from convlet.training.batches import with_masks

Batch = tuple[Array, Array]


class EnginePeer(Peer):
    """One engine's program. `keras` computes with TensorFlow."""

    def __init__(self, job: Job, *, engine: str) -> None:
        super().__init__(job)
        if engine == "keras":
            os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        self._program = _compile(engine, job)
        self._steps = 0
        self.version = _version(engine)

    def hold(self, images: Array, labels: Array) -> Batch:
        return images, labels

    def step(self, batch: Batch) -> Any:
        whole = with_masks(self.job.network, *batch, seed=self.job.seed, step=self._steps)
        if share := self.job.label_smoothing:
            whole = replace(whole, targets=smoothed(batch[1], self.job.network.output_shape[0], share))
        loss, _ = self._program.step(whole, self.rate)
        self._steps += 1
        return loss

    def predict(self, batch: Batch) -> Any:
        return self._program.predict(batch[0])


def _compile(name: str, job: Job) -> Any:
    optimizer = job.optimizer if job.task == "training" else None
    program = engine(name).compile(job.network, job.parameters, optimizer)
    if job.task == "training":
        program.prepare(job.batch_size)
    return program


def _version(name: str) -> str:
    parts = {"numba": ["numba"], "numpy": ["numpy"], "keras": ["keras"]}[name]
    return ", ".join([f"convlet {version('convlet')}", *(f"{part} {version(part)}" for part in parts)])
