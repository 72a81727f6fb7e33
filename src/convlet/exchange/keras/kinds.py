"""Keras's layers, two of ours and arithmetic, in the words of ONNX's operators: images channels first."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from convlet.errors import InputError
from convlet.exchange.graph.drafting import Draft
from convlet.exchange.graph.nodes import LEAKY_SLOPE, Array

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
UNKNOWN = "no layer of convlet does what it does."
Layer = Any  # a keras.layers.Layer, or an operation


@dataclass(frozen=True)
class Site:
    """A layer's place: where it is put down, its path there, and what it is given: names, and how many axes that has.

    `arguments` are what an operation was called with, values by their names.
    """

    draft: Draft
    path: str
    given: list[str]
    rank: int
    made: tuple[int | None, ...]  # the shape of its output
    arguments: list[Any]

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Put down a node of what the layer is given, and further inputs; the name of its output."""
        return self.draft.node(operator, self.given[0], *inputs, **attributes)

    def weight(self, name: str, variable: Any, order: tuple[int, ...] | None = None) -> str:
        """Put down a weight, its axes in another order; its name."""
        array = numbers(variable)
        return self.draft.array(array if order is None else array.transpose(order), f"{self.path}/{name}")

    def channels(self, values: Any) -> str:
        """Put down a number, or one for each channel or unit, as it stands beside what the layer is given."""
        array = np.asarray(values, np.float32)
        if array.size > 1 and array.shape != (1,) * (array.ndim - 1) + array.shape[-1:]:
            raise InputError(f"numbers of shape {array.shape}; expected one, or one for each channel.")
        return self.draft.array(array.reshape(-1, 1, 1) if self.rank == 4 else array.ravel())


def numbers(values: Any) -> Array:
    """A variable's or a tensor's numbers, as float32."""
    with warnings.catch_warnings(action="ignore"):  # Keras's, of its own code
        return np.array(keras.ops.convert_to_numpy(values), np.float32)


Put = Callable[[Layer, Site], str]


def put_layer(layer: Layer, site: Site) -> str:
    """Put down a layer; the name of its output. Raises InputError where no layer here does what it does."""
    kind = type(layer)
    ours = OURS.get(kind.__name__) if kind.__module__.startswith("convlet.") else None
    plain = OPERATIONS.get(kind.__name__) if kind.__module__.startswith("keras.src.ops.") else None
    put = KINDS.get(kind) or ours or plain
    if put is None:
        raise InputError(UNKNOWN)
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise InputError(f"data_format={layer.data_format!r}: expected 'channels_last'.")
    return put(layer, site)


def _conv(it: layers.Conv2D, site: Site) -> str:
    kernel = site.weight("kernel", it.kernel, (3, 2, 0, 1))
    return _activated(it.activation, site, _convolved(it, site, kernel, *_bias(it, site), group=it.groups))


def _depthwise(it: layers.DepthwiseConv2D, site: Site) -> str:
    return _activated(it.activation, site, _each_channel(it, site, it.kernel, *_bias(it, site)))


def _separable(it: layers.SeparableConv2D, site: Site) -> str:
    """Each channel by itself, then all of each pixel."""
    apart = _each_channel(it, site, it.depthwise_kernel)
    kernel = site.weight("pointwise/kernel", it.pointwise_kernel, (3, 2, 0, 1))
    return _activated(it.activation, site, site.draft.node("Conv", apart, kernel, *_bias(it, site)))


def _each_channel(it: Layer, site: Site, kernel: Any, *bias: str) -> str:
    if it.depth_multiplier != 1:
        raise InputError(f"depth_multiplier={it.depth_multiplier}: expected 1.")
    name = site.weight("kernel", kernel, (2, 3, 0, 1))
    return _convolved(it, site, name, *bias, group=kernel.shape[2])


def _convolved(it: Layer, site: Site, kernel: str, *bias: str, group: int) -> str:
    if _pair(it.dilation_rate) != (1, 1):
        raise InputError(f"dilation_rate={_pair(it.dilation_rate)}: expected 1, the pixels of a kernel together.")
    return site.node("Conv", kernel, *bias, strides=_pair(it.strides), auto_pad=AUTO[it.padding], group=group)


AUTO = {"valid": "VALID", "same": "SAME_UPPER"}


