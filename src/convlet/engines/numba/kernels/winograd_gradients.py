"""The gradient of a convolution's kernels by Winograd: `winograd.py`, transposed.

Forward, outputs = Aᵀ [(G w Gᵀ) ∘ (Bᵀ x B)] A, summed over channels. So, with d the gradient of a tile's outputs,

    d_w = Gᵀ [Σ over tiles of (A d Aᵀ) ∘ (Bᵀ x B)] G

The sum over tiles is, for each of the 36 points, a product of two long matrices, (C × tiles) · (tiles × F): at the
machine's peak, with as many products fewer as forward: 4 times for 3 × 3 kernels. Float32 is within 2e-5 of the largest
gradient (tests). (The gradient of the images is a forward pass, see `winograd.turn_kernels`.)

A unit of work is a part of the batch and a block of channels, and its sums lie in `partial`. Tiles are transformed by
panels, which stay in cache. The bias's gradient is the point (1, 1) of all gradients: there A adds up a whole tile.

    partial     (parts, 36 × C + 1, F): the sums of a part, then those of the biases
    inputs      the Region of the images that tiles cover
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.winograd_transforms import (
    GAP,
    POINTS,
    load_six,
    section_of,
    take_tile,
    transform_gradients2,
    transform_gradients4,
    weights_of,
)
from convlet.engines.numba.simd.vectors import (
    add,
    broadcast_rows,
    fma,
    load,
    load_rows,
    repeat,
    splat,
    store,
    store_rows,
)

CHANNELS = 64  # of a unit's block
SUMS = 9 << 18  # floats that the parts may take together: 16 of 64 × 64
WHOLE = 7  # the point (1, 1)
HALF_SUMS = 5 * 48  # floats of scratch that a call of d_kernels_of_sums needs


def blocks_for(C: int) -> int:
    """How many blocks of channels there are."""
    return -(-C // CHANNELS)


def parts_for(N: int, C: int, F: int) -> int:
    """In how many parts to sum over a batch of N: enough to share the work, fewer where sums are large."""
    return max(1, min(N, 16, SUMS // (POINTS * C * F)))


def panel_for(C: int, F: int) -> int:
    """How many tiles to transform at a time."""
    return 24 if C + F <= 64 else 48


def scratch_size(C: int, F: int) -> int:
    """The floats of scratch that one call of d_kernels needs."""
    wide = min(C, CHANNELS)
    return POINTS * (panel_for(C, F) * (wide + F) + 2 * GAP + 8 + wide + F)


def _multiply_of(lanes: int) -> Callable[..., Any]:
    rows = 64 // lanes

    @inlined
    def multiply(v, z, n, tiles, wide, F, partial, o, stride, first):
        """To partial[o:] (POINTS, wide, F), points `stride` apart, add vᵀ z over n tiles; the first put it there."""
        for point in range(POINTS):
            a, b = point * (tiles * wide + GAP), point * (tiles * F + GAP)
            for f in range(0, F, lanes):
                for c in range(0, wide, rows):
                    i = o + point * stride + c * F + f
                    sums, k, m = repeat(rows, splat(lanes, np.float32(0))), a + c, b + f
                    if not first:
                        sums = load_rows(rows, lanes, partial, i, F)
                    for _ in range(n):
                        sums = fma(broadcast_rows(rows, lanes, v, k, 1), load(lanes, z, m), sums)
                        k += wide
                        m += F
                    store_rows(partial, i, F, sums)

    return multiply


_multiply8, _multiply16 = _multiply_of(8), _multiply_of(16)


@inlined
def _add_biases(z, n, tiles, F, partial, o):
    """To partial[o:] (F) add the gradients of n tiles."""
    for f in range(0, F, 8):
        total, i = load(8, partial, o + f), WHOLE * (tiles * F + GAP) + f
        for t in range(n):
            total = add(total, load(8, z, i + t * F))
        store(partial, o + f, total)


@functools.cache
def make_d_kernels(K: int, lanes: int) -> Callable[..., Any]:
    """The kernel for K × K kernels and blocks of so many filters (see `convolution.lanes_for`)."""
    M = 7 - K

    @kernel
    def winograd_d_kernels(low, high, x, x_frame, inputs, d_y, d_y_frame, outputs, partial, N, parts, tiles, scratch):
        """Sums over tiles, by parts of the batch and blocks of channels: parts × blocks_for(C) units in all.

        `outputs` is the Region of the gradients, `tiles` how many make a panel.
        Cost: N × tiles of an image × 36 × C × F multiply-adds.
        """
        C, F = x_frame.channels, d_y_frame.channels
        size, blocks = (POINTS * C + 1) * F, (C + CHANNELS - 1) // CHANNELS
        down, across = (outputs.H + M - 1) // M, (outputs.W + M - 1) // M
        v, z = scratch, scratch[POINTS * (tiles * min(C, CHANNELS) + GAP) :]
        half = z[POINTS * (tiles * F + GAP) :]
        patch = half[POINTS * 8 :]
        for unit in range(low, high):
            part = unit // blocks
            c0 = (unit - part * blocks) * CHANNELS
            wide, o = min(CHANNELS, C - c0), part * size + c0 * F
            bias = part * size + POINTS * C * F
            if c0 == 0:
                for i in range(bias, bias + F, 8):
                    store(partial, i, splat(8, np.float32(0)))
            begin, last = N * part // parts * down * across, N * (part + 1) // parts * down * across
            for first in range(begin, last, tiles):
                n = min(tiles, last - first)
                for t in range(n):
                    row = (first + t) // across
                    image = row // down
                    h, w = (row - image * down) * M, (first + t - row * across) * M
                    take_tile(x, x_frame, image, inputs, h, w, c0, wide, v, t * wide, tiles * wide + GAP, half, patch)
                    d, corner, down_d, step = section_of(d_y, d_y_frame, image, outputs, h, w, M, 0, F, patch)
                    if K == 5:
                        transform_gradients2(d, corner, down_d, step, F, z, t * F, tiles * F + GAP, half)
                    else:
                        transform_gradients4(d, corner, down_d, step, F, z, t * F, tiles * F + GAP, half)
                if lanes == 8:
                    _multiply8(v, z, n, tiles, wide, F, partial, o, C * F, first == begin)
                else:
                    _multiply16(v, z, n, tiles, wide, F, partial, o, C * F, first == begin)
                if c0 == 0:
                    _add_biases(z, n, tiles, F, partial, bias)

    return winograd_d_kernels


@inlined
def _sum(partial, i, parts, size):
    total = load(8, partial, i)
    for part in range(1, parts):
        total = add(total, load(8, partial, i + part * size))
    return total


@kernel
def d_kernels_of_sums(low, high, partial, parts, total, C, F, K, half):
    """Gᵀ (Σ over parts) G for channels [low, high), to total (K × K × C + 1, F). One more unit is for the biases.

    `half` is scratch.
    """
    size = (POINTS * C + 1) * F
    for c in range(low, high):
        for f in range(0, F, 8):
            if c == C:
                store(total, K * K * C * F + f, _sum(partial, POINTS * C * F + f, parts, size))
                continue
            i = c * F + f
            for j in range(6):
                a, b = _sum(partial, j * C * F + i, parts, size), _sum(partial, (6 + j) * C * F + i, parts, size)
                d, e = (
                    _sum(partial, (12 + j) * C * F + i, parts, size),
                    _sum(partial, (18 + j) * C * F + i, parts, size),
                )
                g, h = (
                    _sum(partial, (24 + j) * C * F + i, parts, size),
                    _sum(partial, (30 + j) * C * F + i, parts, size),
                )
                _store_weights(half, j * 8, 48, weights_of((a, b, d, e, g, h)), h, K)
            for j in range(K):
                six = load_six(half, j * 48, 8)
                _store_weights(total, j * K * C * F + i, C * F, weights_of(six), six[5], K)


@inlined
def _store_weights(array, i, stride, weights, last, K):
    """Store K weights; the third of three has a last term more than that of five."""
    store(array, i, weights[0])
    store(array, i + stride, weights[1])
    store(array, i + 2 * stride, weights[2] if K == 5 else add(weights[2], last))
    if K == 5:
        store(array, i + 3 * stride, weights[3])
        store(array, i + 4 * stride, weights[4])
