"""A simplified network as steps in integers, by the ranges of what its layers make.

A ReLU right behind sums costs nothing: on the scale of what it makes, which begins at 0, all below is -128 anyway. Any
other activation is a table of 256 integers. A network that ends in a dense layer ends in its sums, as numbers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import IMAGE, Parameters, Placed, Sequential
from convlet.engines import engine
from convlet.errors import InputError
from convlet.exchange.c.calls import Call
from convlet.exchange.c.int8 import steps
from convlet.exchange.c.int8.scales import IMAGE_SCALE, Scale, multiplier
from convlet.exchange.c.int8.steps import LayersWork, Over, Weights, Work
from convlet.exchange.c.simplifying import SCALING, scaling
from convlet.exchange.c.site import PIXELS, Site, walk
from convlet.exchange.c.text import number
from convlet.exchange.c.windows import window_of

Array = NDArray[Any]
NUMBERS = "@numbers"  # the name of the last value, where integers become numbers in a step of its own
MOST_SUM = (1 << 31) - 1
Ranges = Mapping[str, tuple[float, float]]  # of what each layer makes, by its name: the smallest and the largest
SUMMING = Conv2D | DepthwiseConv2D | Dense | SCALING | Residual


@dataclass(frozen=True)
class Step:
    """What is computed, and the call of C that computes the same; which values go in and out, this says for both."""

    work: Work
    call: Call


def answer(quantized: Sequence[Step], images: Array) -> Array:
    """The logits (N, classes) of images (N, H, W, C), in float32: bytes, or numbers from 0 to 1, as the steps take."""
    values = {IMAGE: images.reshape(len(images), -1)}
    for step in quantized:
        values[step.call.output] = step.work.compute(*(values[name] for name in step.call.inputs))
    return values[quantized[-1].call.output]


def quantized(network: Sequential, parameters: Parameters, ranges: Ranges, *, uint8: bool) -> list[Step]:
    """A simplified network in integers. Raises InputError, naming the layer, where that cannot be."""
    size = math.prod(network.input_shape)
    first = Call("pixels_of_bytes" if uint8 else "pixels", (IMAGE,), PIXELS, size, (str(size),))
    making = _Quantizing(network, parameters, ranges)
    made = [Step(steps.Pixels(uint8), first), *making.steps()]
    if isinstance(made[-1].work, steps.DenseNumbers):
        return made
    last, size = made[-1].call.output, made[-1].call.size
    scale = making.scales[last]
    more = str(size), str(scale.zero), number(scale.size)
    return [*made, Step(steps.Numbers(scale), Call("numbers", (last,), NUMBERS, size, more))]


class _Quantizing:
    """Layer after layer, with the scale of every value so far."""

    def __init__(self, network: Sequential, parameters: Parameters, ranges: Ranges) -> None:
        self._network, self._parameters, self._ranges = network, parameters, ranges
        self.scales = {PIXELS: IMAGE_SCALE}
        self._takers: dict[str, list[Placed]] = {}
        for placed in network:
            for name in placed.inputs:
                self._takers.setdefault(name, []).append(placed)
        computing = [layer for layer in network.layers if not isinstance(layer, Dropout | Flatten)]
        self._last = computing[-1].name if computing else ""
        self._free = {relu.name for placed in network if (relu := self._free_relu(placed))}

    def steps(self) -> list[Step]:
        return list(walk(self._network, self._parameters, PIXELS, self._step))

    def _step(self, site: Site) -> Step | None:
        """A layer in integers; None where nothing is left to compute."""
        layer = site.placed.layer
        if isinstance(layer, Dropout | Flatten) or site.placed.name in self._free:
            return None
        work = KINDS[type(layer)](self, layer, site)
        return Step(work, work.call(site))

    def is_last(self, site: Site) -> bool:
        """Whether a layer makes the network's last value."""
        return site.placed.name == self._last

    def _free_relu(self, placed: Placed) -> Placed | None:
        """The ReLU that these sums do on their way, if nothing else is given them."""
        takers = self._takers.get(placed.name, [])
        if len(takers) == 1 and isinstance(placed.layer, SUMMING) and isinstance(takers[0].layer, Activation):
            return takers[0] if takers[0].layer.activation == "relu" else None
        return None

    def scale(self, site: Site) -> Scale:
        """The scale of what a layer makes, kept for those that are given it."""
        relu = self._free_relu(site.placed)
        self.scales[site.placed.name] = Scale.over(*self._ranges[relu.name if relu else site.placed.name])
        return self.scales[site.placed.name]

    def weights(self, site: Site, kernel: Array, bias: Array) -> tuple[Weights, Array]:
        """A kernel, its outputs last, and bias in integers, and the size of each output's sums. Raises InputError."""
        given = self.scales[site.given[0]]
        largest = np.abs(kernel.astype(np.float64)).max(axis=tuple(range(kernel.ndim - 1)))
        sizes = np.maximum(largest / 127, np.abs(bias) / given.size / 2**30)  # so that the bias has a place, too
        sizes = np.where(sizes > 0, sizes, 1.0)
        integers = np.round(kernel / sizes).astype(np.int8)
        summed = np.round(bias / (given.size * sizes)).astype(np.int32)
        reach = 255 * np.abs(integers.astype(np.int64)).sum(axis=tuple(range(kernel.ndim - 1))) + np.abs(summed)
        if reach.max() > MOST_SUM:
            raise InputError(
                f"layer {site.placed.name!r}: a sum of {kernel[..., 0].size:,} products can be too large for 32 bits. "
                "Make the layer smaller, or let weights be float32."
            )
        out = self.scale(site)
        pairs = [multiplier(given.size * size / out.size) for size in sizes.tolist()]
        by, shift = (np.array(each) for each in zip(*pairs, strict=True))
        made = Weights(integers, summed, given.zero, by.astype(np.int32), shift.astype(np.uint8), out.zero)
        return made, given.size * sizes


