"""Operators that are layers of ours."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from convlet.checks import Pair
from convlet.descriptions.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    Normalization,
)
from convlet.descriptions.window import Padding, Window
from convlet.errors import InputError
from convlet.exchange.graph.building import Building
from convlet.exchange.graph.nodes import Array, Node
from convlet.exchange.graph.steps import FIRST, NOTHING_AROUND, Around, Value


def _images(value: Value) -> Value:
    """The value, where it is images as ONNX's operators have them."""
    if not value.image or value.axes != FIRST:
        what = "images with axes " + ", ".join(value.axes) if value.image else f"rows of numbers, {value.dims}"
        raise InputError(f"it is given {what}; expected images with axes {', '.join(FIRST)}.")
    return value


def conv(building: Building, node: Node) -> Value:
    """A convolution; one whose groups are the channels is depthwise, one of a single pixel is dense."""
    value, kernel = building.take(0), building.array(1)
    bias = building.array(2, np.empty(0))
    if kernel.ndim != 4:
        raise InputError(f"a kernel of shape {kernel.shape}; expected (filters, channels, rows, columns).")
    groups, (filters, channels, *size) = node.attributes.get("group", 1), kernel.shape
    alone = size == [1, 1] and not any(_told_pads(node))
    if not value.image and groups == 1 and alone and value.view[1:] == (1, 1):
        row = replace(building.settled(value), view=value.view[:1])
        return replace(_dense(building, row, kernel[:, :, 0, 0].T, bias), view=(filters, 1, 1))
    value = _images(value if value.around != NOTHING_AROUND and not value.filling else building.settled(value))
    if any(step != 1 for step in node.attributes.get("dilations", ())):
        raise InputError(
            f"dilations={list(node.attributes['dilations'])}: expected 1, the pixels of a kernel together."
        )
    given = value.step.shape[2]
    depthwise = groups == given == filters and channels == 1 and groups > 1
    if not depthwise and (groups != 1 or channels != given):
        raise InputError(
            f"group={groups}, a kernel for {channels} channels, images of {given}: expected group=1, or as many groups "
            "as channels and filters."
        )
    strides, padding = _window(node, value, (size[0], size[1]), value.around)
    weights = {"kernel": kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)}
    weights |= {"bias": bias} if bias.size else {}
    how: dict[str, Any] = {"strides": strides, "padding": padding, "use_bias": bias.size > 0}
    layer = DepthwiseConv2D((size[0], size[1]), **how) if depthwise else Conv2D(filters, (size[0], size[1]), **how)
    return value.of(building.step(layer, value.step, weights=weights, named=node.inputs[1]))


def _window(
    node: Node, value: Value, size: Pair, around: Around = NOTHING_AROUND, strides: Pair = (1, 1)
) -> tuple[Pair, Padding]:
    """Strides and padding of a kernel or pool, in the words of ours where they are the same."""
    image = value.step.shape
    rows, columns = node.attributes.get("strides", strides)
    strides, auto = (int(rows), int(columns)), node.attributes.get("auto_pad", "NOTSET")
    same = Window.over(image, size, strides, "same")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        if around != NOTHING_AROUND:
            raise InputError(f"auto_pad={auto!r} behind a Pad: expected pads.")
        (top, bottom), (left, right) = same.padding
        pads: Around = same.padding if auto == "SAME_UPPER" else ((bottom, top), (right, left))
    else:
        told = _told_pads(node)
        top, left, bottom, right = map(int, told)
        if min(told) < 0:
            raise InputError(f"pads={list(told)}: expected pixels of zeros, at least 0.")
        (above, below), (before, after) = around
        pads = (top + above, bottom + below), (left + before, right + after)
    if node.attributes.get("ceil_mode"):
        pads = _up(image[0], size[0], strides[0], pads[0]), _up(image[1], size[1], strides[1], pads[1])
    if pads == NOTHING_AROUND:
        return strides, "valid"
    return strides, "same" if Window.over(image, size, strides, pads) == same else pads


def _told_pads(node: Node) -> tuple[int, ...]:
    """Pixels around an image that a node tells by number: (top, left, bottom, right)."""
    told = node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    return tuple(node.attributes.get("pads", (0, 0, 0, 0)) if told else (0, 0, 0, 0))


