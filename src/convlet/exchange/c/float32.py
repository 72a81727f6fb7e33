"""Each kind of layer as a call of a C function on float32.

Kernels are laid out as the functions read them: those of a convolution (filters, rows, columns, channels), so that a
row of one lies as the pixels under it do.
"""

import math
from collections.abc import Callable, Mapping
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
from convlet.descriptions.network import IMAGE, Parameters, Sequential
from convlet.exchange.c.calls import Call
from convlet.exchange.c.simplifying import SCALING, scaling
from convlet.exchange.c.site import PIXELS, Site, walk

Array = NDArray[Any]


def calls(network: Sequential, parameters: Parameters, *, uint8: bool) -> list[Call]:
    """What computes a simplified network, one call after the other: from an image, or its bytes, to the last value."""
    size = str(math.prod(network.input_shape))
    made = [Call("pixels", (IMAGE,), PIXELS, int(size), (size,))] if uint8 else []
    made += walk(network, parameters, PIXELS if uint8 else IMAGE, _called)
    return made or [_copy(network)]


def _called(site: Site) -> Call | None:
    return KINDS[type(site.placed.layer)](site.placed.layer, site)


def _copy(network: Sequential) -> Call:
    """Of a network that computes nothing: its image, as its last value."""
    *_, last = network
    return _scaled(Site(last, "copy", (IMAGE,), {}), np.ones(1), np.zeros(1))


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
