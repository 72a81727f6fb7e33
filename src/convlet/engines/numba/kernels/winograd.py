"""Winograd convolution, stride 1: the same results as `convolution.py` with far fewer multiplications.

A tile of 6 × 6 inputs is turned into 36 values that do not depend on the kernel, the kernel into 36 that do not depend
on the image; their *products*, summed over the channels, hold all the outputs of the tile:

    kernel   outputs of a tile   multiplications: direct   here   fewer
    5 × 5    2 × 2               100                       36     2.8 times    F(2×2, 5×5)
    3 × 3    4 × 4               144                       36     4 times      F(4×4, 3×3)

Along one axis, the 6 inputs and the K weights are the coefficients of two polynomials, and convolving means multiplying
them; a product of degree 5 is known from its values at 6 points, here 0, 1, −1, 2, −2 and ∞. Values at points are a
matrix product (B, G), and so is the way back (A): outputs = Aᵀ [(G w Gᵀ) ∘ (Bᵀ x B)] A, with the same B for both sizes.
See Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.

These points cost no more than one decimal: float32 outputs are within 1e-5 of the outputs' scale (tests).

In one pass over 12 tiles: transform their inputs, then for every 16 filters multiply 36 times a (12 × C) by a (C × 16)
matrix, transform back, add biases, ReLU, pool, and store. The 12 tiles' points stay in the second-level cache.

The gradient of the images is such a convolution too, of the gradients of the outputs, with borders of zeros, with the
kernels turned by half a turn and their channels and filters swapped (`turn_kernels`).

Arguments as in `convolution.py`, and
    inputs      the Region of each stored image that tiles cover; outside of it, inputs are 0
    points      kernels and biases as `transform_kernels` leaves them: blocks of 16 filters, each (36 × C + 1, 16)
    scratch     scratch_size(C) floats for each concurrent call
A stored image had better reach to the end of the last tile (`stored`): tiles that leave their region are copied first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import RELU
from convlet.engines.numba.kernels.finishing import floor_of, relu8, relu_pool8
from convlet.engines.numba.kernels.winograd_transforms import (
    GAP,
    POINTS,
    four_outputs,
    kernel_points,
    load_six,
    store_six,
    take_tile,
    tile,
    two_outputs,
)
from convlet.engines.numba.simd.machine import prefetch
from convlet.engines.numba.simd.vectors import (
    add,
    broadcast_rows,
    element,
    fma,
    load,
    put,
    repeat,
    splat,
    store,
    store_rows,
)

TILES = 12
BLOCK = 16
HALF_KERNELS = 6 * 40  # floats of scratch that a call of transform_kernels needs


def stored(outputs: int, K: int) -> int:
    """The rows (or columns) an image must be stored with so that tiles cover so many outputs, before pooling."""
    return -(-outputs // tile(K)) * tile(K) + K - 1


def scratch_size(C: int) -> int:
    """The floats of scratch that one call of a forward kernel needs."""
    return POINTS * (TILES * (C + BLOCK) + GAP + 8 + C)


def points_size(C: int, F: int) -> int:
    """The floats of transformed kernels and biases."""
    return -(-F // BLOCK) * BLOCK * (POINTS * C + 1)


# ------------------------------------------------------------------------------------------------------ kernels
@inlined
def _weight(weights, i, j, K, C, c, F, f):
    """Row i, column j of the kernels from channel c to filters f … f + 7; 0 below the last row."""
    return load(8, weights, ((i * K + j) * C + c) * F + f) if i < K else splat(8, np.float32(0))


@kernel
def turn_kernels(low, high, weights, turned, C, F, K):
    """Rows [low, high) of K kernel rows, half a turn on, channels and filters swapped: turned (K × K × F + 1, C).

    Its last row, where biases would be, is 0.
    """
    for i in range(low, high):
        for j in range(K):
            a, b = (i * K + j) * C * F, ((K - 1 - i) * K + K - 1 - j) * C * F
            for c in range(0, C, 8):
                for f in range(F):
                    for k in range(c, c + 8):
                        put(turned, b + f * C + k, element(weights, a + k * F + f))
    if low == 0:
        for c in range(C):
            put(turned, K * K * F * C + c, np.float32(0))


@kernel
def transform_kernels(low, high, weights, points, C, F, K, half):
    """G w Gᵀ for blocks [low, high) of 16 filters, from weights (K × K × C + 1, F), K 3 or 5, to points.

    Cost: about 150 operations for each of the C × F kernels. `half` is scratch.
    """
    for i in range(0, HALF_KERNELS, 8):  # of three weights, the last two are 0
        store(half, i, splat(8, np.float32(0)))
    for f in range(low * BLOCK, min(high * BLOCK, F), 8):
        o = f // BLOCK * BLOCK * (POINTS * C + 1) + f % BLOCK
        for c in range(C):
            for j in range(K):
                a, b = _weight(weights, 0, j, K, C, c, F, f), _weight(weights, 1, j, K, C, c, F, f)
                d, e = _weight(weights, 2, j, K, C, c, F, f), _weight(weights, 3, j, K, C, c, F, f)
                g, last = _weight(weights, 4, j, K, C, c, F, f), _weight(weights, K - 1, j, K, C, c, F, f)
                store_six(half, j * 8, 40, kernel_points(a, b, d, e, g, last))
            for i in range(0, 240, 40):
                a, b, d = load(8, half, i), load(8, half, i + 8), load(8, half, i + 16)
                e, g, last = load(8, half, i + 24), load(8, half, i + 32), load(8, half, i + (K - 1) * 8)
                store_six(points, o + (i // 40 * 6 * C + c) * BLOCK, C * BLOCK, kernel_points(a, b, d, e, g, last))
        store(points, o + POINTS * C * BLOCK, load(8, weights, K * K * C * F + f))


# ------------------------------------------------------------------------------------------------------- forward
@inlined
def _multiply(v, points, block, m, C, n):
    """m (POINTS, TILES, 16) = v (POINTS, TILES × C, and a GAP) × a block of points (POINTS, C, 16), for n tiles."""
    for point in range(POINTS):
        for t in range(0, n, 6):
            sums = repeat(6, splat(16, np.float32(0)))
            k = block + point * C * BLOCK
            start = point * (TILES * C + GAP) + t * C
            for c in range(start, start + C):
                sums = fma(broadcast_rows(6, 16, v, c, C), load(16, points, k), sums)
                k += 16
            store_rows(m, (point * TILES + t) * BLOCK, BLOCK, sums)


@inlined
def _pooled_pair(y, o, winners, q, bias, a, b, c, d, activation):
    floor = splat(8, floor_of(activation))
    best, winner = relu_pool8(add(a, bias), add(b, bias), add(c, bias), add(d, bias), floor)
    store(y, o, best)
    if winners.size > 0:
        store(winners, q, winner)


@inlined
def _finish(y, o, winners, q, a, activation):
    if activation == RELU:
        a, winner = relu8(a)
        if winners.size > 0:
            store(winners, q, winner)
    store(y, o, a)


# The two ways back from 36 products to outputs: what a tile of M × M gives, for 8 filters, stored where it belongs.
# (o, q): where the first output and winner go; (down, F) and (q_down, F): how far apart they are; (h, w): how many.
@inlined
def _small_tile(m, half, bias, y, o, down, winners, q, q_down, F, h, w, pooled, activation):
    for j in range(6):
        a, b = two_outputs(load_six(m, j * TILES * BLOCK, 6 * TILES * BLOCK))
        store(half, j * 8, a)
        store(half, 48 + j * 8, b)
    a, b = two_outputs(load_six(half, 0, 8))
    c, d = two_outputs(load_six(half, 48, 8))
    if pooled:
        _pooled_pair(y, o, winners, q, bias, a, b, c, d, activation)
        return
    _finish(y, o, winners, q, add(a, bias), activation)
    if w > 1:
        _finish(y, o + F, winners, q + F, add(b, bias), activation)
    if h > 1:
        _finish(y, o + down, winners, q + q_down, add(c, bias), activation)
    if h > 1 and w > 1:
        _finish(y, o + down + F, winners, q + q_down + F, add(d, bias), activation)


@inlined
def _large_tile(m, half, bias, y, o, down, winners, q, q_down, F, h, w, pooled, activation):
    for j in range(6):
        a, b, c, d = four_outputs(load_six(m, j * TILES * BLOCK, 6 * TILES * BLOCK))
        store(half, j * 8, a)
        store(half, 48 + j * 8, b)
        store(half, 96 + j * 8, c)
        store(half, 144 + j * 8, d)
    if pooled:
        for i in range(h):
            a = four_outputs(load_six(half, i * 96, 8))
            b = four_outputs(load_six(half, i * 96 + 48, 8))
            _pooled_pair(y, o + i * down, winners, q + i * q_down, bias, a[0], a[1], b[0], b[1], activation)
            if w > 1:
                k = q + i * q_down + F
                _pooled_pair(y, o + i * down + F, winners, k, bias, a[2], a[3], b[2], b[3], activation)
        return
    for i in range(h):
        a, b, c, d = four_outputs(load_six(half, i * 48, 8))
        oi, qi = o + i * down, q + i * q_down
        _finish(y, oi, winners, qi, add(a, bias), activation)
        if w > 1:
            _finish(y, oi + F, winners, qi + F, add(b, bias), activation)
        if w > 2:
            _finish(y, oi + 2 * F, winners, qi + 2 * F, add(c, bias), activation)
        if w > 3:
            _finish(y, oi + 3 * F, winners, qi + 3 * F, add(d, bias), activation)


@inlined
def _ask_for(array, place, down, rows, floats):
    """Have rows of so many floats, `down` apart, brought near: what is stored to waits for its line, too."""
    for i in range(rows):
        for k in range(place + i * down, place + i * down + floats, 16):
            prefetch(array, k)


def _forward_of(K: int, pooled: bool) -> Callable[..., Any]:
    M = 7 - K
    S = M // 2 if pooled else M  # stored outputs of a tile, along one axis

    @kernel
    def winograd_forward(low, high, x, x_frame, inputs, points, y, y_frame, winners, g, activation, scratch):
        """Convolution + bias [+ ReLU [+ 2×2 max pooling]], 5×5 or 3×3. A unit is a row of tiles: N × tile_rows in all.

        Cost: N × tiles × 36 × C × F multiply-adds, and about 150 operations for each 8 values of a tile in or out.
        """
        C, F = x_frame.channels, y_frame.channels
        down, q_down = y_frame.columns * F, g.W * F
        tile_rows, tile_columns = (g.H + S - 1) // S, (g.W + S - 1) // S
        stride = TILES * C + GAP
        v, m = scratch, scratch[POINTS * stride :]
        half = m[POINTS * TILES * BLOCK :]
        patch = half[POINTS * 8 :]
        for first in range(low * tile_columns, high * tile_columns, TILES):
            n = min(TILES, high * tile_columns - first)
            for t in range(n):
                across = (first + t) // tile_columns
                image = across // tile_rows
                i, j = across - image * tile_rows, first + t - across * tile_columns
                take_tile(x, x_frame, image, inputs, i * M, j * M, 0, C, v, t * C, stride, half, patch)
                o = ((image * y_frame.rows + y_frame.top + i * S) * y_frame.columns + y_frame.left + j * S) * F
                _ask_for(y, o, down, min(S, g.H - i * S), min(S, g.W - j * S) * F)
            for f0 in range(0, F, BLOCK):
                block = f0 * (POINTS * C + 1)
                _multiply(v, points, block, m, C, n)
                for t in range(n):
                    across = (first + t) // tile_columns
                    image = across // tile_rows
                    i, j = across - image * tile_rows, first + t - across * tile_columns
                    o = ((image * y_frame.rows + y_frame.top + i * S) * y_frame.columns + y_frame.left + j * S) * F + f0
                    q = ((image * g.H + i * S) * g.W + j * S) * F + f0
                    h, w = min(S, g.H - i * S), min(S, g.W - j * S)
                    for f in range(0, min(BLOCK, F - f0), 8):
                        bias = load(8, points, block + POINTS * C * BLOCK + f)
                        ours, i, k = m[t * BLOCK + f :], o + f, q + f
                        if K == 5:
                            _small_tile(ours, half, bias, y, i, down, winners, k, q_down, F, h, w, pooled, activation)
                        else:
                            _large_tile(ours, half, bias, y, i, down, winners, k, q_down, F, h, w, pooled, activation)

    return winograd_forward


forward5, forward5_pool = _forward_of(5, False), _forward_of(5, True)
forward3, forward3_pool = _forward_of(3, False), _forward_of(3, True)
