"""A block's weights, with their slots and gradients, in the layout that its kernels want.

What a kernel sees is an `FlatWeights`: a few flat arrays for each group of weights that moves together. A convolution's
kernels and biases are one group; a dense layer's are two, for the kernel's gradient never leaves its registers.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import RAW, Muon, Optimizer, UpdateRule
from convlet.engines.numba.assembly.blocks import Block, ConvolutionBlock, DenseBlock
from convlet.engines.numba.assembly.layouts import Places, channels, convolution_places, dense_places, dense_size
from convlet.engines.numba.buffers import buffer, padded
from convlet.engines.numba.kernels.dense import BLOCK

Array = NDArray[np.float32]
NOTHING = buffer(8)  # in the place of an array that a kernel does not use


class Grid(NamedTuple):
    """How a kernel's numbers lie, in `blocks` of K lines of L: a line of units an input; or, a unit each, of inputs."""

    units: int
    inputs: int
    blocks: int
    K: int
    L: int
    units_in_line: bool


@dataclass
class FlatWeights:
    """One flat array of weights, what the optimizer remembers of each, and which parameters lie in it, in order."""

    values: Array
    trainable: int  # that many numbers, from the first, may move: none of a frozen layer's
    parts: dict[str, slice]  # by public name
    slots: dict[str, Array] = field(default_factory=dict)
    average: Array | None = None
    grid: Grid | None = None  # of the kernel, where there is one

    @property
    def predicting(self) -> Array:
        """What the network predicts with: the weights, or their average."""
        return self.values if self.average is None else self.average

    def slots_of(self, rule: UpdateRule) -> tuple[Array, Array]:
        """The two arrays that a rule remembers; NOTHING in the place of one that it does not."""
        first, second = (*(self.slots[slot] for slot in rule.optimizer.slots), NOTHING, NOTHING)[:2]
        return first, second

    def moving(self, rules: Mapping[str, UpdateRule]) -> list[tuple[slice, UpdateRule]]:
        """Which parts are moved, and how: neighbours that are moved alike are one."""
        found: list[tuple[slice, UpdateRule]] = []
        for name, part in self.parts.items():
            if (rule := rules.get(name)) is None:
                continue
            if found and found[-1][1] == rule:
                found[-1] = slice(found[-1][0].start, part.stop), rule
            else:
                found.append((part, rule))
        return found


@dataclass(frozen=True)
class ParameterPlace:
    """A parameter that the network knows by name: which FlatWeights holds it, and where."""

    own: str
    places: Any  # Places, or a function that makes them: those of a large kernel are larger than itself

    def find(self) -> Places:
        return self.places() if callable(self.places) else self.places


