"""The dense layer: forward in one pass over the weights, backward and the optimizer's step in another
(`dense_gradients.py`).

The large dense layers of small networks are bound by memory: a step must read the weights, and read and write them
with their two Adam slots again. So the layout serves these passes, each of which goes through memory in order:

    weights   (blocks, U, 64): inputs in blocks of 64; in a block, the 64 weights of unit 0, of unit 1, …
    rows      (blocks, N, 64): the inputs in the same blocks, one image after the other
    columns   (blocks × 64, L): the inputs again, transposed; L is N rounded up to whole registers

Inputs beyond the last are 0, and so are their weights, for ever.

Letters: N images, I inputs, U units, L lanes (images, rounded up).
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
REGISTERS = 5  # of 8 lanes, for the images of a tile: inputs, and the sums of two units, fill AVX2's 16
SIZES = (1, *range(8, 8 * REGISTERS + 1, 8))  # numbers of images that need, between them, every forward kernel there is


def blocks(inputs: int) -> int:
    """How many blocks of 64 hold these inputs."""
    return -(-inputs // BLOCK)


def tilings(images: int) -> list[tuple[int, int, int]]:
    """How to cut a batch into tiles for the forward kernel: (lanes of a tile, first lane, last lane), for each width.

    Tiles hold up to 40 lanes, and differ by 8 at most: 50 images are a tile of 32 and one of 24.

    >>> tilings(50), tilings(100)
    ([(32, 0, 32), (24, 32, 56)], [(40, 0, 40), (32, 40, 104)])
    """
    registers = lanes_for(images) // 8
    tiles = -(-registers // REGISTERS)
    width = -(-registers // tiles)
    wide = (registers - tiles * (width - 1)) * width
    found = [(width * 8, 0, wide * 8), (width * 8 - 8, wide * 8, registers * 8)]
    return [(lanes, first, last) for lanes, first, last in found if first < last]


def lanes_for(images: int) -> int:
    """L for so many images."""
    return -(-images // 8) * 8


# ---------------------------------------------------------------------------------------------------- forward
@kernel
def arrange(low, high, x, rows, columns, N, I, L):
    """Copy blocks [low, high) of the inputs x (N, I) to `rows` and, transposed, to `columns`."""
    for block in range(low, high):
        inside = min(BLOCK, I - block * BLOCK)
        for n in range(N):
            source, row = n * I + block * BLOCK, (block * N + n) * BLOCK
            for i in range(inside):
                value = element(x, source + i)
                put(rows, row + i, value)
                put(columns, (block * BLOCK + i) * L + n, value)
            for i in range(inside, BLOCK):
                put(rows, row + i, np.float32(0))
                put(columns, (block * BLOCK + i) * L + n, np.float32(0))
        for i in range(block * BLOCK, (block + 1) * BLOCK):
            for n in range(N, L):
                put(columns, i * L + n, np.float32(0))


@functools.cache
def make_forward(lanes: int) -> Callable[..., Any]:
    """The forward kernel for tiles of `lanes` images.

    Two units at a time, or four where the tile is narrow: their sums, and the inputs of the tile, fill 16 registers.
    """
    four = lanes <= 24

    @kernel
    def forward(low, high, weights, bias, columns, sums, I, U, L, first, last):
        """The sums of units [low, high) for the tiles of lanes [first, last), bias included.

        Cost: (last − first) × I × U multiply-adds; reads the weights once.
        """
        for u in range(low, high):
            start = splat(8, element(bias, u))
            for n in range(first, last, 8):
                store(sums, u * L + n, start)
        for block in range((I + BLOCK - 1) // BLOCK):
            for n in range(first, last, lanes):
                x, u = block * BLOCK * L + n, low
                while four and u + 4 <= high:
                    w0, y0 = (block * U + u) * BLOCK, u * L + n
                    w1, w2, w3, y1, y2, y3 = w0 + BLOCK, w0 + 2 * BLOCK, w0 + 3 * BLOCK, y0 + L, y0 + 2 * L, y0 + 3 * L
                    a0, a1 = load(lanes, sums, y0), load(lanes, sums, y1)
                    a2, a3 = load(lanes, sums, y2), load(lanes, sums, y3)
                    for i in range(BLOCK):
                        inputs = load(lanes, columns, x + i * L)
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
                    w0, w1, y0, y1 = (block * U + u) * BLOCK, (block * U + v) * BLOCK, u * L + n, v * L + n
                    b0, b1 = load(lanes, sums, y0), load(lanes, sums, y1)
                    for i in range(BLOCK):
                        inputs = load(lanes, columns, x + i * L)
                        b0 = fma(broadcast(lanes, weights, w0 + i), inputs, b0)
                        b1 = fma(broadcast(lanes, weights, w1 + i), inputs, b1)
                    store(sums, y0, b0)
                    store(sums, y1, b1)
                    u += 2

    return forward


@kernel
def forward_one(low, high, weights, bias, x, sums, I, U, L):
    """The sums of units [low, high) for one image x (blocks × 64), bias included: sums (U, L), of which lane 0.

    Cost: I × U multiply-adds; bound by reading the weights.
    """
    for u in range(low, high):
        put(sums, u * L, element(bias, u))
    for block in range((I + BLOCK - 1) // BLOCK):
        inputs = load(BLOCK, x, block * BLOCK)
        for u in range(low, high):
            products = mul(load(BLOCK, weights, (block * U + u) * BLOCK), inputs)
            put(sums, u * L, element(sums, u * L) + total(products))


@inlined
def _finish(low, high, sums, y, keep, N, U, L, activation, scale):
    for u0 in range(low * GROUP, min(high * GROUP, U), GROUP):
        for n in range(N):
            for u in range(u0, min(u0 + GROUP, U)):
                value = activate(activation, element(sums, u * L + n))
                if len(keep) > 0:
                    value *= scale * np.float32(element(keep, n * U + u))  # no branch: masks cannot be predicted
                put(y, n * U + u, value)


@kernel
def finish(low, high, sums, y, keep, N, U, L, activation, scale):
    """y (N, U) = the activation of sums (U, L) [dropped out]; for groups [low, high) of 16 units.

    `keep` (N, U; or empty) says which values dropout keeps; they are multiplied by `scale`.
    """
    if activation == RELU:  # the common one, compiled apart
        _finish(low, high, sums, y, keep, N, U, L, RELU, scale)
    else:
        _finish(low, high, sums, y, keep, N, U, L, activation, scale)
