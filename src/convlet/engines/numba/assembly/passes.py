"""Passes: a network's blocks, assembled into worklists, with all the memory they use.

A `Passes` is for one purpose: to predict (forward alone), to train (forward with dropout, backward, and the optimizer's
step), or for the gradients by images (forward as when predicting, and backward down to the images). Its memory is as
large as the largest number of images so far needs. A worklist belongs to a number of images; the last ones are kept, so
that a short last batch costs nothing the next time, until memory grows: they hold its addresses.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import Dropout
from convlet.descriptions.network import IMAGE
from convlet.engines import Batch, Masks
from convlet.engines.numba import assembly
from convlet.engines.numba.assembly import BlockContext, Memory, Update
from convlet.engines.numba.assembly.block_context import PARTS, Input, is_trainable
from convlet.engines.numba.assembly.blocks import Block
from convlet.engines.numba.assembly.chains import chained
from convlet.engines.numba.assembly.gradients import Room, parts, places, room
from convlet.engines.numba.assembly.layouts import frames, image_size, read_images, readers, store_images, view
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.kernels import addition, head, updates
from convlet.engines.numba.running import threads
from convlet.engines.numba.running.worklist import Job, Worklist

KEPT = 128  # worklists: every number of images that is predicted at once; a server's batches have any
Purpose = Literal["predicting", "training", "input gradients"]


class Stage(NamedTuple):
    """The jobs of a pass that compute one block in one direction; or the loss, or the update, of no block."""

    block: Block | None
    what: Literal["forward", "loss", "backward", "update"]
    jobs: list[Job]
    gradients: int = 0  # how many it computes: of the weights, of the inputs, or both


class Passes:
    """All passes of one purpose. When training, an `update` makes steps of them; without one they leave gradients."""

    def __init__(
        self,
        blocks: Sequence[Block],
        weights: Weights,
        purpose: Purpose,
        update: Update | None = None,
        every: bool = False,
    ) -> None:
        self.blocks, self.weights, self.purpose, self.update, self.every = blocks, weights, purpose, update, every
        self.memory, self.frames = Memory(), frames(blocks)
        self._rooms = {name: room(blocks, name, frame) for name, frame in self.frames.items()}
        self._places = places(blocks, self.frames)
        self._readers = {name: readers(blocks, name) for name in self.frames}
        self._shapes = {name: block.input_shape for name, block in reversed([(n, b) for b in blocks for n in b.inputs])}
        self._learning = _learning(blocks)
        self._worklists: OrderedDict[int, Worklist] = OrderedDict()
        self._grown = 0  # what memory.grown was when they were made
        self._packing = "folded" if any(getattr(block, "normalization", None) for block in blocks) else "plain"

    def predict(self, images: NDArray[Any]) -> None:
        """Compute a pass over images (N, *shape)."""
        worklist = self._worklist(len(images))  # first: making one may replace the buffers that images are copied to
        self._take(images)
        self._run(worklist)

    def train(self, batch: Batch) -> None:
        """Compute a pass over a batch."""
        worklist = self._worklist(len(batch))
        self._take(batch.images)
        self._take_labels(batch.labels)
        self._take_masks(batch.masks, len(batch))
        self.memory.get("weights", len(batch))[:] = 1 if batch.weights is None else batch.weights
        self._take_targets(batch.targets)
        if self.update is not None:
            self.weights.packs_current.discard("folded")  # a step packs what it moves, as training reads it
        self._run(worklist)

    def differentiate(self, images: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float32]:
        """Compute a pass over images, and give the gradients of one logit of each by the image (N, *shape)."""
        worklist = self._worklist(len(images))
        self._take(images)
        self._take_labels(classes)
        self._run(worklist)
        return read_images(self._gradient(IMAGE, len(images)), self.frames[IMAGE], images.shape[1:], len(images))

    def _run(self, worklist: Worklist) -> None:
        if self._packing not in self.weights.packs_current:
            threads.run(Worklist(self.packs()))
            self.weights.packs_current.add(self._packing)
        threads.run(worklist)

    def _worklist(self, N: int) -> Worklist:
        if N not in self._worklists or self._grown != self.memory.grown:
            jobs = self.jobs(N)
            if self._grown != self.memory.grown:
                self._worklists.clear()
                self._grown = self.memory.grown
            self._worklists[N] = Worklist(chained(jobs, N))
            if len(self._worklists) > KEPT:
                self._worklists.popitem(last=False)
        self._worklists.move_to_end(N)
        return self._worklists[N]

    def _take(self, images: NDArray[Any]) -> None:
        store_images(images, self._value(IMAGE, len(images)), self.frames[IMAGE], image_size(images.shape[1:]))

    def _take_labels(self, labels: NDArray[Any]) -> None:
        self.memory.get("labels", len(labels), np.int64)[:] = labels

    def _take_targets(self, targets: NDArray[Any] | None) -> None:
        self.memory.get("soft", 1, np.int64)[:] = targets is not None
        if targets is not None:
            self.memory.get("targets", targets.size)[:] = targets.reshape(-1)

    def _take_masks(self, masks: Masks, N: int) -> None:
        for placed in (placed for block in self.blocks for placed in block.layers):
            if isinstance(placed.layer, Dropout):
                keep = self.memory.get(f"keep:{placed.name}", N * math.prod(placed.output_shape), np.uint8)
                keep[:] = masks[placed.name].reshape(-1)

    def output(self, block: Block, N: int) -> NDArray[np.float32]:
        """A copy of a block's output (N, *shape), as the last pass left it."""
        return read_images(self._value(block.gives, N), self.frames[block.gives], block.output_shape, N)

    def results(self) -> NDArray[np.float64]:
        """The mean loss, and how many images were right, in the last pass."""
        return self.memory.get("results", 2, np.float64)

    def gradients(self) -> dict[str, NDArray[np.float32]]:
        """The gradients that the last pass left, by the name of the weights' FlatWeights."""
        owns = self.weights.own.items()
        return {name: self.memory.get(f"d_{name}", len(own.values)) for name, own in owns if own.trainable}

    def packs(self) -> list[Job]:
        """The jobs that give kernels their own copies of the weights, when these have changed."""
        return self._packs([self._context(block, 1) for block in self.blocks])

    def jobs(self, N: int) -> list[Job]:
        """All jobs of a pass over N images, in order."""
        return [job for stage in self.stages(N) for job in stage.jobs]

    def stages(self, N: int) -> list[Stage]:
        """The same, by what they are for."""
        contexts = [self._context(block, N) for block in self.blocks]
        stages = [Stage(context.block, "forward", _assembly(context).forward(context)) for context in contexts]
        if self.purpose == "predicting":
            return stages
        stages.append(Stage(None, "loss", [self._head(N)]))
        for context in (context for context in reversed(contexts) if context.gradients):
            jobs = self._gathered(context.block.gives, N) + _assembly(context).backward(context)
            stages.append(Stage(context.block, "backward", jobs, context.gradients))
        if self.purpose == "input gradients" and (jobs := self._gathered(IMAGE, N)):
            stages.append(Stage(None, "backward", jobs))
        if self.update is not None:
            jobs = assembly.update_jobs(self.weights, self.memory, self.update)
            jobs += self._packs([context for context in contexts if context.trains])
            jobs.append(Job(updates.count_step, 1, (self.update.taken,), label="count the step"))
            stages.append(Stage(None, "update", jobs))
        return stages

    def _packs(self, contexts: Sequence[BlockContext]) -> list[Job]:
        folds = [job for context in contexts for job in _assembly(context).fold(context)]
        packs = [job for context in contexts for job in _assembly(context).pack(context)]
        return [replace(job, alongside=i > 0) for group in (folds, packs) for i, job in enumerate(group)]

    def _value(self, name: str, N: int, reader: Block | None = None) -> NDArray[np.float32]:
        """A value as it is stored, or from where on a reader sees it."""
        return self._stored((f"value {name}", self._rooms[name]), name, N, reader)

    def _gradient(self, name: str, N: int, reader: Block | None = None) -> NDArray[np.float32]:
        """The gradient of a value, or a reader's part of it, where there are several."""
        part = parts(self.blocks, name)[0] if reader is None else (name, reader.gives)
        return self._stored(self._places[part], name, N, reader)

    def _stored(self, place: tuple[str, Room], name: str, N: int, reader: Block | None) -> NDArray[np.float32]:
        """The beginning of a piece of memory with this Room, as large as the value needs it."""
        memory, whole = place
        first = 0 if reader is None else view(self.frames[name], reader)[0]
        return self.memory.get(memory, whole.floats(N))[first : self._rooms[name].floats(N)]

    def _gathered(self, name: str, N: int) -> list[Job]:
        """The sum of a value's gradient over its readers, in their order, where there are several."""
        readers = self._readers[name]
        if len(readers) < 2:
            return []
        total, frame, shape = self._gradient(name, N), self.frames[name], image_size(self._shapes[name])
        parts = [(self._gradient(name, N, reader), view(frame, reader)[1]) for reader in readers]
        so_far, jobs = parts[0], []
        for part in parts[1:]:
            arguments = (*so_far, *part, total, frame, shape, 0)
            label = f"{name}: gradients of {len(readers)}"
            jobs.append(Job(addition.add, N, arguments, min(PARTS, N), label=label, order="image by image"))
            so_far = total, frame
        return jobs

    def _context(self, block: Block, N: int) -> BlockContext:
        training, backward = self.purpose == "training", self.purpose != "predicting"
        return BlockContext(
            block, N, tuple(self._input(name, block, N) for name in block.inputs),
            self._value(block.gives, N), self.frames[block.gives], self.weights, self.memory, training, self.every,
            self._gradient(block.gives, N) if backward else None, self.update,
        )  # fmt: skip

    def _input(self, name: str, block: Block, N: int) -> Input:
        wanted = self.purpose == "input gradients" or (self.purpose == "training" and name in self._learning)
        d_x = self._gradient(name, N, block) if wanted else None
        return Input(self._value(name, N, block), view(self.frames[name], block)[1], d_x)

    def _head(self, N: int) -> Job:
        last, (classes,) = self.blocks[-1].gives, self.blocks[-1].output_shape
        labels, stride = self.memory.get("labels", N, np.int64), self.frames[last].size
        logits, d_logits = self._value(last, N), self._gradient(last, N)
        if self.purpose == "input gradients":
            return Job(head.one_logit, N, (labels, d_logits, stride), label="one logit")
        sizes = (N, classes, stride, int(self.update is not None))
        wanted = (self.memory.get("weights", N), self.memory.get("targets", N * classes))
        arguments = (logits, labels, *wanted, self.memory.get("soft", 1, np.int64), d_logits, self.results(), *sizes)
        return Job(head.softmax_cross_entropy, N, arguments, label="softmax cross-entropy")


def _assembly(context: BlockContext) -> assembly.Assembly:
    return assembly.ASSEMBLIES[type(context.block)]


def _learning(blocks: Sequence[Block]) -> set[str]:
    """The values that depend on what training moves: nobody wants the gradients of others."""
    found: set[str] = set()
    for block in blocks:
        if is_trainable(block) or not found.isdisjoint(block.inputs):
            found.add(block.gives)
    return found
