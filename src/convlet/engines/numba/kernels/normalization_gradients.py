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
from convlet.engines.numba.kernels.normalization import LANES
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


@inlined
def _passed(d, normalized, gamma, beta, zero, activation):
    """The gradient d of normalised, scaled and shifted inputs: 0 where ReLU closed."""
    return select(greater(fma(gamma, normalized, beta), zero), d, zero) if activation == RELU else d


@inlined
def _unpooled(d_y, y_frame, winners, n, h, w, c, H, W):
    """The gradient of pixel (h, w) of H × W, which are pooled: 0 where another one won, or none did."""
    zero, C = splat(8, np.float32(0)), y_frame.channels
    if h // 2 >= H // 2 or w // 2 >= W // 2:
        return zero
    d = load(8, d_y, at(y_frame, n, h // 2, w // 2) + c)
    winner = load(8, winners, ((n * (H // 2) + h // 2) * (W // 2) + w // 2) * C + c)
    return select(equal(winner, splat(8, np.int8((h & 1) * 2 + (w & 1)))), d, zero)


def _add_up_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def add_up(d_y, o, y_frame, x, i, x_frame, statistics, gamma, beta, c, C, partial, p, shape, activation):
        """The two sums of so many channels of the image whose first pixels are x[i] and d_y[o], to partial[p:]."""
        mean, scale, zero = load(lanes, statistics, c), load(lanes, statistics, C + c), splat(lanes, np.float32(0))
        factor, offset = load(lanes, gamma, c), load(lanes, beta, c)
        products = total = zero
        for h in range(shape.H):
            k, m = i + h * x_frame.columns * x_frame.channels, o + h * y_frame.columns * y_frame.channels
            for _ in range(shape.W):
                normalized = mul(sub(load(lanes, x, k), mean), scale)
                d = _passed(load(lanes, d_y, m), normalized, factor, offset, zero, activation)
                products, total = fma(d, normalized, products), add(total, d)
                k += x_frame.channels
                m += y_frame.channels
        store(partial, p, products)
        store(partial, p + C, total)

    return add_up


_add_up1, _add_up8, _add_up16 = _add_up_of(1), _add_up_of(8), _add_up_of(16)


@kernel
def backward_sums(low, high, d_y, y_frame, x, x_frame, statistics, gamma, beta, partial, shape, C, activation):
    """Images [low, high): the sums of gradient × normalised input, and of the gradient."""
    for n in range(low, high):
        p, i, o, c = n * 2 * C, at(x_frame, n, 0, 0), at(y_frame, n, 0, 0), 0
        while c < C:
            where = (d_y, o + c, y_frame, x, i + c, x_frame, statistics, gamma, beta, c, C, partial, p + c)
            if c + 16 <= C:
                _add_up16(*where, shape, activation)
                c += 16
            elif c + 8 <= C:
                _add_up8(*where, shape, activation)
                c += 8
            else:
                _add_up1(*where, shape, activation)
                c += 1


@kernel
def backward_sums_pool(low, high, d_y, y_frame, winners, x, x_frame, statistics, partial, shape, C):
    """The same behind pooling."""
    for n in range(low, high):
        for c in range(0, C, LANES):
            mean, scale, zero = load(8, statistics, c), load(8, statistics, C + c), splat(8, np.float32(0))
            products = total = zero
            for h in range(shape.H // 2 * 2):
                for w in range(shape.W // 2 * 2):
                    normalized = mul(sub(load(8, x, at(x_frame, n, h, w) + c), mean), scale)
                    d = _unpooled(d_y, y_frame, winners, n, h, w, c, shape.H, shape.W)
                    products, total = fma(d, normalized, products), add(total, d)
            store(partial, n * 2 * C + c, products)
            store(partial, n * 2 * C + C + c, total)


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


@inlined
def _input_gradient(d, normalized, scale, d_gamma, d_beta, share):
    return mul(scale, sub(d, mul(share, fma(normalized, d_gamma, d_beta))))


def _backward_row_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def backward_row(
        d_y, o, along, x, i, across, statistics, gamma, beta, d_gamma, d_beta, c, C, d_x, W, share, activation
    ):
        """W pixels from x[i], d_y[o] and d_x[i] on, of so many channels from c on."""
        mean, deviation, zero = load(lanes, statistics, c), load(lanes, statistics, C + c), splat(lanes, np.float32(0))
        factor, offset, shares = load(lanes, gamma, c), load(lanes, beta, c), splat(lanes, share)
        products, total, scale = load(lanes, d_gamma, c), load(lanes, d_beta, c), mul(factor, deviation)
        for _ in range(W):
            normalized = mul(sub(load(lanes, x, i), mean), deviation)
            d = _passed(load(lanes, d_y, o), normalized, factor, offset, zero, activation)
            store(d_x, i, _input_gradient(d, normalized, scale, products, total, shares))
            i += across
            o += along

    return backward_row


_backward_row1, _backward_row8, _backward_row16 = (_backward_row_of(lanes) for lanes in (1, 8, 16))


@kernel
def normalize_backward(
    low, high, d_y, y_frame, x, x_frame, statistics, gamma, beta, d_gamma, d_beta, d_x, shape, C, activation, count
):
    """Images [low, high): d_x. An input also moves the batch's mean and variance: from the gradient is taken its
    mean, and its projection on the normalised inputs.
    """
    share, along, across = np.float32(1) / count, y_frame.channels, x_frame.channels
    for n in range(low, high):
        for h in range(shape.H):
            i, o, c = at(x_frame, n, h, 0), at(y_frame, n, h, 0), 0
            while c < C:
                where = (d_y, o + c, along, x, i + c, across, statistics, gamma, beta, d_gamma, d_beta, c, C, d_x)
                if c + 16 <= C:
                    _backward_row16(*where, shape.W, share, activation)
                    c += 16
                elif c + 8 <= C:
                    _backward_row8(*where, shape.W, share, activation)
                    c += 8
                else:
                    _backward_row1(*where, shape.W, share, activation)
                    c += 1


@kernel
def normalize_backward_pool(
    low, high, d_y, y_frame, winners, x, x_frame, statistics, gamma, d_gamma, d_beta, d_x, shape, C, count
):
    """The same behind pooling."""
    share = splat(8, np.float32(1) / count)
    for n in range(low, high):
        for h in range(shape.H):
            for c in range(0, C, LANES):
                mean, deviation = load(8, statistics, c), load(8, statistics, C + c)
                products, total, scale = load(8, d_gamma, c), load(8, d_beta, c), mul(load(8, gamma, c), deviation)
                for w in range(shape.W):
                    i = at(x_frame, n, h, w) + c
                    normalized = mul(sub(load(8, x, i), mean), deviation)
                    d = _unpooled(d_y, y_frame, winners, n, h, w, c, shape.H, shape.W)
                    store(d_x, i, _input_gradient(d, normalized, scale, products, total, share))
