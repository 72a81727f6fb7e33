"""Batch normalisation, with the ReLU and the 2×2 max pooling that follow it, in as few passes as there can be.

One pass over the inputs is for the statistics of each channel, over images and pixels, and one for everything else.
(Backward: `normalization_gradients.py`.)

Sums are made image by image, and then over the images in order, so that they do not depend on who makes which. They are
of distances to the image's first pixel, s, for a channel's mean may be large against its deviation. With d = s − t, the
distance to the first image's, they are made sums of distances to t: Σ(x − t) = Σ(x − s) + n d for an image of n pixels,
Σ(x − t)² = Σ(x − s)² + 2 d Σ(x − s) + n d². So mean = t + Σ(x − t) / count, variance = Σ(x − t)² / count − (mean − t)².

    partial     (N, 2, C): an image's two sums
    statistics  (2, C): mean and 1 / √(variance + ε)
    winners     as in `finishing.py`; without pooling there are none
    C           the channels of both frames, or of the narrower one; `shape` is (H, W, C) of the image proper

Arguments otherwise as in `elementwise.py`. Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.elementwise import at
from convlet.engines.numba.kernels.finishing import floor_of, relu_pool8
from convlet.engines.numba.simd.vectors import add, element, fma, load, maximum, mul, put, splat, store, sub

LANES = 8  # channels at a time; the last ones of a row of numbers one by one


# ------------------------------------------------------------------------------------------------- statistics
def _add_up_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def add_up(x, i, x_frame, partial, p, shape, C):
        """The two sums of so many channels of the image whose first pixel is x[i], to partial[p:], C apart."""
        first, total, squares = load(lanes, x, i), splat(lanes, np.float32(0)), splat(lanes, np.float32(0))
        for h in range(shape.H):
            k = i + h * x_frame.columns * x_frame.channels
            for _ in range(shape.W):
                distance = sub(load(lanes, x, k), first)
                total, squares = add(total, distance), fma(distance, distance, squares)
                k += x_frame.channels
        store(partial, p, total)
        store(partial, p + C, squares)

    return add_up


_add_up1, _add_up8, _add_up16 = _add_up_of(1), _add_up_of(8), _add_up_of(16)


@kernel
def sums(low, high, x, x_frame, partial, shape, C):
    """Images [low, high): the sums of each channel's distances to the first pixel, and of their squares."""
    for n in range(low, high):
        p, i, c = n * 2 * C, at(x_frame, n, 0, 0), 0
        while c < C:
            where = (x, i + c, x_frame, partial, p + c, shape, C)
            if c + 16 <= C:
                _add_up16(*where)
                c += 16
            elif c + 8 <= C:
                _add_up8(*where)
                c += 8
            else:
                _add_up1(*where)
                c += 1


@kernel
def batch_statistics(low, high, x, x_frame, partial, statistics, variances, N, count, C, epsilon):
    """Channels [low, high): mean, variance and 1 / √(variance + ε) of `count` numbers, from the images' sums."""
    pixels = count // N
    for c in range(low, high):
        distances, squares, first = 0.0, 0.0, np.float64(element(x, at(x_frame, 0, 0, 0) + c))
        for n in range(N):
            d, distance = element(x, at(x_frame, n, 0, 0) + c) - first, np.float64(element(partial, n * 2 * C + c))
            distances += distance + pixels * d
            squares += element(partial, n * 2 * C + C + c) + d * (2 * distance + pixels * d)
        distance = distances / count
        variance = squares / count - distance * distance
        variance = 0.0 if variance < 0 else variance  # rounding, of a channel that is nearly constant
        put(statistics, c, np.float32(first + distance))
        put(statistics, C + c, np.float32(1 / math.sqrt(variance + epsilon)))
        put(variances, c, np.float32(variance))


@kernel
def moving_statistics(low, high, moving_mean, moving_variance, statistics, C, epsilon):
    """Channels [low, high): the moving averages, in the place of the batch's statistics."""
    for c in range(low, high):
        put(statistics, c, element(moving_mean, c))
        put(statistics, C + c, np.float32(1 / math.sqrt(element(moving_variance, c) + epsilon)))