def _convolution(at: _Quantizing, it: Conv2D, site: Site) -> LayersWork:
    weights, _ = at.weights(site, site.kernel, site.bias(it.filters)[1])
    return steps.Convolution(_over(site), weights)


def _depthwise(at: _Quantizing, it: DepthwiseConv2D, site: Site) -> LayersWork:
    weights, _ = at.weights(site, site.kernel[..., 0], site.bias(site.image[2])[1])
    return steps.Depthwise(_over(site), weights)


def _scaling(at: _Quantizing, it: SCALING, site: Site) -> LayersWork:
    scale, offset = (np.broadcast_to(array, (1, 1, site.image[2])) for array in scaling(it, site.parameters))
    weights, _ = at.weights(site, scale, offset[0, 0])
    return steps.Depthwise(_over(site), weights)


def _dense(at: _Quantizing, it: Dense, site: Site) -> LayersWork:
    weights, sizes = at.weights(site, site.kernel, site.bias(it.units)[1])
    return steps.DenseNumbers(weights, sizes.astype(np.float32)) if at.is_last(site) else steps.Dense(weights)


def _over(site: Site) -> Over:
    return Over(window_of(site.placed.layer, site.image), site.image)


def _max_pooling(at: _Quantizing, it: MaxPooling2D | GlobalMaxPooling2D, site: Site) -> LayersWork:
    at.scales[site.placed.name] = at.scales[site.given[0]]
    return steps.MaxPooling(_over(site))


def _average_pooling(at: _Quantizing, it: AveragePooling2D | GlobalAveragePooling2D, site: Site) -> LayersWork:
    """Means are on a finer scale than what they are of, so that their shift is at most 31; never on a coarser one."""
    given, out = at.scales[site.given[0]], at.scale(site)
    if out.size > given.size:
        out = at.scales[site.placed.name] = given
    return steps.AveragePooling(_over(site), given.zero, out.zero, *multiplier(given.size / out.size))


def _residual(at: _Quantizing, it: Residual, site: Site) -> LayersWork:
    first, second = (at.scales[name] for name in site.given)
    out = at.scale(site)
    _, shift = multiplier(max(first.size, second.size) / out.size)
    by = [min(round(math.ldexp(each.size / out.size, shift)), MOST_SUM) for each in (first, second)]
    return steps.Add((first.zero, second.zero), (by[0], by[1]), shift, out.zero)


def _activation(at: _Quantizing, it: Activation, site: Site) -> LayersWork:
    if it.activation == "softmax":
        raise InputError(
            f"layer {site.placed.name!r}: a softmax inside a network cannot be computed in integers of 8 bits. "
            "Let weights be float32."
        )
    given, out = at.scales[site.given[0]], at.scale(site)
    numbers = given.numbers(np.arange(-128, 128))[np.newaxis]
    function = engine("numpy").compile(Sequential([Activation(it.activation)], (256,)), {})
    return steps.LookUp(out.integers(function.predict(numbers)[0]))


KINDS: Mapping[type[Layer], Callable[[_Quantizing, Any, Site], LayersWork]] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    MaxPooling2D: _max_pooling,
    AveragePooling2D: _average_pooling,
    GlobalAveragePooling2D: _average_pooling,
    GlobalMaxPooling2D: _max_pooling,
    BatchNormalization: _scaling,
    Activation: _activation,
    Normalization: _scaling,
    Rescaling: _scaling,
    Residual: _residual,
}
