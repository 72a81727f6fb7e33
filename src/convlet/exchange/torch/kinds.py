"""Each kind of layer as modules of PyTorch's: images channels first, (N, C, H, W).

A layer becomes one module of its own name and, where it must, others around it: padding before, its activation behind.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from convlet.checks import Shape
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
)
from convlet.descriptions.window import Window
from convlet.exchange.graph.nodes import LEAKY_SLOPE, Array
from convlet.exchange.torch import modules

Modules = dict[str, nn.Module]  # by what is behind the layer's name in theirs; nothing for its own


@dataclass(frozen=True)
class Site:
    """A layer's place: the shape of what it is given, and its weights by short name, in PyTorch's order of units.

    `channels_last` says of a Flatten that it must leave our order.
    """

    shape: Shape
    weights: Mapping[str, Array]
    channels_last: bool = False

    def load(self, module: nn.Module, **tensors: Array) -> nn.Module:
        """The module with these numbers, by its names for them."""
        with torch.no_grad():
            for name, values in tensors.items():
                getattr(module, name).copy_(torch.from_numpy(np.array(values, np.float32)))
        return module


def _conv2d(it: Conv2D, site: Site) -> Modules:
    return _convolution(it, site, it.filters, 1, site.weights["kernel"].transpose(3, 2, 0, 1))


def _depthwise(it: DepthwiseConv2D, site: Site) -> Modules:
    channels = site.shape[2]
    return _convolution(it, site, channels, channels, site.weights["kernel"].transpose(2, 3, 0, 1))


def _convolution(it: Conv2D | DepthwiseConv2D, site: Site, filters: int, groups: int, kernel: Array) -> Modules:
    window = it.window(site.shape)
    even, pads = _padding(window)
    options = {"padding": even or 0, "groups": groups, "bias": it.use_bias}
    module = nn.Conv2d(site.shape[2], filters, window.size, window.strides, **options)
    around = {} if even else {"_padding": nn.ZeroPad2d(pads)}
    return around | {"": site.load(module, weight=kernel, **_bias(site))} | _activated(it.activation)


def _padding(window: Window) -> tuple[tuple[int, int] | None, modules.Sides]:
    """(rows, columns) of padding where both sides have the same, else None; and that of each side."""
    (top, bottom), (left, right) = window.padding
    return (top, left) if (top, left) == (bottom, right) else None, (left, right, top, bottom)


def _bias(site: Site) -> dict[str, Array]:
    return {"bias": site.weights["bias"]} if "bias" in site.weights else {}


def _dense(it: Dense, site: Site) -> Modules:
    module = nn.Linear(site.shape[0], it.units, bias=it.use_bias)
    return {"": site.load(module, weight=site.weights["kernel"].T, **_bias(site))} | _activated(it.activation)


def _max_pooling(it: MaxPooling2D, site: Site) -> Modules:
    """PyTorch's own padding is at most half of the window."""
    window = it.window(site.shape)
    even, pads = _padding(window)
    if even and all(2 * around <= size for around, size in zip(even, window.size, strict=True)):
        return {"": nn.MaxPool2d(window.size, window.strides, even)}
    around = nn.ConstantPad2d(pads, -math.inf)
    return {"_padding": around, "": nn.MaxPool2d(window.size, window.strides)}


def _average_pooling(it: AveragePooling2D, site: Site) -> Modules:
    window = it.window(site.shape)
    even, pads = _padding(window)
    if even and all(2 * around <= size for around, size in zip(even, window.size, strict=True)):
        return {"": nn.AvgPool2d(window.size, window.strides, even, count_include_pad=False)}
    return {"": modules.AveragePooling2d(window.size, window.strides, pads)}


def _global_average_pooling(it: GlobalAveragePooling2D, site: Site) -> Modules:
    return {"": nn.AdaptiveAvgPool2d(1), "_flatten": nn.Flatten()}


def _global_max_pooling(it: GlobalMaxPooling2D, site: Site) -> Modules:
    return {"": nn.AdaptiveMaxPool2d(1), "_flatten": nn.Flatten()}


def _flatten(it: Flatten, site: Site) -> Modules:
    return ({"_order": modules.ChannelsLast()} if site.channels_last else {}) | {"": nn.Flatten()}


def _dropout(it: Dropout, site: Site) -> Modules:
    return {"": nn.Dropout(it.rate)}


def _batch_normalization(it: BatchNormalization, site: Site) -> Modules:
    """What the layer has not, PyTorch's keeps as it begins, a scale of 1 or an offset of 0, and does not learn."""
    learns = {"weight": it.scale, "bias": it.center}
    kind, affine = nn.BatchNorm2d if len(site.shape) == 3 else nn.BatchNorm1d, it.scale or it.center or not it.trainable
    module = kind(site.shape[-1], it.epsilon, round(1 - it.momentum, 12), affine=affine)
    for name, weight in module.named_parameters():
        weight.requires_grad_(learns[name])
    names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    return {"": site.load(module, **{name: site.weights[ours] for name, ours in names.items() if ours in site.weights})}


def _normalization(it: Normalization, site: Site) -> Modules:
    return {"": site.load(modules.Normalization(site.shape[-1], it.epsilon), **site.weights)}


def _rescaling(it: Rescaling, site: Site) -> Modules:
    return {"": modules.Rescaling(it.scale, it.offset)}


def _activation(it: Activation, site: Site) -> Modules:
    return {"": ACTIVATIONS[it.activation]()}


def _activated(activation: str | None) -> Modules:
    return {f"_{activation}": ACTIVATIONS[activation]()} if activation else {}


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "hard_swish": nn.Hardswish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(1),  # among channels, of images too
}

KINDS: dict[type[Layer], Callable[[Any, Site], Modules]] = {  # a Residual holds others (`writing.py`)
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    MaxPooling2D: _max_pooling,
    AveragePooling2D: _average_pooling,
    GlobalAveragePooling2D: _global_average_pooling,
    GlobalMaxPooling2D: _global_max_pooling,
    Flatten: _flatten,
    Dropout: _dropout,
    BatchNormalization: _batch_normalization,
    Activation: _activation,
    Normalization: _normalization,
    Rescaling: _rescaling,
}