def _bias(it: Layer, site: Site) -> tuple[str, ...]:
    return (site.weight("bias", it.bias),) if it.use_bias else ()


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


def _dense(it: layers.Dense, site: Site) -> str:
    """Of images it is dense at each pixel: a convolution of one pixel."""
    if site.rank == 2:
        sums = site.node("Gemm", site.weight("kernel", it.kernel), *_bias(it, site))
    else:
        kernel = numbers(it.kernel).T[:, :, np.newaxis, np.newaxis]
        sums = site.node("Conv", site.draft.array(kernel, f"{site.path}/kernel"), *_bias(it, site))
    return _activated(it.activation, site, sums)


def _batch_normalization(it: layers.BatchNormalization, site: Site) -> str:
    if it.axis not in (-1, site.rank - 1):
        raise InputError(f"axis={it.axis}: expected -1, the channels.")
    learnt = [
        site.weight(name, getattr(it, name)) if getattr(it, name) is not None else "" for name in ("gamma", "beta")
    ]
    measured = [site.weight(name, getattr(it, name)) for name in ("moving_mean", "moving_variance")]
    moves = it.trainable or it.center or it.scale  # else it is what `to_keras` makes of a Normalization
    how = {"epsilon": it.epsilon} | ({"momentum": it.momentum} if moves else {})
    return site.node("BatchNormalization", *learnt, *measured, **how)


def _normalization(it: layers.Normalization, site: Site) -> str:
    if it.invert:
        raise InputError("invert=True: expected False.")
    mean, variance = (numbers(each) for each in (it.mean, it.variance))
    moved = site.node("Sub", site.channels(mean))
    return site.draft.node("Div", moved, site.channels(np.maximum(np.sqrt(variance), keras.backend.epsilon())))


def _rescaling(it: layers.Rescaling, site: Site) -> str:
    return site.draft.node("Add", site.node("Mul", site.channels(it.scale)), site.channels(it.offset))


def _pool(operator: str) -> Put:
    return lambda it, site: site.node(
        operator, kernel_shape=_pair(it.pool_size), strides=_pair(it.strides), auto_pad=AUTO[it.padding]
    )


def _padded_pool(operator: str) -> Put:
    """A pool of the keras engine's own, with any pixels around."""

    def put(it: Layer, site: Site) -> str:
        (top, bottom), (left, right) = it.window.padding
        pads = (top, left, bottom, right)
        return site.node(operator, kernel_shape=it.window.size, strides=it.window.strides, pads=pads)

    return put


def _global(operator: str) -> Put:
    def put(it: Layer, site: Site) -> str:
        value = site.node(operator)
        return value if it.keepdims else site.draft.node("Flatten", value)

    return put


def _flatten(it: layers.Flatten, site: Site) -> str:
    return site.draft.node("Flatten", _pixels_first(site))


def _pixels_first(site: Site) -> str:
    """What the layer is given, in Keras's order of axes."""
    return site.node("Transpose", perm=TO_CHANNELS_LAST) if site.rank == 4 else site.given[0]


def _reshape(it: layers.Reshape, site: Site) -> str:
    _, *sizes = site.made
    if len(sizes) == 3 and sizes[2] == 1:  # an image of one channel, of a row of pixels
        return site.node("Reshape", site.draft.array([0, 1, *sizes[:2]]))
    if len(sizes) != 1:
        raise InputError(f"target_shape={tuple(sizes)}: expected a row of numbers, or an image of one channel.")
    return site.draft.node("Reshape", _pixels_first(site), site.draft.array([0, *sizes]))


def _pad(it: layers.ZeroPadding2D, site: Site) -> str:
    (top, bottom), (left, right) = it.padding
    return site.node("Pad", pads=(0, 0, top, left, 0, 0, bottom, right))


def _dropout(it: layers.Dropout, site: Site) -> str:
    if type(it) is not layers.Dropout:
        warnings.warn(
            f"{site.draft.origin}: in training it drops whole channels; Dropout({it.rate:g}) here drops numbers. "
            "Predictions are the same.",
            stacklevel=2,
        )
    return site.node("Dropout", ratio=it.rate)


def _add(it: layers.Add, site: Site) -> str:
    first, *others = site.given
    for other in others:
        first = site.draft.node("Add", first, other)
    return first


