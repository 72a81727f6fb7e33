"""The dense layer's backward pass, and the optimizer's step, in one pass over the weights: layout as in `dense.py`.

While a block of 64 inputs is at hand, its weights are sent back to the images; those images' inputs make the weights'
gradient; and the optimizer moves the weights before they leave. There are two ways, and the batch decides. Where
dropout and ReLU closed most units, each unit has a list of the few images that it carries gradient for, and nothing
else is touched. Where many live, both products are dense, with sums in registers: more arithmetic, at more speed.

    d_sums           (U, S): the gradient of each unit's sum
    images, counts   the lists, see `collect`
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
    load_rows,
    put,
    repeat,
    row_of,
    splat,
    store,
    store_rows,
)

HALF = 32
LANES = 16  # inputs of a dense product's sums: with 6 images, or 6 units, they fill AVX2's registers
CHUNK = 48  # units whose weights and gradients are used for both dense products before others come: they stay in cache
AHEAD = 8  # units: their weights are asked for this early, as the processor does not see them coming
MANY, MOST = 0.45, 0.55  # of all gradients: from here on, dense products are faster; with images few enough for cache


@inlined
def _collect(low, high, d_y, y, keep, d_sums, images, counts, d_bias, N, U, S, activation, scale, every):
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
                put(d_sums, u * S + n, gradient)
                put(images, u * N + count, np.int32(n))
                put(counts, u, count + np.int64(gradient != 0 or every))
                put(d_bias, u, element(d_bias, u) + gradient)


@kernel
def collect(low, high, d_y, y, keep, d_sums, images, counts, d_bias, N, U, S, activation, scale, every):
    """For groups [low, high) of 16 units: the gradients of their sums, lists of them, and d_bias (U), their sum.

    A unit that dropout or ReLU closed carries none. The rows of images (U, N) begin with counts (U) entries: the images
    for which there is one. With `every`, all images are listed.
    """
    if activation == RELU:  # the common one, compiled apart
        _collect(low, high, d_y, y, keep, d_sums, images, counts, d_bias, N, U, S, RELU, scale, every)
    else:
        _collect(low, high, d_y, y, keep, d_sums, images, counts, d_bias, N, U, S, activation, scale, every)


_update_half, _update_lanes = update_of(HALF), update_of(LANES)


@inlined
def _by_lists(
    block,
    backwards,
    weights,
    rows,
    d_sums,
    images,
    counts,
    rule,
    settings,
    a,
    b,
    N,
    U,
    S,
    P,
    scratch,
    d_inputs,
    d_weights,
):
    """The pass over a block where few units live. What goes back to the images is in scratch (N, P)."""
    if d_inputs:
        for i in range(0, N * P, 8):
            store(scratch, i, splat(8, np.float32(0)))
    x = block * N * P
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
                image = np.int64(element(images, i))
                n, value = image * P + c, broadcast(HALF, d_sums, u * S + image)
                if d_weights:
                    g = fma(value, load(HALF, rows, x + n), g)
                if d_inputs:
                    store(scratch, n, fma(value, weight, load(HALF, scratch, n)))
            if d_weights:
                _update_half(rule, settings, weights, a, b, w, g)


@inlined
def _back_to_images(w, weights, d_sums, first, last, N, S, P, scratch):
    """scratch (N, P) += d_sums, transposed, × the weights of units [first, last), which are (U, 64) at weights[w:]."""
    for n in range(0, N - 5, 6):
        for c in range(0, BLOCK, LANES):
            sums, k, i = load_rows(6, LANES, scratch, n * P + c, P), w + first * BLOCK + c, first * S + n
            for _ in range(first, last):
                sums = fma(broadcast_rows(6, LANES, d_sums, i, 1), load(LANES, weights, k), sums)
                k += BLOCK
                i += S
            store_rows(scratch, n * P + c, P, sums)
    for n in range(N // 6 * 6, N):
        for c in range(0, BLOCK, HALF):
            one, k, i = load(HALF, scratch, n * P + c), w + first * BLOCK + c, first * S + n
            for _ in range(first, last):
                one = fma(broadcast(HALF, d_sums, i), load(HALF, weights, k), one)
                k += BLOCK
                i += S
            store(scratch, n * P + c, one)


@inlined
def _move_weights(w, x, rows, d_sums, weights, rule, settings, a, b, first, last, N, S, P):
    """The gradient of the weights of units [first, last) of a block, six at a time, and the optimizer's step."""
    sixes = first + (last - first) // 6 * 6
    for c in range(0, BLOCK, LANES):
        for u in range(first, sixes, 6):
            for line in range(w + (u + 6) * BLOCK + c, w + (u + 12) * BLOCK + c, BLOCK):
                prefetch(weights, line)
                prefetch(a, line)
                prefetch(b, line)
            sums, k = repeat(6, splat(LANES, np.float32(0))), x + c
            for i in range(u * S, u * S + N):
                sums = fma(broadcast_rows(6, LANES, d_sums, i, S), load(LANES, rows, k), sums)
                k += P
            i = w + u * BLOCK + c
            _update_lanes(rule, settings, weights, a, b, i, row_of(sums, 0))
            _update_lanes(rule, settings, weights, a, b, i + BLOCK, row_of(sums, 1))
            _update_lanes(rule, settings, weights, a, b, i + 2 * BLOCK, row_of(sums, 2))
            _update_lanes(rule, settings, weights, a, b, i + 3 * BLOCK, row_of(sums, 3))
            _update_lanes(rule, settings, weights, a, b, i + 4 * BLOCK, row_of(sums, 4))
            _update_lanes(rule, settings, weights, a, b, i + 5 * BLOCK, row_of(sums, 5))
    for u in range(sixes, last):
        for c in range(0, BLOCK, HALF):
            one, k = splat(HALF, np.float32(0)), x + c
            for i in range(u * S, u * S + N):
                one = fma(broadcast(HALF, d_sums, i), load(HALF, rows, k), one)
                k += P
            _update_half(rule, settings, weights, a, b, w + u * BLOCK + c, one)


@functools.cache
def make_backward(*, d_inputs: bool, d_weights: bool) -> Callable[..., Any]:
    """The kernel for what is wanted: the inputs' gradient, the weights', or both."""

    @kernel
    def backward(
        low,
        high,
        weights,
        rows,
        d_sums,
        images,
        counts,
        d_x,
        rule,
        settings,
        a,
        b,
        taken,
        N,
        I,
        U,
        S,
        P,
        scratch,
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
        many = alive > (MOST if P == BLOCK else MANY) * N * U
        for k in range(low, high):
            block = last - k if backwards else k
            w, x = block * U * BLOCK, block * N * P
            if not many:
                lists, update = (d_sums, images, counts), (rule, settings, a, b)
                _by_lists(block, backwards, weights, rows, *lists, *update, N, U, S, P, scratch, d_inputs, d_weights)
            elif d_inputs:
                for i in range(0, N * P, 8):
                    store(scratch, i, splat(8, np.float32(0)))
            for first in range(0, U if many else 0, CHUNK):
                end = min(first + CHUNK, U)
                if d_inputs:  # by the weights as they were
                    _back_to_images(w, weights, d_sums, first, end, N, S, P, scratch)
                if d_weights:
                    _move_weights(w, x, rows, d_sums, weights, rule, settings, a, b, first, end, N, S, P)
            if d_inputs:
                inside = min(BLOCK, I - block * BLOCK)
                for n in range(N):
                    for i in range(inside):
                        put(d_x, n * I + block * BLOCK + i, element(scratch, n * P + i))

    return backward
