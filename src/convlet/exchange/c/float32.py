"""Each kind of layer as a call of a C function on float32.

Kernels are laid out as the functions read them: those of a convolution (filters, rows, columns, channels), so that a
row of one lies as the pixels under it do.
"""

import math
from collections.abc import Callable, Mapping
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
from convlet.exchange.c.calls import Call, Struct
from convlet.exchange.c.simplifying import SCALING, scaling
from convlet.exchange.c.text import identifiers
from convlet.exchange.c.windows import window_of, window_struct

Array = NDArray[Any]
PIXELS = "@pixels"  # the name of the image as numbers, where it is given as bytes


@dataclass(frozen=True)
class Site:
    """A layer of a simplified network in its place: what C calls it, what it is given, by name, and all parameters."""

    placed: Placed
    identifier: str
    given: tuple[str, ...]
    parameters: Parameters

    @property
    def image(self) -> tuple[int, ...]:
        """The shape of what it is given, as an image (H, W, C); a row of numbers is one pixel."""
        shape = self.placed.input_shape
        return shape if len(shape) == 3 else (1, 1, *shape)

    @property
    def kernel(self) -> Array:
        return self.parameters[f"{self.placed.name}/kernel"]

    def bias(self, outputs: int) -> tuple[str, Array]:
        """Its bias, as an argument; zeros where it has none, so that a function need not ask."""
        return "bias", self.parameters.get(f"{self.placed.name}/bias", np.zeros(outputs, np.float32))

    def call(self, function: str, *more: Any, in_place: bool = False) -> Call:
        """A call with these arguments behind the values: whole numbers, and pairs of a name and what is defined so."""
        arguments, arrays = [], {}
        for argument in more:
            if isinstance(argument, tuple):
                name, value = f"{self.identifier}_{argument[0]}", argument[1]
                arrays[name] = value
                argument = f"&NAME_{name}" if isinstance(value, Struct) else f"NAME_{name}"
            arguments.append(str(argument))
        size = math.prod(self.placed.output_shape)
        return Call(function, self.given, self.placed.name, size, tuple(arguments), arrays, in_place)

    def window(self, channels: int | None = None) -> tuple[str, Struct]:
        """Its window, as an argument."""
        window = window_of(self.placed.layer, self.image)
        return "window", window_struct(window, self.image, channels or self.image[2])


def calls(network: Sequential, parameters: Parameters, *, uint8: bool) -> list[Call]:
    """What computes a simplified network, one call after the other: from an image, or its bytes, to the last value."""
    made, values = [], {IMAGE: IMAGE}
    if uint8:
        size = math.prod(network.input_shape)
        made.append(Call("pixels", (IMAGE,), PIXELS, size, (str(size),)))
        values[IMAGE] = PIXELS
    names = identifiers([placed.name for placed in network])
    for placed in network:
        given = tuple(values[name] for name in placed.inputs)
        site = Site(placed, names[placed.name], given, parameters)
        call = KINDS[type(placed.layer)](placed.layer, site)
        made += [call] if call else []
        values[placed.name] = placed.name if call else given[0]
    return made or [_scaled(site, np.ones(1), np.zeros(1))]  # of a network that computes nothing, a copy


def _convolution(it: Conv2D, site: Site) -> Call:
    kernel = site.kernel.transpose(3, 0, 1, 2)
    return site.call("convolution", site.window(it.filters), ("kernel", kernel), site.bias(it.filters))


def _depthwise(it: DepthwiseConv2D, site: Site) -> Call:
    return site.call("depthwise", site.window(), ("kernel", site.kernel[..., 0]), site.bias(site.image[2]))


def _dense(it: Dense, site: Site) -> Call:
    inputs, units = site.kernel.shape
    return site.call("dense", inputs, units, ("kernel", site.kernel.T), site.bias(units))


def _scaling(it: SCALING, site: Site) -> Call:
    return _scaled(site, *scaling(it, site.parameters))


def _scaled(site: Site, scale: Array, offset: Array) -> Call:
    """Each channel times a number, plus another: a depthwise convolution of single pixels."""
    kernel, bias = (np.broadcast_to(array, site.image[2]).astype(np.float32) for array in (scale, offset))
    return site.call("depthwise", site.window(), ("kernel", kernel), ("bias", bias))


def _max_pooling(it: MaxPooling2D | GlobalMaxPooling2D, site: Site) -> Call:
    return site.call("max_pooling", site.window())


def _average_pooling(it: AveragePooling2D | GlobalAveragePooling2D, site: Site) -> Call:
    return site.call("average_pooling", site.window())


def _activation(it: Activation, site: Site) -> Call:
    if it.activation == "softmax":  # among the channels of each pixel
        channels = site.image[2]
        return site.call("softmax", math.prod(site.image) // channels, channels, in_place=True)
    return site.call(it.activation, math.prod(site.image), in_place=True)


def _residual(it: Residual, site: Site) -> Call:
    return site.call("add", math.prod(site.image), in_place=True)


def _nothing(it: Dropout | Flatten, site: Site) -> None:
    """The same numbers, in the same order."""


KINDS: Mapping[type[Layer], Callable[[Any, Site], Call | None]] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    MaxPooling2D: _max_pooling,
    AveragePooling2D: _average_pooling,
    GlobalAveragePooling2D: _average_pooling,
    GlobalMaxPooling2D: _max_pooling,
    Flatten: _nothing,
    Dropout: _nothing,
    BatchNormalization: _scaling,
    Activation: _activation,
    Normalization: _scaling,
    Rescaling: _scaling,
    Residual: _residual,
}
