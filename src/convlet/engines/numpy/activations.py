"""Activations. Each derivative is written in terms of the activation's own outputs, so nothing else is remembered."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.losses import softmax

Array = NDArray[Any]


def relu(inputs: Array) -> Array:
    return np.maximum(inputs, 0)


def relu_backward(d_outputs: Array, outputs: Array) -> Array:
    return d_outputs * (outputs > 0)


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


FORWARD: dict[str, Callable[[Array], Array]] = {"relu": relu, "tanh": tanh, "sigmoid": sigmoid, "softmax": softmax}
BACKWARD: dict[str, Callable[[Array, Array], Array]] = {
    "relu": relu_backward,
    "tanh": tanh_backward,
    "sigmoid": sigmoid_backward,
    "softmax": softmax_backward,
}
