"""Arithmetic among a model's own arrays: exporters leave shapes and weights to be worked out."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convlet.errors import InputError
from convlet.exchange.graph.nodes import Array

MOST = 1 << 26  # numbers of an array that is worked out
TYPES = {1: np.float32, 2: np.uint8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
Attributes = Mapping[str, Any]


def _both(of: Callable[[Array, Array], Array]) -> Callable[[Attributes, Array, Array], Array]:
    """Number by number, of two arrays that are brought to one shape; whole numbers stay whole."""

    def folded(attributes: Attributes, first: Array, second: Array) -> Array:
        _checked(np.broadcast_shapes(first.shape, second.shape))
        return np.asarray(of(first, second)).astype(first.dtype, copy=False)

    return folded


def _checked(shape: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(shape) > MOST:
        raise InputError(f"an array of shape {shape} is worked out; expected at most {MOST:,} numbers.")
    return shape


def _axes(attributes: Attributes, given: tuple[Array, ...]) -> tuple[int, ...]:
    """The axes that an operator is told: as an attribute before opset 13, as an array from then on."""
    return tuple(int(axis) for axis in (given[0] if given else attributes["axes"]))


def _squeeze(attributes: Attributes, array: Array, *given: Array) -> Array:
    return np.squeeze(array, _axes(attributes, given) if given or "axes" in attributes else None)


def _reshape(attributes: Attributes, array: Array, shape: Array) -> Array:
    sizes = [int(size) for size in shape]
    if not attributes.get("allowzero"):
        sizes = [size or array.shape[place] for place, size in enumerate(sizes)]
    return array.reshape(sizes)


def _concat(attributes: Attributes, *arrays: Array) -> Array:
    if sum(array.size for array in arrays) > MOST:
        raise InputError(f"an array is put together; expected at most {MOST:,} numbers.")
    return np.concatenate(arrays, attributes["axis"])


def _gather(attributes: Attributes, array: Array, places: Array) -> Array:
    axis = attributes.get("axis", 0)
    _checked((array.size // max(array.shape[axis], 1), places.size))
    return np.take(array, places, axis)


def _slice(attributes: Attributes, array: Array, *given: Array | None) -> Array:
    told: Attributes = dict(zip(("starts", "ends", "axes", "steps"), given, strict=False)) if given else attributes
    starts, ends = np.atleast_1d(told["starts"]), np.atleast_1d(told["ends"])
    axes = np.arange(len(starts)) if told.get("axes") is None else np.atleast_1d(told["axes"])
    steps = np.ones_like(starts) if told.get("steps") is None else np.atleast_1d(told["steps"])
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut = [slice(None)] * array.ndim
        cut[int(axis)] = slice(int(start), int(end), int(step))
        array = array[tuple(cut)]
    return array


def _shape(attributes: Attributes, array: Array) -> Array:
    return np.array(array.shape, np.int64)[attributes.get("start", 0) : attributes.get("end")]


def _constant_of_shape(attributes: Attributes, shape: Array) -> Array:
    value = np.asarray(attributes.get("value", np.zeros(1, np.float32)))
    return np.full(_checked(tuple(int(size) for size in shape)), value.ravel()[0])


def _quotient(first: Array, second: Array) -> Array:
    """The quotient; of whole numbers what is left of it towards 0, as in C."""
    return (first - np.fmod(first, second)) // second if np.issubdtype(first.dtype, np.integer) else first / second


FOLDS: dict[str, Callable[..., Array]] = {
    "Add": _both(np.add),
    "Sub": _both(np.subtract),
    "Mul": _both(np.multiply),
    "Div": _both(_quotient),
    "Neg": lambda attributes, array: -array,
    "Sqrt": lambda attributes, array: np.sqrt(array),
    "Identity": lambda attributes, array: array,
    "Cast": lambda attributes, array: array.astype(TYPES[attributes["to"]]),
    "Shape": _shape,
    "ConstantOfShape": _constant_of_shape,
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": lambda attributes, array: array.transpose(attributes.get("perm")),
    "Unsqueeze": lambda attributes, array, *given: np.expand_dims(array, _axes(attributes, given)),
    "Squeeze": _squeeze,
}