def _up(length: int, size: int, stride: int, pads: Pair) -> Pair:
    """Padding with which as many positions fit as where their number is rounded up; none begins behind the image."""
    positions = -(-(length + sum(pads) - size) // stride) + 1
    positions -= (positions - 1) * stride >= length + pads[0]
    return pads[0], pads[1] + max(0, (positions - 1) * stride + size - length - sum(pads))


def gemm(building: Building, node: Node) -> Value:
    """A dense layer; its factors go into its weights."""
    how, value, kernel = node.attributes, building.take(0), building.array(1)
    if how.get("transA"):
        raise InputError("transA=1: expected a row of numbers for each image.")
    kernel = (kernel.T if how.get("transB") else kernel) * np.float32(how.get("alpha", 1.0))
    bias = building.array(2, np.empty(0)) * np.float32(how.get("beta", 1.0))
    return _dense(building, value, kernel, np.broadcast_to(bias, (1, kernel.shape[1]))[0] if bias.size else bias)


def matmul(building: Building, node: Node) -> Value:
    """A dense layer without bias; an Add behind it gives it one."""
    return _dense(building, building.take(0), building.array(1), np.empty(0))


def _dense(building: Building, value: Value, kernel: Array, bias: Array) -> Value:
    """A dense layer of a kernel (inputs, units), its rows brought into the order that our numbers have."""
    value = building.settled(value)
    if value.image or kernel.ndim != 2 or value.view != kernel.shape[:1]:
        raise InputError(
            f"a kernel of shape {kernel.shape} for {value.dims}: expected a row of numbers, (inputs, units)."
        )
    ours = kernel
    if value.order is not None:
        ours = np.empty_like(kernel)
        ours[value.order] = kernel
    weights = {"kernel": ours} | ({"bias": bias} if bias.size else {})
    layer = Dense(kernel.shape[1], use_bias=bias.size > 0)
    step = building.step(layer, value.step, weights=weights, named=building.node.inputs[1])
    return Value(step, view=(kernel.shape[1],))


def max_pool(building: Building, node: Node) -> Value:
    """The largest of each window."""
    return _pool(building, node, MaxPooling2D)


def average_pool(building: Building, node: Node) -> Value:
    """The mean of each window; where padding counts as zeros, a convolution by one number, which nothing moves."""
    same = str(node.attributes.get("auto_pad", "")).startswith("SAME")
    if not node.attributes.get("count_include_pad") or not (same or any(_told_pads(node))):
        return _pool(building, node, AveragePooling2D)
    if node.attributes.get("ceil_mode"):
        raise InputError("ceil_mode and count_include_pad together: expected one of them.")
    value, (rows, columns), strides, padding = _pooled(building, node)
    kernel = np.full((rows, columns, value.step.shape[2], 1), 1 / (rows * columns))
    layer = DepthwiseConv2D((rows, columns), strides, padding, use_bias=False, trainable=False)
    return value.of(building.step(layer, value.step, weights={"kernel": kernel}))


def _pool(building: Building, node: Node, kind: type[MaxPooling2D] | type[AveragePooling2D]) -> Value:
    value, size, strides, padding = _pooled(building, node)
    layer = kind(size, None if strides == size else strides, padding)
    return value.of(building.step(layer, value.step))


def _pooled(building: Building, node: Node) -> tuple[Value, Pair, Pair, Padding]:
    """The images that a pool is given, its size, strides and padding. Raises InputError where its window has gaps.

    Pixels that are less than all others are what a largest of windows pads with.
    """
    value = building.take(0)
    least = node.operator == "MaxPool" and value.filling == -math.inf
    value = _images(value if least else building.settled(value))
    if any(step != 1 for step in node.attributes.get("dilations", ())):
        raise InputError(f"dilations={list(node.attributes['dilations'])}: expected 1.")
    rows, columns = node.attributes["kernel_shape"]
    return value, (rows, columns), *_window(node, value, (rows, columns), value.around)


def global_average_pool(building: Building, node: Node) -> Value:
    """The mean of each channel: a row of numbers, with two axes of one number in the model."""
    return _global(building, GlobalAveragePooling2D(), _images(building.take(0)), (1, 1))


def global_max_pool(building: Building, node: Node) -> Value:
    """The largest of each channel."""
    return _global(building, GlobalMaxPooling2D(), _images(building.take(0)), (1, 1))


def _global(building: Building, layer: Layer, value: Value, behind: tuple[int, ...]) -> Value:
    step = building.step(layer, building.settled(value).step)
    return Value(step, view=(*step.shape, *behind))


def reduce_mean(building: Building, node: Node) -> Value:
    """The mean over rows and columns, which is that of each channel."""
    value, rank = building.take(0), 4
    told = building.array(1, np.array(node.attributes.get("axes", ())))
    axes = {value.axes[int(axis) % rank] for axis in told} if value.image else set()
    if axes != {"H", "W"}:
        raise InputError(f"a mean over axes {told.tolist()}: expected those of an image's rows and columns.")
    if not node.attributes.get("keepdims", 1):
        return _global(building, GlobalAveragePooling2D(), value, ())
    return _global(building, GlobalAveragePooling2D(), _images(value), (1, 1))


def normalization(building: Building, node: Node) -> Value:
    """A batch normalisation; of the images themselves, with nothing learnt, it is what was measured of them."""
    value = building.settled(building.take(0))
    if node.attributes.get("training_mode"):
        raise InputError("training_mode=1: expected a model to predict with.")
    if value.image:
        _images(value)
    elif value.view[1:] and any(size != 1 for size in value.view[1:]):
        raise InputError(f"it is given {value.dims}: expected images, or a row of numbers.")
    channels, scale, center = value.step.shape[-1], bool(node.inputs[1]), bool(node.inputs[2])
    places = {"gamma": 1, "beta": 2, "moving_mean": 3, "moving_variance": 4}
    places = {name: place for name, place in places.items() if node.inputs[place]}
    weights = {name: _ordered(value, building.array(place)) for name, place in places.items()}
    if any(array.shape != (channels,) for array in weights.values()):
        raise InputError(
            f"weights of shapes {[array.shape for array in weights.values()]}; expected ({channels},) each."
        )
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    named = node.inputs[1]
    measured_once = "momentum" not in node.attributes and not value.step.inputs and not value.step.layer
    if measured_once and np.all(weights.get("gamma", 1) == 1) and not np.any(weights.get("beta", 0)):
        measured = {"mean": weights["moving_mean"], "variance": weights["moving_variance"]}
        return value.of(building.step(Normalization(epsilon), value.step, weights=measured, named=named))
    layer = BatchNormalization(float(node.attributes.get("momentum", 0.9)), epsilon, scale=scale, center=center)
    return value.of(building.step(layer, value.step, weights=weights, named=named))


def _ordered(value: Value, numbers: Array) -> Array:
    """One number for each channel or unit, from the model's order to ours."""
    if value.order is None:
        return numbers
    ours = np.empty_like(numbers)
    ours[value.order] = numbers
    return ours


def dropout(building: Building, node: Node) -> Value:
    """Dropout, which does nothing when predicting."""
    value = building.settled(building.take(0))
    if building.array(2, np.array(False)).any():
        raise InputError("training_mode is true: expected a model to predict with.")
    rate = float(building.array(1, np.array(node.attributes.get("ratio", 0.5))))
    return value.of(building.step(Dropout(rate), value.step))


def pad(building: Building, node: Node) -> Value:
    """Zeros around images, of the layer behind where that is a convolution; or −∞, where it is a largest of windows."""
    value = building.settled(building.take(0))
    told = building.array(1, np.array(node.attributes.get("pads", ())))
    filling = float(building.array(2, np.array(node.attributes.get("value", 0.0))))
    if node.attributes.get("mode", "constant") != "constant" or filling not in (0, -math.inf):
        raise InputError("expected zeros around an image.")
    if (some := building.array(3, np.array(()))).size:  # of these axes alone, since opset 18
        around = np.zeros((2, len(value.axes)), np.int64)
        around[:, some] = told.reshape(2, -1)
        told = around.reshape(-1)
    if not told.any():
        return value
    if not value.image or told.size != 8:
        raise InputError(f"pads={told.tolist()} around {value.dims}: expected images.")
    sides = dict(zip(value.axes, zip(told[:4].tolist(), told[4:].tolist(), strict=True), strict=True))
    if any(sides["N"]) or any(sides["C"]) or (told < 0).any():
        raise InputError(f"pads={told.tolist()}: expected pixels around rows and columns.")
    return replace(value, around=(sides["H"], sides["W"]), filling=filling)


def adaptive_pool(operator: str) -> Callable[[Building, Node], Value]:
    """A pool that gives images of one size, its windows as large as these are far from each other."""

    def put(building: Building, node: Node) -> Value:
        dims, told = building.values[node.inputs[0]].dims, node.attributes["output_size"]
        if len(dims) != 3:
            raise InputError(f"it is given rows of numbers, {dims}; expected images.")
        sizes = tuple(dim if size is None else size for dim, size in zip(dims[1:], told, strict=True))
        if sizes == (1, 1):
            return (global_average_pool if operator == "AveragePool" else global_max_pool)(building, node)
        if sizes == dims[1:]:
            return building.take(0)
        window = tuple(dim // size for dim, size in zip(dims[1:], sizes, strict=True))
        if any(dim % size for dim, size in zip(dims[1:], sizes, strict=True)):
            raise InputError(f"output_size={sizes} of images of {dims[1:]}: expected windows that are all of one size.")
        how = {"kernel_shape": window, "strides": window}
        pool = average_pool if operator == "AveragePool" else max_pool
        return pool(building, replace(node, operator=operator, attributes=how))

    return put
