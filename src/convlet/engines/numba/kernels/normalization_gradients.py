"""The backward pass of batch normalisation, with the ReLU and the pooling behind it: see `normalization.py`.

One pass is for the sums that the statistics receive, and one for the gradient of the inputs. What is between the
normalised inputs and the block's outputs was never stored: ReLU's side is computed once more, and pooling left winners.

    partial          (N, 2, C): an image's two sums
    d_gamma, d_beta  Σ gradient × normalised input, and Σ gradient, over all images and pixels
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import RELU
from convlet.engines.numba.kernels.elementwise import at
from convlet.engines.numba.kernels.normalization import LANES, normalized1, normalized8
from convlet.engines.numba.simd.vectors import (
    add,
    element,
    equal,
    fma,
    greater,
    load,
    mul,
    put,
    select,
    splat,
    store,
    sub,
)


def _passed_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def passed(d_y, o, normalized, gamma, beta, c, activation):
        """The gradient of normalised, scaled and shifted inputs: 0 where ReLU closed."""
        d, zero = load(lanes, d_y, o + c), splat(lanes, np.float32(0))
        if activation == RELU:
            output = fma(load(lanes, gamma, c), normalized, load(lanes, beta, c))
            return select(greater(output, zero), d, zero)
        return d

    return passed


_passed1, _passed8 = _passed_of(1), _passed_of(8)


@inlined
def _unpooled(d_y, y_frame, winners, n, h, w, c, H, W):
    """The gradient of pixel (h, w) of H × W, which are pooled: 0 where another one won, or none did."""
    zero, C = splat(8, np.float32(0)), y_frame.channels
    if h // 2 >= H // 2 or w // 2 >= W // 2:
        return zero
    d = load(8, d_y, at(y_frame, n, h // 2, w // 2) + c)
    winner = load(8, winners, ((n * (H // 2) + h // 2) * (W // 2) + w // 2) * C + c)
    return select(equal(winner, splat(8, np.int8((h & 1) * 2 + (w & 1)))), d, zero)


def _add_gradient_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def add_gradient(partial, p, c, C, d, normalized):
        store(partial, p + c, fma(d, normalized, load(lanes, partial, p + c)))
        store(partial, p + C + c, add(load(lanes, partial, p + C + c), d))

    return add_gradient


_add_gradient1, _add_gradient8 = _add_gradient_of(1), _add_gradient_of(8)


def _input_gradient_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def input_gradient(d, normalized, statistics, gamma, d_gamma, d_beta, c, C, share):
        shared = fma(normalized, load(lanes, d_gamma, c), load(lanes, d_beta, c))
        scale = mul(load(lanes, gamma, c), load(lanes, statistics, C + c))
        return mul(scale, sub(d, mul(splat(lanes, share), shared)))

    return input_gradient


_input_gradient1, _input_gradient8 = _input_gradient_of(1), _input_gradient_of(8)


@kernel
def backward_sums(low, high, d_y, y_frame, x, x_frame, statistics, gamma, beta, partial, shape, C, activation):
    """Images [low, high): the sums of gradient × normalised input, and of the gradient."""
    whole = C - C % LANES
    for n in range(low, high):
        p = n * 2 * C
        for c in range(p, p + 2 * C):
            put(partial, c, np.float32(0))
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(0, whole, LANES):
                    values = normalized8(x, i, statistics, c, C)
                    _add_gradient8(partial, p, c, C, _passed8(d_y, o, values, gamma, beta, c, activation), values)
                for c in range(whole, C):
                    value = normalized1(x, i, statistics, c, C)
                    _add_gradient1(partial, p, c, C, _passed1(d_y, o, value, gamma, beta, c, activation), value)


@kernel
def backward_sums_pool(low, high, d_y, y_frame, winners, x, x_frame, statistics, partial, shape, C):
    """The same behind pooling."""
    for n in range(low, high):
        p = n * 2 * C
        for c in range(p, p + 2 * C):
            put(partial, c, np.float32(0))
        for h in range(shape.H // 2 * 2):
            for w in range(shape.W // 2 * 2):
                i = at(x_frame, n, h, w)
                for c in range(0, C, LANES):
                    d = _unpooled(d_y, y_frame, winners, n, h, w, c, shape.H, shape.W)
                    _add_gradient8(partial, p, c, C, d, normalized8(x, i, statistics, c, C))


@kernel
def backward_totals(low, high, partial, d_gamma, d_beta, N, C):
    """Channels [low, high): d_gamma and d_beta, from the images' sums."""
    for c in range(low, high):
        first = second = 0.0
        for n in range(N):
            first += element(partial, n * 2 * C + c)
            second += element(partial, n * 2 * C + C + c)
        put(d_gamma, c, np.float32(first))
        put(d_beta, c, np.float32(second))


@kernel
def normalize_backward(
    low, high, d_y, y_frame, x, x_frame, statistics, gamma, beta, d_gamma, d_beta, d_x, shape, C, activation, count
):
    """Images [low, high): d_x. An input also moves the batch's mean and variance: from the gradient is taken its
    mean, and its projection on the normalised inputs.
    """
    whole, share = C - C % LANES, np.float32(1) / count
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(0, whole, LANES):
                    values = normalized8(x, i, statistics, c, C)
                    d = _passed8(d_y, o, values, gamma, beta, c, activation)
                    store(d_x, i + c, _input_gradient8(d, values, statistics, gamma, d_gamma, d_beta, c, C, share))
                for c in range(whole, C):
                    value = normalized1(x, i, statistics, c, C)
                    e = _passed1(d_y, o, value, gamma, beta, c, activation)
                    store(d_x, i + c, _input_gradient1(e, value, statistics, gamma, d_gamma, d_beta, c, C, share))


@kernel
def normalize_backward_pool(
    low, high, d_y, y_frame, winners, x, x_frame, statistics, gamma, d_gamma, d_beta, d_x, shape, C, count
):
    """The same behind pooling."""
    share = np.float32(1) / count
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i = at(x_frame, n, h, w)
                for c in range(0, C, LANES):
                    values = normalized8(x, i, statistics, c, C)
                    d = _unpooled(d_y, y_frame, winners, n, h, w, c, shape.H, shape.W)
                    store(d_x, i + c, _input_gradient8(d, values, statistics, gamma, d_gamma, d_beta, c, C, share))