def _arithmetic(operator: str) -> Put:
    """An operation on values and numbers."""

    def put(it: Layer, site: Site) -> str:
        first, second = (each if isinstance(each, str) else site.channels(each) for each in site.arguments)
        return site.draft.node(operator, first, second)

    return put


def _relu(it: layers.ReLU, site: Site) -> str:
    if it.threshold:
        raise InputError(f"threshold={it.threshold}: expected 0.")
    if it.max_value is None:
        return site.node("LeakyRelu", alpha=float(it.negative_slope)) if it.negative_slope else site.node("Relu")
    if it.negative_slope:
        raise InputError("max_value and negative_slope together: expected one of them.")
    return site.node("Clip", min=0.0, max=float(it.max_value))


def _p_relu(it: layers.PReLU, site: Site) -> str:
    return site.node("PRelu", site.draft.array(numbers(it.alpha)))


def _softmax(it: layers.Softmax, site: Site) -> str:
    if it.axis not in (-1, site.rank - 1):
        raise InputError(f"axis={it.axis}: expected -1, the channels.")
    return site.node("Softmax", axis=1)


def _activation(it: layers.Activation, site: Site) -> str:
    return _activated(it.activation, site, site.given[0])


def _activated(function: Any, site: Site, value: str) -> str:
    """What an activation makes of a value; one of Keras's own, not another that has such a name."""
    name = getattr(function, "__name__", str(function))
    if name not in ACTIVATIONS or getattr(keras.activations, name, None) is not function:
        raise InputError(f"activation {name!r}: {UNKNOWN}")
    return ACTIVATIONS[name](site.draft, value)


def _plain(operator: str, **attributes: Any) -> Callable[[Draft, str], str]:
    return lambda draft, value: draft.node(operator, value, **attributes)


ACTIVATIONS: dict[str, Callable[[Draft, str], str]] = {
    "linear": lambda draft, value: value,
    "relu": _plain("Relu"),
    "relu6": _plain("Clip", min=0.0, max=6.0),
    "leaky_relu": _plain("LeakyRelu", alpha=LEAKY_SLOPE),
    "elu": _plain("Elu"),
    "silu": lambda draft, value: draft.node("Mul", value, draft.node("Sigmoid", value)),
    "gelu": _plain("Gelu"),
    "hard_silu": _plain("HardSwish"),
    "hard_sigmoid": _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "softmax": _plain("Softmax", axis=1),
    "log_softmax": _plain("LogSoftmax", axis=1),
}

KINDS: dict[type, Put] = {
    layers.Conv2D: _conv,
    layers.DepthwiseConv2D: _depthwise,
    layers.SeparableConv2D: _separable,
    layers.Dense: _dense,
    layers.BatchNormalization: _batch_normalization,
    layers.Normalization: _normalization,
    layers.Rescaling: _rescaling,
    layers.MaxPooling2D: _pool("MaxPool"),
    layers.AveragePooling2D: _pool("AveragePool"),
    layers.GlobalAveragePooling2D: _global("GlobalAveragePool"),
    layers.GlobalMaxPooling2D: _global("GlobalMaxPool"),
    layers.Flatten: _flatten,
    layers.Reshape: _reshape,
    layers.ZeroPadding2D: _pad,
    layers.Dropout: _dropout,
    layers.SpatialDropout2D: _dropout,
    layers.Identity: lambda it, site: site.given[0],
    layers.Add: _add,
    layers.Activation: _activation,
    layers.ReLU: _relu,
    layers.LeakyReLU: lambda it, site: site.node("LeakyRelu", alpha=float(it.negative_slope)),
    layers.PReLU: _p_relu,
    layers.ELU: lambda it, site: site.node("Elu", alpha=float(it.alpha)),
    layers.Softmax: _softmax,
}

OURS = {"PaddedMaxPooling2D": _padded_pool("MaxPool"), "PaddedAveragePooling2D": _padded_pool("AveragePool")}
OPERATIONS = {"Add": _arithmetic("Add"), "Subtract": _arithmetic("Sub"), "Multiply": _arithmetic("Mul")} | {
    "Divide": _arithmetic("Div"),
    "TrueDivide": _arithmetic("Div"),
}
