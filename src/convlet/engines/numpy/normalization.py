"""Batch normalisation. Statistics are taken for each channel over everything else: (N, H, W, C) or (N, C) → (C,).

Source: Ioffe and Szegedy, "Batch normalization", ICML 2015: algorithm 1 forward, section 3 for the gradient.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def batch_statistics(inputs: Array) -> tuple[Array, Array]:
    """Mean and (biased) variance of each channel: two arrays (C,)."""
    axes = tuple(range(inputs.ndim - 1))
    # Summed in float64: NumPy adds along these axes one by one, and what tens of thousands of float32 lose by that
    # comes back a thousand times as large in the gradients of layers behind each other.
    mean, variance = inputs.mean(axis=axes, dtype=np.float64), inputs.var(axis=axes, dtype=np.float64)
    return mean.astype(inputs.dtype), variance.astype(inputs.dtype)


def batch_normalization(
    inputs: Array, mean: Array, variance: Array, gamma: Array, beta: Array, epsilon: float
) -> tuple[Array, Array]:
    """Outputs like the inputs, and the normalised inputs, which the backward pass needs."""
    normalized = (inputs - mean) / np.sqrt(variance + epsilon)
    return gamma * normalized + beta, normalized


def batch_normalization_backward(
    d_outputs: Array, normalized: Array, variance: Array, gamma: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """d_inputs, d_gamma (C,) and d_beta (C,), where mean and variance are the batch's own.

    An input also moves its batch's mean and variance. Both effects together take from the gradient its mean and its
    projection on the normalised inputs.
    """
    d_gamma, d_beta = _d_gamma_and_d_beta(d_outputs, normalized)
    count = normalized.size // normalized.shape[-1]
    d_normalized = d_outputs - (d_beta + normalized * d_gamma) / count  # times gamma, below
    return gamma / np.sqrt(variance + epsilon) * d_normalized, d_gamma, d_beta


def fixed_normalization_backward(
    d_outputs: Array, normalized: Array, variance: Array, gamma: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """The same, where mean and variance are moving averages: no input moves them, so each moves its output alone."""
    return gamma / np.sqrt(variance + epsilon) * d_outputs, *_d_gamma_and_d_beta(d_outputs, normalized)


def _d_gamma_and_d_beta(d_outputs: Array, normalized: Array) -> tuple[Array, Array]:
    axes = tuple(range(d_outputs.ndim - 1))
    sums = (d_outputs * normalized).sum(axis=axes, dtype=np.float64), d_outputs.sum(axis=axes, dtype=np.float64)
    return sums[0].astype(d_outputs.dtype), sums[1].astype(d_outputs.dtype)
