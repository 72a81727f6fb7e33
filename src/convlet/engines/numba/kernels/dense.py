"""The dense layer: forward in one pass over the weights, backward and the optimizer's step in another
(`dense_gradients.py`).

The large dense layers of small networks are bound by memory: a step must read the weights, and read and write them
with their two Adam slots again. So the layout serves these passes, each of which goes through memory in order:

    weights   (blocks, U, 64): inputs in blocks of 64; in a block, the 64 weights of unit 0, of unit 1, …
    rows      (blocks, N, P): the inputs in the same blocks, one image after the other; P is 64, or a line more
    columns   (blocks × 64, S): the inputs again, transposed, of which L are computed with: N rounded up to registers

What is read down a column must not be a power of two apart, or all of it competes for a few sets of the cache. Hence
the line more, in P and S, where there are many images.

Inputs beyond the last are 0, and so are their weights, for ever.

Letters: N images, I inputs, U units, L lanes (images, rounded up), S lanes as
stored, P inputs of a block as stored.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import RELU, activate
from convlet.engines.numba.simd.vectors import broadcast, element, fma, load, mul, put, splat, store, total

BLOCK = 64
GROUP = 16  # units in a cache line of float32
FEW = 64  # units: a part of the forward pass; a layer of no more is cut by images
REGISTERS = 5  # of 8 lanes, for the images of a tile: inputs, and the sums of two units, fill AVX2's 16
SIZES = (1, *range(8, 8 * REGISTERS + 1, 8))  # numbers of images that need, between them, every forward kernel there is


def blocks(inputs: int) -> int:
    """How many blocks of 64 hold these inputs."""
    return -(-inputs // BLOCK)


def tiling(images: int) -> tuple[int, int]:
    """How to cut a batch into tiles for the forward kernel: (lanes of a wide tile, where the wide ones end).

    What follows is cut into tiles of 8 lanes less. None has more than 40.

    >>> tiling(50), tiling(100)  # a tile of 32 and one of 24; one of 40 and two of 32
    ((32, 32), (40, 40))
    """
    registers = lanes_for(images) // 8
    tiles = -(-registers // REGISTERS)
    width = -(-registers // tiles)
    return width * 8, (registers - tiles * (width - 1)) * width * 8


def tiles(images: int) -> int:
    """How many tiles a batch is cut into."""
    (lanes, middle), L = tiling(images), lanes_for(images)
    return middle // lanes + (L - middle) // max(lanes - 8, 8)


def lanes_for(images: int) -> int:
    """L for so many images."""
    return -(-images // 8) * 8


def stride_for(images: int) -> int:
    """S for so many images.

    >>> stride_for(50), stride_for(256)
    (56, 272)
    """
    lanes = lanes_for(images)
    return lanes + GROUP if lanes % 64 == 0 else lanes


def pitch_for(images: int) -> int:
    """P for so many images: where they are few, rows of 64 fit the cache, and shorter ones leave more room in it.

    >>> pitch_for(50), pitch_for(256)
    (64, 80)
    """
    return BLOCK if images <= 64 else BLOCK + GROUP


# ---------------------------------------------------------------------------------------------------- forward
@kernel
def arrange(low, high, x, rows, columns, N, I, L, S, P):
    """Copy blocks [low, high) of the inputs x (N, I) to `rows` and, transposed, to `columns`."""
    for block in range(low, high):
        inside = min(BLOCK, I - block * BLOCK)
        for n in range(N):
            source, row = n * I + block * BLOCK, (block * N + n) * P
            for i in range(inside):
                value = element(x, source + i)
                put(rows, row + i, value)
                put(columns, (block * BLOCK + i) * S + n, value)
            for i in range(inside, BLOCK):
                put(rows, row + i, np.float32(0))
                put(columns, (block * BLOCK + i) * S + n, np.float32(0))
        for i in range(block * BLOCK, (block + 1) * BLOCK):
            for n in range(N, L):
                put(columns, i * S + n, np.float32(0))


@functools.cache
def _tile_of(lanes: int) -> Callable[..., Any]:
    """What a block of inputs adds to the sums of a tile of `lanes` images.

    Two units at a time, or four where the tile is narrow: their sums, and the inputs of the tile, fill 16 registers.
    """
    four = lanes <= 24

    @inlined
    def tile(low, high, weights, columns, sums, block, n, U, S):
        x, u = block * BLOCK * S + n, low
        while four and u + 4 <= high:
            w0, y0 = (block * U + u) * BLOCK, u * S + n
            w1, w2, w3, y1, y2, y3 = w0 + BLOCK, w0 + 2 * BLOCK, w0 + 3 * BLOCK, y0 + S, y0 + 2 * S, y0 + 3 * S
            a0, a1 = load(lanes, sums, y0), load(lanes, sums, y1)
            a2, a3 = load(lanes, sums, y2), load(lanes, sums, y3)
            for i in range(BLOCK):
                inputs = load(lanes, columns, x + i * S)
                a0 = fma(broadcast(lanes, weights, w0 + i), inputs, a0)
                a1 = fma(broadcast(lanes, weights, w1 + i), inputs, a1)
                a2 = fma(broadcast(lanes, weights, w2 + i), inputs, a2)
                a3 = fma(broadcast(lanes, weights, w3 + i), inputs, a3)
            store(sums, y0, a0)
            store(sums, y1, a1)
            store(sums, y2, a2)
            store(sums, y3, a3)
            u += 4
        while u < high:  # the last unit is computed twice where it is alone, to the same sums
            v = min(u + 1, high - 1)
            w0, w1, y0, y1 = (block * U + u) * BLOCK, (block * U + v) * BLOCK, u * S + n, v * S + n
            b0, b1 = load(lanes, sums, y0), load(lanes, sums, y1)
            for i in range(BLOCK):
                inputs = load(lanes, columns, x + i * S)
                b0 = fma(broadcast(lanes, weights, w0 + i), inputs, b0)
                b1 = fma(broadcast(lanes, weights, w1 + i), inputs, b1)
            store(sums, y0, b0)
            store(sums, y1, b1)
            u += 2

    return tile


@functools.cache
def make_forward(lanes: int) -> Callable[..., Any]:
    """The forward kernel for wide tiles of `lanes` images, and others of 8 fewer (see `tiling`)."""
    fewer = max(lanes - 8, 8)
    wide, narrow = _tile_of(lanes), _tile_of(fewer)

    @kernel
    def forward(low, high, weights, bias, columns, sums, I, U, S, middle, L, by_tiles):
        """The sums of units [low, high), bias included: wide tiles up to lane `middle`, and others up to L.

        Or the sums of tiles [low, high), for all units: where these are few, each part reads its own images only.

        Cost: L × I × U multiply-adds; reads the weights once, or the inputs.
        """
        u0, u1, first, last = low, high, 0, L
        if by_tiles:
            many = middle // lanes
            u0, first = 0, min(low, many) * lanes + max(low - many, 0) * fewer
            u1, last = U, min(high, many) * lanes + max(high - many, 0) * fewer
        for u in range(u0, u1):
            start = splat(8, element(bias, u))
            for n in range(first, last, 8):
                store(sums, u * S + n, start)
        for block in range((I + BLOCK - 1) // BLOCK):
            for n in range(first, min(middle, last), lanes):
                wide(u0, u1, weights, columns, sums, block, n, U, S)
            for n in range(max(middle, first), last, fewer):
                narrow(u0, u1, weights, columns, sums, block, n, U, S)

    return forward


@kernel
def forward_one(low, high, weights, bias, x, sums, I, U, S):
    """The sums of units [low, high) for one image x (blocks × 64), bias included: sums (U, S), of which lane 0.

    Cost: I × U multiply-adds; bound by reading the weights.
    """
    for u in range(low, high):
        put(sums, u * S, element(bias, u))
    for block in range((I + BLOCK - 1) // BLOCK):
        inputs = load(BLOCK, x, block * BLOCK)
        for u in range(low, high):
            products = mul(load(BLOCK, weights, (block * U + u) * BLOCK), inputs)
            put(sums, u * S, element(sums, u * S) + total(products))


@inlined
def _finish(low, high, sums, y, keep, N, U, S, activation, scale):
    for u0 in range(low * GROUP, min(high * GROUP, U), GROUP):
        for n in range(N):
            for u in range(u0, min(u0 + GROUP, U)):
                value = activate(activation, element(sums, u * S + n))
                if len(keep) > 0:
                    value *= scale * np.float32(element(keep, n * U + u))  # no branch: masks cannot be predicted
                put(y, n * U + u, value)


@kernel
def finish(low, high, sums, y, keep, N, U, S, activation, scale):
    """y (N, U) = the activation of sums (U, S) [dropped out]; for groups [low, high) of 16 units.

    `keep` (N, U; or empty) says which values dropout keeps; they are multiplied by `scale`.
    """
    if activation == RELU:  # the common one, compiled apart
        _finish(low, high, sums, y, keep, N, U, S, RELU, scale)
    else:
        _finish(low, high, sums, y, keep, N, U, S, activation, scale)