class Weights:
    """All weights of a network, by block and public name."""

    def __init__(self, blocks: list[Block], network: Sequential, optimizer: Optimizer | None) -> None:
        self.rules = rules = optimizer.update_rules(network) if optimizer else {}
        self.averaged = optimizer.averaged(network) if optimizer else ()
        self.own: dict[str, FlatWeights] = {}
        self.public: dict[str, ParameterPlace] = {}
        self.fused: set[str] = set()  # moved by the kernel that makes the gradient
        self._packs: dict[str, Array] = {}
        self.packs_current: set[str] = set()  # which of those, plain or folded, hold the weights as they are now
        for block in blocks:
            C = channels(block.input_shape, block.first)
            if isinstance(block, ConvolutionBlock):
                self._add_convolution(block, C)
            elif isinstance(block, DenseBlock):
                self._add_dense(block, C)
            else:
                self._add_plain(block)
        for own in self.own.values():
            optimizers = [rules[name].optimizer for name in own.parts if name in rules]
            own.slots = {slot: buffer(len(own.values)) for each in optimizers for slot in each.slots}
            if any(name in self.averaged for name in own.parts):
                own.average = buffer(len(own.values))
        if optimizer is not None and optimizer.clip_norm is not None:
            self.fused.clear()  # no gradient moves anything before all are there
        by_muon = {name for name, rule in rules.items() if isinstance(rule.optimizer, Muon)}
        self.fused = {name for name in self.fused if f"{name}/kernel" not in by_muon}

    def _add_convolution(self, block: ConvolutionBlock, C: int) -> None:
        name, parameters = block.convolution.name, block.convolution.parameters
        kernel, bias, size = convolution_places(parameters[f"{name}/kernel"].shape, C)
        has_bias = f"{name}/bias" in parameters
        moving = size if has_bias else size - padded(len(bias))
        parts = {f"{name}/kernel": slice(0, size - padded(len(bias)))}
        self.public[f"{name}/kernel"] = ParameterPlace(name, kernel)
        if has_bias:
            parts[f"{name}/bias"] = slice(size - padded(len(bias)), size)
            self.public[f"{name}/bias"] = ParameterPlace(name, bias)
        self.own[name] = FlatWeights(buffer(size), moving if block.convolution.layer.trainable else 0, parts)
        F = padded(len(bias))
        self.own[name].grid = Grid(F, size // F - 1, 1, size // F - 1, F, units_in_line=True)

    def _add_dense(self, block: DenseBlock, C: int) -> None:
        name, parameters = block.dense.name, block.dense.parameters
        units, shape = block.dense.output_shape[0], block.input_shape
        size, trainable = dense_size(shape, C, units), block.dense.layer.trainable
        self.own[name] = FlatWeights(buffer(size), size if trainable else 0, {f"{name}/kernel": slice(0, size)})
        self.fused.add(name)
        inputs = size // units
        self.own[name].grid = Grid(units, inputs, inputs // BLOCK, units, BLOCK, units_in_line=False)
        self.public[f"{name}/kernel"] = ParameterPlace(name, lambda: dense_places(shape, C, units))
        has_bias = f"{name}/bias" in parameters
        parts = {f"{name}/bias": slice(0, units)} if has_bias else {}
        self.own[f"{name}/bias"] = FlatWeights(buffer(units), units if has_bias and trainable else 0, parts)
        if has_bias:
            self.public[f"{name}/bias"] = ParameterPlace(f"{name}/bias", np.arange(units))

    def _add_plain(self, block: Block) -> None:
        """Each parameter for itself, as it is outside."""
        for name, parameter in ((name, p) for placed in block.layers for name, p in placed.parameters.items()):
            size = parameter.size
            moving = size if parameter.trainable else 0
            self.own[name] = FlatWeights(buffer(padded(size)), moving, {name: slice(0, size)})
            self.public[name] = ParameterPlace(name, np.arange(parameter.size).reshape(parameter.shape))

    def pack(self, name: str, size: int) -> Array:
        """Memory for the weights in another order, the same for whoever asks."""
        if name not in self._packs:
            self._packs[name] = buffer(size)
        return self._packs[name]

    def load(self, parameters: Parameters, slots: Parameters) -> None:
        """Take over public arrays; a slot that is not among them is 0, and so is all that pads them."""
        self.packs_current.clear()
        for own in self.own.values():
            for array in (own.values, own.predicting, *own.slots.values()):
                array.fill(0)
        for name, public in self.public.items():
            own, places = self.own[public.own], public.find()
            own.predicting[places] = parameters[name]
            own.values[places] = slots.get(f"{name}/{RAW}", parameters[name])
            for slot, array in own.slots.items():
                array[places] = slots.get(f"{name}/{slot}", 0)

    def parameters(self) -> Parameters:
        """A copy in the public layout."""
        return {name: self.own[public.own].predicting[public.find()] for name, public in self.public.items()}

    def predicting(self) -> "Weights":
        """The weights that it predicts with: themselves, or averages, with packs of their own, on the same memory."""
        if not self.averaged:
            return self
        other = copy(self)
        other.own = {name: replace(own, values=own.predicting, average=None) for name, own in self.own.items()}
        other._packs, other.packs_current = {}, set()
        return other

    def slots(self) -> Parameters:
        """A copy of what the optimizer remembers, in the public layout."""
        copies: Parameters = {}
        for name, rule in self.rules.items():
            public = self.public[name]
            own, places = self.own[public.own], public.find() if rule.optimizer.slots else None
            copies |= {f"{name}/{slot}": own.slots[slot][places] for slot in rule.optimizer.slots}
        for name in self.averaged:
            copies[f"{name}/{RAW}"] = self.own[self.public[name].own].values[self.public[name].find()]
        return copies

    def gradients(self, arrays: dict[str, Array]) -> Parameters:
        """A copy of gradients, given by FlatWeights, in the public layout."""
        return {name: arrays[public.own][public.find()] for name, public in self.public.items() if public.own in arrays}
