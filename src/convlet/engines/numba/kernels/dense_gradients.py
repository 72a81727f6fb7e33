"""The dense layer's backward pass, and the optimizer's step, in one pass over the weights: layout as in `dense.py`.

While a block of 64 inputs is at hand, its weights are sent back to the images; those images' inputs make the weights'
gradient; and the optimizer moves the weights before they leave. There are two ways, and the batch decides. Where
dropout and ReLU closed most units, each unit has a list of the few images that it carries gradient for, and nothing
else is touched. Where many live, both products are dense, with sums in registers: more arithmetic, at more speed.

    d_sums                   (U, N): the gradient of each unit's sum
    images, values, counts   the lists, see `collect`
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import RELU, slope
from convlet.engines.numba.kernels.dense import BLOCK, GROUP
from convlet.engines.numba.kernels.updates import update_of
from convlet.engines.numba.simd.machine import prefetch
from convlet.engines.numba.simd.vectors import (
    broadcast,
    broadcast_rows,
    element,
    fma,
    load,
    put,
    repeat,
    row_of,
    splat,
    store,
    store_rows,
)

HALF = 32
LANES = 16  # inputs of a dense product's sums: with 6 images, or 4 units, they fill AVX2's registers
AHEAD = 8  # units: their weights are asked for this early, as the processor does not see them coming
MANY = 0.35  # of all gradients: from here on, dense products are faster


@inlined
def _collect(low, high, d_y, y, keep, d_sums, images, values, counts, d_bias, N, U, activation, scale, every):
    for u0 in range(low * GROUP, min(high * GROUP, U), GROUP):
        last = min(u0 + GROUP, U)
        for u in range(u0, last):
            put(counts, u, np.int64(0))
            put(d_bias, u, np.float32(0))
        for n in range(N):
            for u in range(u0, last):
                i = n * U + u
                output, gradient = element(y, i), element(d_y, i)
                if len(keep) > 0:
                    gradient *= scale * np.float32(element(keep, i))
                    output /= scale
                gradient *= slope(activation, output)
                count = element(counts, u)
                put(d_sums, u * N + n, gradient)
                put(images, u * N + count, np.int64(n * BLOCK))
                put(values, u * N + count, gradient)
                put(counts, u, count + np.int64(gradient != 0 or every))
                put(d_bias, u, element(d_bias, u) + gradient)


@kernel
def collect(low, high, d_y, y, keep, d_sums, images, values, counts, d_bias, N, U, activation, scale, every):
    """For groups [low, high) of 16 units: the gradients of their sums, lists of them, and d_bias (U), their sum.

    A unit that dropout or ReLU closed carries none. images, values (U, N) begin with counts (U) entries: the number of
    an image for which there is one, × 64, and the gradient. With `every`, all images are listed.
    """
    if activation == RELU:  # the common one, compiled apart
        _collect(low, high, d_y, y, keep, d_sums, images, values, counts, d_bias, N, U, RELU, scale, every)
    else:
        _collect(low, high, d_y, y, keep, d_sums, images, values, counts, d_bias, N, U, activation, scale, every)


_update_half, _update_lanes = update_of(HALF), update_of(LANES)


@inlined
def _by_lists(
    block, backwards, weights, rows, images, values, counts, rule, settings, a, b, N, U, scratch, d_inputs, d_weights
):
    """The pass over a block where few units live. What goes back to the images is in scratch (N, 64)."""
    if d_inputs:
        for i in range(0, N * BLOCK, 8):
            store(scratch, i, splat(8, np.float32(0)))
    x = block * N * BLOCK
    for j in range(U):
        u = U - 1 - j if backwards else j
        ahead = (block * U + (u - AHEAD if backwards else u + AHEAD)) * BLOCK
        for line in range(ahead, ahead + BLOCK, GROUP):
            prefetch(weights, line)
            prefetch(a, line)
            prefetch(b, line)
        for c in range(0, BLOCK, HALF):
            w = (block * U + u) * BLOCK + c
            g, weight = splat(HALF, np.float32(0)), load(HALF, weights, w)
            for i in range(u * N, u * N + element(counts, u)):
                n, value = element(images, i) + c, broadcast(HALF, values, i)
                if d_weights:
                    g = fma(value, load(HALF, rows, x + n), g)
                if d_inputs:
                    store(scratch, n, fma(value, weight, load(HALF, scratch, n)))
            if d_weights:
                _update_half(rule, settings, weights, a, b, w, g)


@inlined
def _back_to_images(w, weights, d_sums, N, U, scratch):
    """scratch (N, 64) = d_sums, transposed, × the weights of a block (U, 64) at weights[w:]."""
    for c in range(0, BLOCK, LANES):
        for n in range(0, N - 5, 6):
            sums, k, i = repeat(6, splat(LANES, np.float32(0))), w + c, n
            for _ in range(U):
                sums = fma(broadcast_rows(6, LANES, d_sums, i, 1), load(LANES, weights, k), sums)
                k += BLOCK
                i += N
            store_rows(scratch, n * BLOCK + c, BLOCK, sums)
        for n in range(N // 6 * 6, N):
            one, k, i = splat(LANES, np.float32(0)), w + c, n
            for _ in range(U):
                one = fma(broadcast(LANES, d_sums, i), load(LANES, weights, k), one)
                k += BLOCK
                i += N
            store(scratch, n * BLOCK + c, one)


@inlined
def _move_weights(w, x, rows, d_sums, weights, rule, settings, a, b, N, U):
    """The gradient of a block of weights, four units at a time, and the optimizer's step."""
    for u in range(0, U - 3, 4):
        for line in range(w + (u + 4) * BLOCK, w + (u + 8) * BLOCK, GROUP):
            prefetch(a, line)
            prefetch(b, line)
        for c in range(0, BLOCK, LANES):
            sums, k = repeat(4, splat(LANES, np.float32(0))), x + c
            for i in range(u * N, u * N + N):
                sums = fma(broadcast_rows(4, LANES, d_sums, i, N), load(LANES, rows, k), sums)
                k += BLOCK
            i = w + u * BLOCK + c
            _update_lanes(rule, settings, weights, a, b, i, row_of(sums, 0))
            _update_lanes(rule, settings, weights, a, b, i + BLOCK, row_of(sums, 1))
            _update_lanes(rule, settings, weights, a, b, i + 2 * BLOCK, row_of(sums, 2))
            _update_lanes(rule, settings, weights, a, b, i + 3 * BLOCK, row_of(sums, 3))
    for u in range(U // 4 * 4, U):
        for c in range(0, BLOCK, LANES):
            one, k = splat(LANES, np.float32(0)), x + c
            for i in range(u * N, u * N + N):
                one = fma(broadcast(LANES, d_sums, i), load(LANES, rows, k), one)
                k += BLOCK
            _update_lanes(rule, settings, weights, a, b, w + u * BLOCK + c, one)


@functools.cache
def make_backward(*, d_inputs: bool, d_weights: bool) -> Callable[..., Any]:
    """The kernel for what is wanted: the inputs' gradient, the weights', or both."""

    @kernel
    def backward(
        low, high, weights, rows, d_sums, images, values, counts, d_x, rule, settings, a, b, taken, N, I, U, scratch
    ):
        """For blocks [low, high) of inputs: d_x (N, I); the weights' gradient, and what `rule` does with it.

        One pass over the weights and their slots. taken[0] counts steps: every other one goes backwards, for what was
        touched last is still in cache.

        Cost: N × I × U multiply-adds for each of the two, × the share of units that carry gradient where that is small;
        each array read and written.
        """
        last, alive = (I + BLOCK - 1) // BLOCK - 1, 0
        backwards = element(taken, 0) % 2 == 1
        for u in range(U):
            alive += element(counts, u)
        many = alive > MANY * N * U
        for k in range(low, high):
            block = last - k if backwards else k
            w, x = block * U * BLOCK, block * N * BLOCK
            if not many:
                lists, update = (images, values, counts), (rule, settings, a, b)
                _by_lists(block, backwards, weights, rows, *lists, *update, N, U, scratch, d_inputs, d_weights)
            if many and d_inputs:
                _back_to_images(w, weights, d_sums, N, U, scratch)
            if many and d_weights:
                _move_weights(w, x, rows, d_sums, weights, rule, settings, a, b, N, U)
            if d_inputs:
                inside = min(BLOCK, I - block * BLOCK)
                for n in range(N):
                    for i in range(inside):
                        put(d_x, n * I + block * BLOCK + i, element(scratch, n * BLOCK + i))

    return backward
