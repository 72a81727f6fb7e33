"""The machine's own speed: NumPy's product of two float32 matrices of 2048 × 2048, in the same rounds as all others."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from convlet.benchmarks.peers.peer import Array, Batch, Job, Peer

SIDE = 2048
GFLOP = 2e-9 * SIDE**3


class Sgemm(Peer):
    """No network at all: a step is one product, whatever the workload."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        stream = np.random.default_rng(0)
        self._left, self._right = (stream.random((SIDE, SIDE), np.float32) for _ in range(2))
        self._product = np.empty((SIDE, SIDE), np.float32)
        self.version = f"numpy {np.__version__}"

    def hold(self, images: Array, labels: Array) -> Batch:
        return None

    def step(self, batch: Batch) -> Any:
        np.matmul(self._left, self._right, out=self._product)
        return self._product[0, 0]

    def predict(self, batch: Batch) -> Any:
        self.step(batch)
        return self._product[:1, :1]

    def seconds(self, batches: Sequence[Batch], count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            self.step(None)
        return time.perf_counter() - started
