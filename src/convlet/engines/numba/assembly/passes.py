"""Passes: a network's blocks, assembled into tables, with all the memory they use.

A `Passes` is for one purpose: training (forward with dropout, backward, and the optimizer's step) or inference (forward
alone). Its memory is as large as the largest number of images so far needs. A table belongs to a number of images; the
last few are kept, so that a short last batch costs nothing the next time, until memory grows: they hold its addresses.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import Dropout
from convlet.engines import Masks
from convlet.engines.numba import assembly
from convlet.engines.numba.assembly import BlockContext, Memory, Update
from convlet.engines.numba.assembly.layouts import frames, image_size, read_images, store_images
from convlet.engines.numba.assembly.lowering import Block
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.kernels import head, updates
from convlet.engines.numba.running import threads
from convlet.engines.numba.running.worklist import Job, Worklist

KEPT = 8  # tables


class Passes:
    """All passes of one kind: inference, gradients, or (with an update) steps."""

    def __init__(
        self, blocks: Sequence[Block], weights: Weights, training: bool, update: Update | None, every: bool = False
    ) -> None:
        self.blocks, self.weights, self.training, self.update, self.every = blocks, weights, training, update, every
        self.memory, self.frames = Memory(), frames(blocks)
        self._tables: OrderedDict[int, Worklist] = OrderedDict()
        self._grown = 0  # what memory.grown was when they were made

    def run(self, images: NDArray[Any], labels: NDArray[Any] | None = None, masks: Masks | None = None) -> None:
        """Compute a pass over a batch."""
        table = self._table(len(images))  # first: making one may replace the buffers that the batch is copied to
        self._take(images, labels, masks)
        if not self.weights.packed:
            threads.run(Worklist(self.packs()))
            self.weights.packed = True
        threads.run(table)

    def _table(self, N: int) -> Worklist:
        if N not in self._tables or self._grown != self.memory.grown:
            jobs = self.jobs(N)
            if self._grown != self.memory.grown:
                self._tables.clear()
                self._grown = self.memory.grown
            self._tables[N] = Worklist(jobs)
            if len(self._tables) > KEPT:
                self._tables.popitem(last=False)
        self._tables.move_to_end(N)
        return self._tables[N]

    def _take(self, images: NDArray[Any], labels: NDArray[Any] | None, masks: Masks | None) -> None:
        N = len(images)
        store_images(images, self._value(0, N), self.frames[0], image_size(self.blocks[0].input_shape))
        if labels is not None:
            self.memory.get("labels", N, np.int64)[:] = labels
        if masks is not None:
            for placed in (placed for block in self.blocks for placed in block.layers):
                if isinstance(placed.layer, Dropout):
                    keep = self.memory.get(f"keep:{placed.name}", N * math.prod(placed.output_shape), np.uint8)
                    keep[:] = masks[placed.name].reshape(-1)

    def output(self, index: int, N: int) -> NDArray[np.float32]:
        """A copy of the output of block `index` (N, *shape), as the last pass left it."""
        i = index % len(self.blocks)
        return read_images(self._value(i + 1, N), self.frames[i + 1], self.blocks[i].output_shape, N)

    def results(self) -> NDArray[np.float64]:
        """The mean loss, and how many images were right, in the last pass."""
        return self.memory.get("results", 2, np.float64)

    def gradients(self) -> dict[str, NDArray[np.float32]]:
        """The gradients that the last pass left, by the name of the weights' FlatWeights."""
        owns = self.weights.own.items()
        return {name: self.memory.get(f"d_{name}", len(own.values)) for name, own in owns if own.trainable}

    def packs(self) -> list[Job]:
        """The jobs that give kernels their own copies of the weights, when these have changed."""
        return self._packs([self._site(i, 1) for i in range(len(self.blocks))])

    def jobs(self, N: int) -> list[Job]:
        """All jobs of a pass over N images, in order."""
        sites = [self._site(i, N) for i in range(len(self.blocks))]
        jobs = [job for context in sites for job in assembly.FORWARD[type(context.block)](context)]
        if not self.training:
            return jobs
        jobs.append(self._head(N))
        jobs += [job for context in reversed(sites) for job in assembly.BACKWARD[type(context.block)](context)]
        if self.update is not None:
            jobs += assembly.update_jobs(self.weights, self.memory, self.update)
            jobs += self._packs(sites)
            jobs.append(Job(updates.count_step, 1, (self.update.taken,), label="count the step"))
        return jobs

    def _packs(self, sites: Sequence[BlockContext]) -> list[Job]:
        packs = [job for context in sites for job in assembly.pack(context)]
        return [Job(job.kernel, job.size, job.arguments, job.parts, i > 0, job.label) for i, job in enumerate(packs)]

    def _value(self, i: int, N: int) -> NDArray[np.float32]:
        return self.memory.get(f"value {i}", N * self.frames[i].size)

    def _gradient(self, i: int, N: int) -> NDArray[np.float32]:
        return self.memory.get(f"gradient {i}", N * self.frames[i].size)

    def _site(self, i: int, N: int) -> BlockContext:
        wanted = self.training and i > 0 and self._learns_before(i)
        return BlockContext(
            self.blocks[i], N, self._value(i, N), self.frames[i], self._value(i + 1, N), self.frames[i + 1],
            self.weights, self.memory, self.training, self.every,
            self._gradient(i, N) if wanted else None, self._gradient(i + 1, N) if self.training else None, self.update,
        )  # fmt: skip

    def _learns_before(self, i: int) -> bool:
        """Whether any block before i has something to learn; otherwise nobody wants gradients there."""
        return any(
            parameter.trainable for b in self.blocks[:i] for p in b.layers for parameter in p.parameters.values()
        )

    def _head(self, N: int) -> Job:
        last, (classes,) = len(self.blocks), self.blocks[-1].output_shape
        labels, results = self.memory.get("labels", N, np.int64), self.results()
        logits, d_logits = self._value(last, N), self._gradient(last, N)
        sizes = (N, classes, self.frames[last].size, int(self.update is not None))
        arguments = (logits, labels, d_logits, results, *sizes)
        return Job(head.softmax_cross_entropy, N, arguments, label="softmax cross-entropy")
