"""The dense layer, and dropout."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def dense(inputs: Array, kernel: Array) -> Array:
    """inputs (N, I), kernel (I, units) → (N, units)."""
    return inputs @ kernel


def dense_backward(d_outputs: Array, inputs: Array, kernel: Array) -> tuple[Array, Array]:
    """d_inputs (N, I) and d_kernel (I, units), from d_outputs (N, units)."""
    return d_outputs @ kernel.T, inputs.T @ d_outputs


def dropout(inputs: Array, keep: NDArray[Any], rate: float) -> Array:
    """The values that are kept, divided by the share that is, so that their sum is expected to stay the same.

    `keep` is the mask, True or False for each value. Backward is the same function, on the gradient.
    """
    return inputs * keep / (1 - rate)
