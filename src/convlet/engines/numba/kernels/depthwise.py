"""The depthwise convolution: each channel by a kernel of its own.

Vectors run along the channels, and four neighbours are computed together, so that weights are loaded once for all of
them and their sums stay in registers. Both the outputs and the gradient of the images are gathered: every number is a
sum over the taps that reach it, and written once. Padding is not stored: taps outside the image are left out. Arguments
as in `pooling.py`, and

    weights   (KH, KW, C), bias (C) or nothing
    partial   (N, KH × KW × C + C): each image's part of the gradients of weights and bias, summed by `sum_images`
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.elementwise import at
from convlet.engines.numba.kernels.pooling import window
from convlet.engines.numba.simd.vectors import (
    add,
    element,
    fma,
    load,
    load_rows,
    put,
    repeat,
    row_of,
    splat,
    store,
    store_rows,
)

FOUR = 4  # neighbours at a time: with 16 lanes, eight sums are on their way in a core with AVX2


class Taps(NamedTuple):
    """What a sum is over: rows of so many columns, and how far apart they lie in what is summed and in the weights."""

    rows: int
    columns: int
    row: int
    column: int
    weights_row: int
    weights_column: int


def _sums_of(positions: int, lanes: int) -> Callable[..., Any]:
    @inlined
    def sums(y, o, y_step, bias, c, x, i, x_step, weights, k, taps):
        """y[o + c:], `lanes` channels of neighbours that lie `y_step` apart: bias + Σ x × weights over the taps."""
        start = load(lanes, bias, c) if len(bias) > 0 else splat(lanes, np.float32(0))
        total = repeat(positions, start)
        for row in range(taps.rows):
            a, b = i + row * taps.row + c, k + row * taps.weights_row + c
            for _ in range(taps.columns):
                total = fma(load_rows(positions, lanes, x, a, x_step), load(lanes, weights, b), total)
                a += taps.column
                b += taps.weights_column
        store_rows(y, o + c, y_step, total)

    return sums


_four16, _four8, _four1 = (_sums_of(FOUR, lanes) for lanes in (16, 8, 1))
_one32, _one8, _one1 = (_sums_of(1, lanes) for lanes in (32, 8, 1))


@inlined
def _sum_four(y, o, y_step, bias, x, i, x_step, weights, k, taps, C):
    """All channels of four neighbours that have the same taps."""
    c = 0
    while c + 16 <= C:
        _four16(y, o, y_step, bias, c, x, i, x_step, weights, k, taps)
        c += 16
    if c + 8 <= C:
        _four8(y, o, y_step, bias, c, x, i, x_step, weights, k, taps)
        c += 8
    while c < C:
        _four1(y, o, y_step, bias, c, x, i, x_step, weights, k, taps)
        c += 1


@inlined
def _sum_one(y, o, bias, x, i, weights, k, taps, C):
    """All channels of one."""
    c = 0
    while c + 32 <= C:
        _one32(y, o, 0, bias, c, x, i, 0, weights, k, taps)
        c += 32
    while c + 8 <= C:
        _one8(y, o, 0, bias, c, x, i, 0, weights, k, taps)
        c += 8
    while c < C:
        _one1(y, o, 0, bias, c, x, i, 0, weights, k, taps)
        c += 1


@kernel
def forward(low, high, x, x_frame, weights, bias, y, y_frame, shape, pool):
    """Images [low, high): the sums, bias included. Cost: N × OH × OW × KH × KW × C multiply-adds."""
    C, across, down = shape.C, x_frame.channels, x_frame.columns * x_frame.channels
    for n in range(low, high):
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            ow = 0
            while ow < pool.OW:
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                end = (ow + FOUR - 1) * pool.SW - pool.left + pool.KW  # of the fourth's window
                k = ((h0 - oh * pool.SH + pool.top) * pool.KW + w0 - ow * pool.SW + pool.left) * C
                taps = Taps(h1 - h0, w1 - w0, down, across, pool.KW * C, C)
                i, o = at(x_frame, n, h0, w0), at(y_frame, n, oh, ow)
                if w1 - w0 == pool.KW and ow + FOUR <= pool.OW and end <= shape.W:
                    _sum_four(y, o, y_frame.channels, bias, x, i, pool.SW * across, weights, k, taps, C)
                    ow += FOUR
                else:
                    _sum_one(y, o, bias, x, i, weights, k, taps, C)
                    ow += 1


@inlined
def _reaching(p, stride, before, size, outputs):
    """The outputs whose window holds pixel p: the tap by which the last one does, that output, and how many they are.

    From one to the next the tap grows by a stride, and the output goes back by one.
    """
    p += before
    tap = max(p % stride, p - (outputs - 1) * stride)
    return tap, (p - tap) // stride, max(0, (min(size - 1, p) - tap) // stride + 1)


@kernel
def d_images(low, high, weights, nothing, d_y, y_frame, d_x, x_frame, shape, pool):
    """Images [low, high): what the outputs send back to each pixel; `nothing` stands for a bias. Cost as `forward`."""
    C, size = shape.C, x_frame.rows * x_frame.columns * x_frame.channels
    across, down, beside = y_frame.channels, y_frame.columns * y_frame.channels, pool.SW * x_frame.channels
    for n in range(low, high):
        if size > shape.H * shape.W * C:  # what is around it
            for i in range(n * size, (n + 1) * size):
                put(d_x, i, np.float32(0))
        for h in range(shape.H):
            kh, oh, rows = _reaching(h, pool.SH, pool.top, pool.KH, pool.OH)
            for first in range(min(pool.SW, shape.W)):  # pixels a stride apart are reached by the same taps
                w = first
                while w < shape.W:
                    kw, ow, columns = _reaching(w, pool.SW, pool.left, pool.KW, pool.OW)
                    fourth = w + (FOUR - 1) * pool.SW
                    last_kw, _, last_columns = _reaching(fourth, pool.SW, pool.left, pool.KW, pool.OW)
                    taps = Taps(rows, columns, -down, -across, pool.SH * pool.KW * C, pool.SW * C)
                    i, o, k = at(y_frame, n, oh, ow), at(x_frame, n, h, w), (kh * pool.KW + kw) * C
                    if fourth < shape.W and kw == last_kw and columns == last_columns:
                        _sum_four(d_x, o, beside, nothing, d_y, i, across, weights, k, taps, C)
                        w += FOUR * pool.SW
                    else:
                        _sum_one(d_x, o, nothing, d_y, i, weights, k, taps, C)
                        w += pool.SW


def _products_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def products(x, i, x_step, d_y, o, y_step, count, partial, p):
        """To partial[p:] add Σ x × d_y over so many positions, `lanes` channels."""
        four = repeat(FOUR, splat(lanes, np.float32(0)))
        for _ in range(count // FOUR):
            four = fma(load_rows(FOUR, lanes, x, i, x_step), load_rows(FOUR, lanes, d_y, o, y_step), four)
            i += FOUR * x_step
            o += FOUR * y_step
        one = add(add(row_of(four, 0), row_of(four, 1)), add(row_of(four, 2), row_of(four, 3)))
        for _ in range(count % FOUR):
            one = fma(load(lanes, x, i), load(lanes, d_y, o), one)
            i += x_step
            o += y_step
        store(partial, p, add(load(lanes, partial, p), one))

    return products


_products16, _products8, _products1 = (_products_of(lanes) for lanes in (16, 8, 1))


@kernel
def d_weights(low, high, x, x_frame, bias, d_y, y_frame, partial, shape, pool):
    """Images [low, high): their parts of the gradients, a row of outputs and a tap at a time. Cost as `forward`."""
    C, x_step, y_step = shape.C, pool.SW * x_frame.channels, y_frame.channels
    size = (pool.KH * pool.KW + 1) * C
    for n in range(low, high):
        for i in range(n * size, (n + 1) * size):
            put(partial, i, np.float32(0))
        for oh in range(pool.OH):
            if len(bias) > 0:
                for ow in range(pool.OW):
                    _add(partial, (n + 1) * size - C, d_y, at(y_frame, n, oh, ow), C)
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for h in range(h0, h1):
                for kw in range(pool.KW):
                    # outputs whose tap kw lies in the image: kw − left + ow × SW from 0 to W − 1
                    first = max(0, -((kw - pool.left) // pool.SW))
                    count = min(pool.OW - 1, (shape.W - 1 - kw + pool.left) // pool.SW) - first + 1
                    if count <= 0:
                        continue
                    i, o = at(x_frame, n, h, first * pool.SW - pool.left + kw), at(y_frame, n, oh, first)
                    p, c = n * size + ((h - oh * pool.SH + pool.top) * pool.KW + kw) * C, 0
                    while c + 16 <= C:
                        _products16(x, i + c, x_step, d_y, o + c, y_step, count, partial, p + c)
                        c += 16
                    if c + 8 <= C:
                        _products8(x, i + c, x_step, d_y, o + c, y_step, count, partial, p + c)
                        c += 8
                    while c < C:
                        _products1(x, i + c, x_step, d_y, o + c, y_step, count, partial, p + c)
                        c += 1


@kernel
def sum_images(low, high, partial, N, size, first, total):
    """total[i] = Σ partial[n, first + i] over the images, in order, for i in [low, high)."""
    for i in range(low, high):
        value = 0.0
        for n in range(N):
            value += element(partial, n * size + first + i)
        put(total, i, np.float32(value))


@inlined
def _add(total, t, a, i, C):
    """total[t:] += a[i:], C numbers."""
    for c in range(C):
        put(total, t + c, element(total, t + c) + element(a, i + c))
