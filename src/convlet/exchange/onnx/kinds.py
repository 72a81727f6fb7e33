"""Each kind of layer as nodes of an ONNX graph: images channels first, (N, C, H, W), where readers are fast.

It needs no library: what is put down here becomes protobuf in `writing.py`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
from convlet.descriptions.network import Placed
from convlet.descriptions.window import Window
from convlet.exchange.graph.nodes import LEAKY_SLOPE, Array, Node

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class Site:
    """A layer's place in a graph: what it is given, by name, and its weights by short name; what it becomes is put
    down here.
    """

    placed: Placed
    given: tuple[str, ...]
    weights: Mapping[str, Array]
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Put down a node; the name of its output. That of the layer's last node is the layer's own (`writing.py`)."""
        output = f"{self.placed.name}/{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(Node(operator, inputs, output, attributes))
        return output

    def array(self, name: str, values: Any) -> str:
        """Put down numbers, as float32; their name."""
        full = f"{self.placed.name}/{name}"
        self.arrays[full] = np.ascontiguousarray(values, np.float32)
        return full

    def bias(self) -> tuple[str, ...]:
        """The name of the layer's bias, where it has one."""
        return (self.array("bias", self.weights["bias"]),) if "bias" in self.weights else ()


def _conv2d(it: Conv2D, site: Site) -> None:
    kernel = site.array("kernel", site.weights["kernel"].transpose(3, 2, 0, 1))
    window = _geometry(it.window(site.placed.input_shape))
    _activate(site, it.activation, site.node("Conv", *site.given, kernel, *site.bias(), **window))


def _depthwise(it: DepthwiseConv2D, site: Site) -> None:
    kernel = site.array("kernel", site.weights["kernel"].transpose(2, 3, 0, 1))
    window = {**_geometry(it.window(site.placed.input_shape)), "group": site.placed.input_shape[2]}
    _activate(site, it.activation, site.node("Conv", *site.given, kernel, *site.bias(), **window))


def _geometry(window: Window) -> dict[str, Any]:
    (top, bottom), (left, right) = window.padding
    return {"kernel_shape": window.size, "strides": window.strides, "pads": (top, left, bottom, right)}


def _dense(it: Dense, site: Site) -> None:
    kernel = site.array("kernel", site.weights["kernel"])
    _activate(site, it.activation, site.node("Gemm", *site.given, kernel, *site.bias()))


def _max_pooling(it: MaxPooling2D, site: Site) -> None:
    site.node("MaxPool", *site.given, **_geometry(it.window(site.placed.input_shape)))


def _average_pooling(it: AveragePooling2D, site: Site) -> None:
    site.node("AveragePool", *site.given, **_geometry(it.window(site.placed.input_shape)), count_include_pad=0)


def _global_average_pooling(it: GlobalAveragePooling2D, site: Site) -> None:
    site.node("Flatten", site.node("GlobalAveragePool", *site.given), axis=1)


def _global_max_pooling(it: GlobalMaxPooling2D, site: Site) -> None:
    site.node("Flatten", site.node("GlobalMaxPool", *site.given), axis=1)


def _flatten(it: Flatten, site: Site) -> None:
    """In (H, W, C) order, ours: so the rows of a dense layer's kernel stay as they are."""
    shape = site.placed.input_shape
    if len(shape) == 3:
        same = shape[2] == 1 or math.prod(shape[:2]) == 1
        last = site.given if same else (site.node("Transpose", *site.given, perm=TO_CHANNELS_LAST),)
        site.node("Flatten", *last, axis=1)


def _dropout(it: Dropout, site: Site) -> None:
    """Nothing: it works while training alone."""


def _batch_normalization(it: BatchNormalization, site: Site) -> None:
    mean, variance = site.weights["moving_mean"], site.weights["moving_variance"]
    _normalize(site, mean, variance, it.epsilon, momentum=it.momentum)


def _normalization(it: Normalization, site: Site) -> None:
    _normalize(site, site.weights["mean"], site.weights["variance"], it.epsilon)


def _normalize(site: Site, mean: Array, variance: Array, epsilon: float, **how: float) -> None:
    scale = site.array("gamma", site.weights.get("gamma", np.ones_like(mean)))
    offset = site.array("beta", site.weights.get("beta", np.zeros_like(mean)))
    measured = site.array("mean", mean), site.array("variance", variance)
    site.node("BatchNormalization", *site.given, scale, offset, *measured, epsilon=epsilon, **how)


def _rescaling(it: Rescaling, site: Site) -> None:
    scaled = site.node("Mul", *site.given, site.array("scale", it.scale))
    if it.offset:
        site.node("Add", scaled, site.array("offset", it.offset))


def _activation(it: Activation, site: Site) -> None:
    _activate(site, it.activation, *site.given)


def _residual(it: Residual, site: Site) -> None:
    site.node("Add", *site.given)


def _activate(site: Site, activation: str | None, value: str) -> None:
    if activation is not None:
        ACTIVATIONS[activation](site, value)


def _silu(site: Site, value: str) -> None:
    site.node("Mul", value, site.node("Sigmoid", value))


def _gelu(site: Site, value: str) -> None:
    """x × Φ(x), with Φ(x) = (1 + erf(x / √2)) / 2: its own operator came with opset 20."""
    error = site.node("Erf", site.node("Div", value, site.array("root", math.sqrt(2))))
    product = site.node("Mul", value, site.node("Add", error, site.array("one", 1)))
    site.node("Mul", product, site.array("half", 0.5))


def _plain(operator: str, **attributes: Any) -> Callable[[Site, str], object]:
    """An activation that is one operator."""
    return lambda site, value: site.node(operator, value, **attributes)


ACTIVATIONS: dict[str, Callable[[Site, str], object]] = {
    "relu": _plain("Relu"),
    "leaky_relu": _plain("LeakyRelu", alpha=LEAKY_SLOPE),
    "elu": _plain("Elu", alpha=1.0),
    "silu": _silu,
    "gelu": _gelu,
    "hard_swish": _plain("HardSwish"),
    "tanh": _plain("Tanh"),
    "sigmoid": _plain("Sigmoid"),
    "softmax": _plain("Softmax", axis=1),  # among channels, of images too
}

KINDS: dict[type[Layer], Callable[[Any, Site], None]] = {
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
    Residual: _residual,
}
