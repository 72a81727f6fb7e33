"""Activations. Each derivative is written in terms of the activation's inputs or its outputs, whichever is simpler."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.losses import softmax

Array = NDArray[Any]


def relu(inputs: Array) -> Array:
    return np.maximum(inputs, 0)


def relu_backward(d_outputs: Array, outputs: Array) -> Array:
    return d_outputs * (outputs > 0)


SLOPE = 0.2  # of leaky_relu below 0


def leaky_relu(inputs: Array) -> Array:
    return np.where(inputs > 0, inputs, SLOPE * inputs)


def leaky_relu_backward(d_outputs: Array, outputs: Array) -> Array:
    return np.where(outputs > 0, d_outputs, SLOPE * d_outputs)


def elu(inputs: Array) -> Array:
    return np.where(inputs > 0, inputs, np.expm1(np.minimum(inputs, 0)))


def elu_backward(d_outputs: Array, outputs: Array) -> Array:
    return d_outputs * (1 + np.minimum(outputs, 0))


def silu(inputs: Array) -> Array:
    return inputs * sigmoid(inputs)


def silu_backward(d_outputs: Array, inputs: Array) -> Array:
    gate = sigmoid(inputs)
    return d_outputs * gate * (1 + inputs * (1 - gate))


def gelu(inputs: Array) -> Array:
    return inputs * _normal(inputs)


def gelu_backward(d_outputs: Array, inputs: Array) -> Array:
    return d_outputs * (_normal(inputs) + inputs * _density(inputs))


FINE, LAST = 1024, 9  # points a unit, and from where on Φ is 0 or 1


def _normal(x: Array) -> Array:
    """How much of a normal distribution lies below x: Φ, no more than 3e-16 off.

    NumPy lacks the error function, and Python's takes numbers one by one. So it is asked for many points, once, and Φ
    is Taylor's series about the nearest of them: four of its terms, of φ's derivatives (Abramowitz and Stegun,
    "Handbook of mathematical functions", section 26.2). Ten times as fast.
    """
    point = np.rint(np.fmax(np.fmin(x, LAST), -LAST) * FINE)  # of NaN, the last one
    at = point / FINE
    d = np.clip(x, -LAST, LAST) - at
    series = d * (1 - d / 2 * (at - d / 3 * (at**2 - 1 - d / 4 * (at**3 - 3 * at))))
    return np.asarray(_points()[point.astype(np.intp) + LAST * FINE] + _density(at) * series, x.dtype)


@cache
def _points() -> Array:
    between = np.arange(-LAST * FINE + 1, LAST * FINE) / FINE
    return np.array([0, *(math.erfc(-point / math.sqrt(2)) / 2 for point in between.tolist()), 1])


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def hard_swish(inputs: Array) -> Array:
    return inputs * np.clip(inputs + 3, 0, 6) / 6


def hard_swish_backward(d_outputs: Array, inputs: Array) -> Array:
    between = np.where(inputs < 3, (2 * inputs + 3) / 6, 1)
    return d_outputs * np.where(inputs > -3, between, 0)


def tanh(inputs: Array) -> Array:
    return np.tanh(inputs)


def tanh_backward(d_outputs: Array, outputs: Array) -> Array:
    return d_outputs * (1 - outputs * outputs)


def sigmoid(inputs: Array) -> Array:
    """1 / (1 + exp(−x)), by way of tanh, which never overflows."""
    return (1 + np.tanh(inputs / 2)) / 2


def sigmoid_backward(d_outputs: Array, outputs: Array) -> Array:
    return d_outputs * outputs * (1 - outputs)


def softmax_backward(d_outputs: Array, outputs: Array) -> Array:
    """Raising one probability lowers the others: what they receive on average is taken from each."""
    return outputs * (d_outputs - (d_outputs * outputs).sum(axis=-1, keepdims=True))


FORWARD: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "silu": silu,
    "gelu": gelu,
    "hard_swish": hard_swish,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
}
BY_OUTPUTS: dict[str, Callable[[Array, Array], Array]] = {
    "relu": relu_backward,
    "leaky_relu": leaky_relu_backward,
    "elu": elu_backward,
    "tanh": tanh_backward,
    "sigmoid": sigmoid_backward,
    "softmax": softmax_backward,
}
BY_INPUTS: dict[str, Callable[[Array, Array], Array]] = {
    "silu": silu_backward,
    "gelu": gelu_backward,
    "hard_swish": hard_swish_backward,
}


def activate(activation: str | None, inputs: Array) -> tuple[Array, Array]:
    """Outputs, and what the backward pass needs: them or the inputs."""
    outputs = inputs if activation is None else FORWARD[activation](inputs)
    return outputs, inputs if activation in BY_INPUTS else outputs


def activate_backward(activation: str | None, d_outputs: Array, memory: Array) -> Array:
    """d_inputs."""
    return d_outputs if activation is None else (BY_OUTPUTS | BY_INPUTS)[activation](d_outputs, memory)