@kernel
def move_averages(low, high, moving_mean, moving_variance, statistics, variances, momentum):
    """Channels [low, high): the moving averages take in the batch's statistics."""
    now = np.float32(1) - momentum
    for c in range(low, high):
        put(moving_mean, c, momentum * element(moving_mean, c) + now * element(statistics, c))
        put(moving_variance, c, momentum * element(moving_variance, c) + now * element(variances, c))


@kernel
def fold(low, high, weights, rows, F, gamma, beta, moving_mean, moving_variance, epsilon, folded):
    """Filters [low, high) of a convolution's weights (rows, F), biases last, with normalisation folded into them."""
    for f in range(low, high):
        scale = element(gamma, f) * np.float32(1 / math.sqrt(element(moving_variance, f) + epsilon))
        for i in range(f, rows * F, F):
            put(folded, i, scale * element(weights, i))
        bias = (rows - 1) * F + f
        put(folded, bias, scale * (element(weights, bias) - element(moving_mean, f)) + element(beta, f))


# ---------------------------------------------------------------------------------------------------- forward
@inlined
def _output8(x, i, statistics, gamma, beta, c, C):
    """Eight channels, normalised, scaled and shifted."""
    normalized = mul(sub(load(8, x, i + c), load(8, statistics, c)), load(8, statistics, C + c))
    return fma(load(8, gamma, c), normalized, load(8, beta, c))


def _normalize_row_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def normalize_row(x, i, across, statistics, gamma, beta, c, C, y, o, along, W, floor):
        """W pixels from x[i] on, to y[o:], of so many channels from c on."""
        mean, scale, lowest = load(lanes, statistics, c), load(lanes, statistics, C + c), splat(lanes, floor)
        factor, offset = load(lanes, gamma, c), load(lanes, beta, c)
        for _ in range(W):
            store(y, o, maximum(fma(factor, mul(sub(load(lanes, x, i), mean), scale), offset), lowest))
            i += across
            o += along

    return normalize_row


_normalize_row1, _normalize_row8, _normalize_row16 = (_normalize_row_of(lanes) for lanes in (1, 8, 16))


@kernel
def normalize(low, high, x, x_frame, statistics, gamma, beta, y, y_frame, shape, C, activation):
    """Images [low, high): y = γ (x − mean) / √(variance + ε) + β [, and its ReLU]."""
    floor, across, along = floor_of(activation), x_frame.channels, y_frame.channels
    for n in range(low, high):
        for h in range(shape.H):
            i, o, c = at(x_frame, n, h, 0), at(y_frame, n, h, 0), 0
            while c < C:
                where = (x, i + c, across, statistics, gamma, beta, c, C, y, o + c, along, shape.W, floor)
                if c + 16 <= C:
                    _normalize_row16(*where)
                    c += 16
                elif c + 8 <= C:
                    _normalize_row8(*where)
                    c += 8
                else:
                    _normalize_row1(*where)
                    c += 1


@kernel
def normalize_pool(low, high, x, x_frame, statistics, gamma, beta, y, y_frame, winners, shape, C, activation):
    """The same, and 2×2 max pooling. `shape` is that of the inputs; C is a multiple of 8."""
    floor, right, down = splat(8, floor_of(activation)), C, x_frame.columns * C
    for n in range(low, high):
        for h in range(shape.H // 2):
            for w in range(shape.W // 2):
                i, o = at(x_frame, n, 2 * h, 2 * w), at(y_frame, n, h, w)
                q = ((n * (shape.H // 2) + h) * (shape.W // 2) + w) * C
                for c in range(0, C, LANES):
                    best, winner = relu_pool8(
                        _output8(x, i, statistics, gamma, beta, c, C),
                        _output8(x, i + right, statistics, gamma, beta, c, C),
                        _output8(x, i + down, statistics, gamma, beta, c, C),
                        _output8(x, i + down + right, statistics, gamma, beta, c, C),
                        floor,
                    )
                    store(y, o + c, best)
                    if winners.size > 0:
                        store(winners, q + c, winner)
