"""Muon's step, in the parts that a worklist can share: momentum, Newton–Schulz iterations, and the move.

A kernel's weights lie in lines of L numbers, K lines in each of some blocks: a convolution's are R lines of F filters
in one block, a dense layer's U lines of 64 inputs in each block of inputs. The iteration wants a matrix x (m, n), with
rows of n numbers, the shorter side, padded to whole registers. `Lines` says where a number goes.

No library's matrix product: those have threads of their own, and sums that depend on how many.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.simd.vectors import (
    broadcast_rows,
    element,
    fma,
    load,
    load_rows,
    mul,
    put,
    splat,
    store,
    store_rows,
)

TILE = 4  # rows of a product that are computed together
PANEL = 256  # of the numbers that are summed, so many at a time: what they are multiplied with stays in cache
DECAY, RATE, MOMENTUM, NESTEROV = range(4)  # places in settings
TINY = 1e-7


class Lines(NamedTuple):
    """Lines of L numbers, K of them in a block; and how far apart in x blocks, lines and numbers lie."""

    K: int
    L: int
    block: int
    line: int
    number: int


@kernel
def momentum(low, high, settings, scale, gradient, velocity, x, sums, lines):
    """Lines [low, high): the velocity, and the direction in its place in x; sums (float64): its squares by line."""
    beta, nesterov = element(settings, MOMENTUM), element(settings, NESTEROV) != 0
    for line in range(low, high):
        place, total = line // lines.K * lines.block + line % lines.K * lines.line, 0.0
        for i in range(lines.L):
            g = element(scale, 0) * element(gradient, line * lines.L + i)
            v = beta * element(velocity, line * lines.L + i) + g
            put(velocity, line * lines.L + i, v)
            u = g + beta * v if nesterov else v
            put(x, place + i * lines.number, u)
            total += np.float64(u) * np.float64(u)
        put(sums, line, total)


@kernel
def measure(low, high, sums, factor):
    """What x is multiplied by to have a norm of 1: factor[0]."""
    total = 0.0
    for i in range(len(sums)):
        total += element(sums, i)
    put(factor, 0, np.float32(1 / (math.sqrt(total) + TINY)))


@kernel
def shrink(low, high, factor, x, rows, columns, n):
    """Rows [low, high) of x times the factor, and 0 beyond so many rows and columns.

    What a step left there need not be 0: sums with one infinity or NaN in them are NaN.
    """
    for r in range(low, high):
        inside = columns if r < rows else 0
        for i in range(r * n, r * n + inside):
            put(x, i, element(factor, 0) * element(x, i))
        for i in range(r * n + inside, (r + 1) * n):
            put(x, i, np.float32(0))


def _products_of(lanes: int) -> Callable[..., Any]:
    """The function that adds to a tile of y, of `lanes` columns from j on, p's rows times q's, from k0 to k1."""

    @inlined
    def products(p, at, row, step, q, k0, k1, y, place, j, n):
        sums = load_rows(TILE, lanes, y, place, n)
        for k in range(k0, k1):
            sums = fma(broadcast_rows(TILE, lanes, p, at + k * step, row), load(lanes, q, k * n + j), sums)
        store_rows(y, place, n, sums)

    return products


_products, _few_products = _products_of(16), _products_of(8)


@kernel
def multiply(low, high, p, row, step, q, d, alpha, beta, y, K, n):
    """Rows of y (…, n), in tiles [low, high) of four: alpha × d + beta × (p times q), for q (K, n).

    p's number (r, k) is at r × row + k × step. Buffers have whole tiles of rows. Cost: rows × K × n multiply-adds.
    """
    share = alpha / beta
    for i in range(low * TILE * n, high * TILE * n, 8):
        store(y, i, mul(splat(8, share), load(8, d, i)) if alpha != 0 else splat(8, np.float32(0)))
    for k0 in range(0, K, PANEL):
        k1 = min(k0 + PANEL, K)
        for j in range(0, n - 15, 16):
            for tile in range(low, high):
                _products(p, tile * TILE * row, row, step, q, k0, k1, y, tile * TILE * n + j, j, n)
        if n % 16 != 0:
            for tile in range(low, high):
                _few_products(p, tile * TILE * row, row, step, q, k0, k1, y, tile * TILE * n + n - 8, n - 8, n)
    if beta != 1:
        for i in range(low * TILE * n, high * TILE * n, 8):
            store(y, i, mul(splat(8, beta), load(8, y, i)))


@kernel
def move(low, high, settings, stretch, x, w, lines):
    """Lines [low, high) of the weights, moved by x."""
    decay, rate = element(settings, DECAY), element(settings, RATE) * stretch
    for line in range(low, high):
        place = line // lines.K * lines.block + line % lines.K * lines.line
        for i in range(lines.L):
            put(
                w,
                line * lines.L + i,
                decay * element(w, line * lines.L + i) - rate * element(x, place + i * lines.number),
            )
