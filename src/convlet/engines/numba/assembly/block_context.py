"""A block's place in the network: the arrays that its jobs work on, and the memory that they share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from convlet.descriptions.optimizers import Optimizer, UpdateRule
from convlet.engines.numba.assembly.blocks import NormalizationBlock
from convlet.engines.numba.assembly.layouts import image_size
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.buffers import Frame, buffer
from convlet.engines.numba.kernels import activations, elementwise, updates
from convlet.engines.numba.running.worklist import Job, Order

PARTS = 16
NO_WINNERS = buffer(0, np.int8)
KEEP_ALL = buffer(0, np.uint8)


class Memory:
    """Buffers by name. Whoever asks gets the beginning of the same one, until one asks for more than it holds.

    Then a larger one takes its place, and `grown` counts it: arrays that were got before are no longer anybody's.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, np.ndarray] = {}
        self.grown = 0

    def get(self, name: str, size: int, dtype: Any = np.float32) -> np.ndarray:
        if name in self._buffers and len(self._buffers[name]) < size:
            self.grown += 1
            del self._buffers[name]
        if name not in self._buffers:
            self._buffers[name] = buffer(size, dtype)
        return self._buffers[name][:size]

    def all(self) -> dict[str, np.ndarray]:
        return dict(self._buffers)


class Update:
    """What happens to gradients: how each parameter is moved, by settings that are made anew for each step.

    `taken` holds how many steps were taken before, `scale` what gradients are multiplied by where they are clipped.
    """

    def __init__(self, optimizer: Optimizer, rules: Mapping[str, UpdateRule], taken: np.ndarray) -> None:
        self.optimizer, self.rules, self.taken = optimizer, rules, taken
        self._distinct: list[UpdateRule] = []
        for rule in rules.values():
            if rule not in self._distinct:
                self._distinct.append(rule)
        self._settings = [buffer(updates.SETTINGS) for _ in self._distinct]
        self.scale, self.clip_norm = buffer(1), buffer(1, np.float64)
        self.scale[:], self.clip_norm[:] = 1, optimizer.clip_norm or 0
        self.pull = buffer(2)  # of averages, as `updates.follow` takes it

    def settings(self, rule: UpdateRule) -> np.ndarray:
        """What the kernels need for this rule: the same array for as long as the program lives."""
        return self._settings[self._distinct.index(rule)]

    def set(self, learning_rate: float) -> None:
        """Make the settings of the coming step."""
        step = int(self.taken[0]) + 1
        if self.optimizer.average is not None:
            self.pull[:] = self.optimizer.average.pull(step)
        for rule, array in zip(self._distinct, self._settings, strict=True):
            values = updates.settings(rule, learning_rate, step)
            array[: len(values)] = values


class Input(NamedTuple):
    """A value as a block reads it, and, where it is wanted, its gradient, in the same Frame."""

    x: np.ndarray
    frame: Frame
    d_x: np.ndarray | None


@dataclass(frozen=True)
class BlockContext:
    """A block's place: N images, its inputs and outputs with their Frames, and their gradients in a backward pass.

    `inputs` are all of them, and `x`, `x_frame` and `d_x` the first: only an addition has several.

    There is a backward pass where there is a `d_y`; without `d_x` the inputs' gradient is not wanted. The weights' is
    wanted where the pass `trains` the block: without an update, it goes to arrays `d_…` of the memory. What is dropped
    depends on `training`, and what statistics are normalised by on `trains`.
    """

    block: Any
    N: int
    inputs: tuple[Input, ...]
    y: np.ndarray
    y_frame: Frame
    weights: Weights
    memory: Memory
    training: bool = False
    every: bool = False  # list also what carries no gradient (a test's switch)
    d_y: np.ndarray | None = None
    update: Update | None = None

    @property
    def x(self) -> np.ndarray:
        return self.inputs[0].x

    @property
    def x_frame(self) -> Frame:
        return self.inputs[0].frame

    @property
    def d_x(self) -> np.ndarray | None:
        return self.inputs[0].d_x

    @property
    def name(self) -> str:
        return self.block.names[0]

    @property
    def trains(self) -> bool:
        """Whether the block's weights change in this pass, or would with an update: a frozen layer's do not."""
        return self.training and is_trainable(self.block)

    @property
    def gradients(self) -> int:
        """How many gradients are wanted: of the weights, of the inputs, or both."""
        return int(self.trains) + any(each.d_x is not None for each in self.inputs)

    def array(self, purpose: str, size: int, dtype: Any = np.float32) -> np.ndarray:
        """Memory for this block and purpose."""
        return self.memory.get(f"{self.name}:{purpose}", size, dtype)

    def gradient(self, own: str) -> np.ndarray:
        return self.memory.get(f"d_{own}", len(self.weights.own[own].values))

    def job(
        self,
        kernel: Any,
        size: int,
        *arguments: Any,
        parts: int = PARTS,
        alongside: bool = False,
        order: Order = "in turn",
    ) -> Job:
        label = f"{self.name}: {kernel.__name__}"
        return Job(kernel, size, arguments, max(1, min(parts, size)), alongside, label, order=order)

    def images(self, kernel: Any, *arguments: Any, each: int = 1, parts: int = PARTS) -> Job:
        """A job that goes image by image, each of so many units: it reads and writes nothing of any other image."""
        return self.groups(kernel, self.N, *arguments, each=each, parts=parts)

    def groups(self, kernel: Any, count: int, *arguments: Any, each: int = 1, parts: int = PARTS) -> Job:
        """The same, of so many groups of images, each a part of the batch."""
        job = self.job(kernel, count * each, *arguments, parts=parts, order="image by image")
        return replace(job, together=each)

    def alone(self, kernel: Any, size: int, *arguments: Any, alongside: bool = False, order: Order = "in turn") -> Job:
        """A job that is too small to share."""
        return self.job(kernel, size, *arguments, parts=1, alongside=alongside, order=order)


def is_trainable(block: Any) -> bool:
    """Whether a block has a parameter that training moves, or averages that its batches do."""
    if isinstance(block, NormalizationBlock) and block.moving:
        return True
    return any(parameter.trainable for placed in block.layers for parameter in placed.parameters.values())


def keep(context: BlockContext, dropout: Any) -> tuple[np.ndarray, np.float32]:
    """Which values dropout keeps, and what they are multiplied by; nothing is dropped when predicting."""
    if dropout is None or not context.training:
        return KEEP_ALL, np.float32(1)
    size = context.N * int(np.prod(dropout.output_shape))
    return context.memory.get(f"keep:{dropout.name}", size, np.uint8), np.float32(1 / (1 - dropout.layer.rate))


def activation_jobs(context: BlockContext, x: np.ndarray, x_frame: Frame, code: int) -> list[Job]:
    arguments = (x, x_frame, context.y, context.y_frame, image_size(context.block.output_shape), code)
    return [context.images(elementwise.activation, *arguments)]


def activation_backward_jobs(context: BlockContext, code: int) -> list[Job]:
    """In the place of d_y, for an activation at the end of another layer's block."""
    d_y = (context.d_y, context.y_frame)
    slopes = sums_of(context, code) if code in activations.BY_INPUTS else context.y
    arguments = (*d_y, slopes, context.y_frame, *d_y, image_size(context.block.output_shape), code)
    return [context.images(elementwise.activation_backward, *arguments)]


def sums_of(context: BlockContext, code: int) -> np.ndarray:
    """Where a block leaves its sums, before an activation: where the outputs go, unless they are needed again."""
    return context.array("activated", len(context.y)) if code in activations.BY_INPUTS else context.y
