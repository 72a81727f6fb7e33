"""The backward pass of any convolution with dense arithmetic, at the machine's peak.

`sparse_convolution.py` gives the same gradients with less arithmetic: a fifth of it behind ReLU and 2×2 pooling, half
of it behind a ReLU alone. This module serves what is not sparse: convolutions without ReLU; and kernel gradients over
few channels, whose rows are too short for vectors. Here vectors run along the filters, and pooled gradients are first
put back to where they came from, a few rows at a time.

Arguments as in `convolution.py`, and
    d_y, d_y_frame   gradient of the outputs, and its Frame; F = d_y_frame.channels
    partial     (parts, KH × KW × C + 1, F): gradients of kernels and biases summed over part p of the batch, images
                [N p / parts, N (p + 1) / parts). `sum_parts` adds them up in order. The parts depend on the shapes
                alone (see `parts_for`), never on the number of threads, and so neither do the results.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.buffers import Geometry
from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.finishing import CLOSED
from convlet.engines.numba.simd.vectors import (
    add,
    add_rows,
    broadcast_rows,
    equal,
    fma,
    load,
    load_rows,
    put,
    repeat,
    select,
    splat,
    store,
    store_rows,
)

BLOCK = 16
POSITIONS = 128  # outputs between one load and store of a sum: enough to make those cheap, few enough for the cache


# --------------------------------------------------------------------------------------- gradient of the kernels
def parts_for(N: int, weights: int) -> int:
    """In how many parts to sum kernel gradients over a batch of N: as many as can share the work, unless too large."""
    return max(1, min(N, 16, (1 << 18) // weights))


def _outer_of(inputs: int, lanes: int) -> Callable[..., Any]:
    @inlined
    def outer(x, section, down, step, d, H, W, partial, o, F):
        """To partial[o:] (inputs, F) add inputs × gradients d (H, W, lanes), summed over H × W outputs.

        Inputs begin at x[section] and lie (down, step) apart.
        """
        sums, k = load_rows(inputs, lanes, partial, o, F), 0
        for h in range(H):
            s = section + h * down
            for _ in range(W):
                sums = fma(broadcast_rows(inputs, lanes, x, s, 1), load(lanes, d, k), sums)
                k += lanes
                s += step
        store_rows(partial, o, F, sums)

    return outer


_outer1x8, _outer3x8, _outer5x8, _outer6x8 = [_outer_of(inputs, 8) for inputs in (1, 3, 5, 6)]
_outer1x16, _outer3x16, _outer5x16, _outer6x16 = [_outer_of(inputs, 16) for inputs in (1, 3, 5, 6)]


def _add_products_of(lanes: int) -> Callable[..., Any]:
    outer1, outer3, outer5, outer6 = _outer1x8, _outer3x8, _outer5x8, _outer6x8
    if lanes == 16:
        outer1, outer3, outer5, outer6 = _outer1x16, _outer3x16, _outer5x16, _outer6x16

    @inlined
    def add_products(x, section, down, step, row, R, KH, d, H, W, partial, o, F):
        """`outer` for all KH rows of R inputs: 6 at a time (12 registers); 5 and 3 are for 5 × 5 and 3 × 3 × 3."""
        for ky in range(KH):
            s, t, left = section + ky * row, o + ky * R * F, R
            while left > 0:
                inputs = 1
                if left >= 6:
                    inputs = 6
                    outer6(x, s, down, step, d, H, W, partial, t, F)
                elif left == 5:
                    inputs = 5
                    outer5(x, s, down, step, d, H, W, partial, t, F)
                elif left >= 3:
                    inputs = 3
                    outer3(x, s, down, step, d, H, W, partial, t, F)
                else:
                    outer1(x, s, down, step, d, H, W, partial, t, F)
                s, t, left = s + inputs, t + inputs * F, left - inputs

    return add_products


_add_products8, _add_products16 = _add_products_of(8), _add_products_of(16)


def _unpool_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def unpool(d_y, j, winners, i, F, W, P, d, o, partial, bias):
        """Put W pooled gradients back to the P rows of outputs they came from, d[o:] (P, P × W, lanes).

        To the bias gradients at partial[bias:] add those that are alive.
        """
        zero, total = splat(lanes, np.float32(0)), load(lanes, partial, bias)
        for w in range(W):
            v, winner = load(lanes, d_y, j + w * F), splat(lanes, np.int8(0))
            if winners.size > 0:
                winner = load(lanes, winners, i + w * F)
            total = add(total, select(equal(winner, splat(lanes, np.int8(CLOSED))), zero, v))
            for q in range(P * P):
                here = select(equal(winner, splat(lanes, np.int8(q))), v, zero)
                store(d, o + (((q >> 1) * W + w) * P + (q & 1)) * lanes, here)
        store(partial, bias, total)

    return unpool


_unpool8, _unpool16 = _unpool_of(8), _unpool_of(16)


def _sum_images_of(lanes: int) -> Callable[..., Any]:
    unpool, add_products = (_unpool16, _add_products16) if lanes == 16 else (_unpool8, _add_products8)

    @inlined
    def sum_images(first, last, f, x, x_frame, winners, d_y, d_y_frame, partial, o, g, scratch):
        """Gradients of `lanes` filters from f on, and of their biases, over images [first, last): to partial[o:]."""
        C, F = x_frame.channels, d_y_frame.channels
        R, down = g.KW * C, x_frame.columns * C
        W, bias = g.P * g.W, o + g.KH * R * F
        band = max(1, POSITIONS // (g.P * W))
        for i in range(o, bias + F, F):
            store(partial, i, splat(lanes, np.float32(0)))
        for n in range(first, last):
            for h0 in range(0, g.H, band):
                H = min(band, g.H - h0)
                for h in range(H):
                    i = (n * g.H + h0 + h) * g.W * F + f
                    j = ((n * d_y_frame.rows + d_y_frame.top + h0 + h) * d_y_frame.columns + d_y_frame.left) * F + f
                    unpool(d_y, j, winners, i, F, g.W, g.P, scratch, h * g.P * W * lanes, partial, bias)
                section = (n * x_frame.rows + h0 * g.P * g.SH) * down
                add_products(x, section, g.SH * down, g.SW * C, down, R, g.KH, scratch, H * g.P, W, partial, o, F)

    return sum_images


_sum_images8, _sum_images16 = _sum_images_of(8), _sum_images_of(16)


@functools.cache
def make_d_kernels(lanes: int) -> Callable[..., Any]:
    """The kernel-gradient kernel for blocks of so many filters (see `convolution.lanes_for`)."""

    @kernel
    def d_kernels(low, high, x, x_frame, winners, d_y, d_y_frame, partial, N, parts, g, scratch):
        """Gradients of kernels and biases. A unit is a block of filters in a part: parts × F / lanes in all.

        Without winners (an empty array), gradients are those of the outputs themselves, and g.P is 1.
        scratch: d_kernels_scratch(g) floats.
        Cost: N × H × W × P² × F × KH × KW × C multiply-adds, 6 inputs × 16 filters in registers.
        """
        F = d_y_frame.channels
        rows = g.KH * g.KW * x_frame.channels + 1
        blocks = F // lanes
        for unit in range(low, high):
            part = unit // blocks
            f = (unit - part * blocks) * lanes
            o = part * rows * F + f
            first, last = N * part // parts, N * (part + 1) // parts
            if lanes == 16:
                _sum_images16(first, last, f, x, x_frame, winners, d_y, d_y_frame, partial, o, g, scratch)
            else:
                _sum_images8(first, last, f, x, x_frame, winners, d_y, d_y_frame, partial, o, g, scratch)

    return d_kernels


def d_kernels_scratch(g: Geometry) -> int:
    """The floats of scratch that one call of d_kernels needs."""
    return max(1, POSITIONS // (g.P * g.P * g.W)) * g.P * g.P * g.W * 16


@kernel
def sum_parts(low, high, partial, parts, size, total):
    """total[i] = Σ partial[p, i] over the parts, in order. A unit is 8 values: size / 8 in all."""
    for i in range(low * 8, high * 8, 8):
        a = load(8, partial, i)
        for part in range(1, parts):
            a = add(a, load(8, partial, part * size + i))
        store(total, i, a)


# ----------------------------------------------------------------------------------------- gradient of the images
def _add_to_sections_of(positions: int, lanes: int) -> Callable[..., Any]:
    @inlined
    def add_to_sections(d_y, j, F, rows, k, stride, d_x, o, step):
        """To neighbouring sections at d_x[o:], `step` apart, add `lanes` values of Σ gradient × kernel over filters."""
        sums = repeat(positions, splat(lanes, np.float32(0)))
        for f in range(F):
            sums = fma(broadcast_rows(positions, lanes, d_y, j + f, F), load(lanes, rows, k + f * stride), sums)
        add_rows(d_x, o, step, sums)

    return add_to_sections


_add_to_sections1x1, _add_to_sections4x1 = _add_to_sections_of(1, 1), _add_to_sections_of(4, 1)
_add_to_sections1x8, _add_to_sections4x8 = _add_to_sections_of(1, 8), _add_to_sections_of(4, 8)
_add_to_sections1x16, _add_to_sections4x16 = _add_to_sections_of(1, 16), _add_to_sections_of(4, 16)


@inlined
def _add_piece(d_y, j, F, W, rows, k, lanes, d_x, o, step):
    """For a row of W outputs and a piece of 16 or fewer lanes of a kernel row: four outputs at a time, then one."""
    for w in range(0, W - 3, 4):
        v, at = j + w * F, o + w * step
        if lanes == 16:
            _add_to_sections4x16(d_y, v, F, rows, k, 16, d_x, at, step)
        else:
            if lanes >= 8:
                _add_to_sections4x8(d_y, v, F, rows, k, lanes, d_x, at, step)
            for i in range(lanes // 8 * 8, lanes):
                _add_to_sections4x1(d_y, v, F, rows, k + i, lanes, d_x, at + i, step)
    for w in range(W // 4 * 4, W):
        v, at = j + w * F, o + w * step
        if lanes == 16:
            _add_to_sections1x16(d_y, v, F, rows, k, 16, d_x, at, step)
        else:
            if lanes >= 8:
                _add_to_sections1x8(d_y, v, F, rows, k, lanes, d_x, at, step)
            for i in range(lanes // 8 * 8, lanes):
                _add_to_sections1x1(d_y, v, F, rows, k + i, lanes, d_x, at + i, step)


@kernel
def d_images(low, high, rows, d_y, d_y_frame, d_x, x_frame, g):
    """Gradients of images [low, high). `rows`: the kernels, packed by pack_rows with wide = 16.

    Cost: N × H × W × F × KH × KW × C multiply-adds, 4 outputs × 16 inputs in registers, which are then added to d_x.
    """
    C, F = x_frame.channels, d_y_frame.channels
    R, row, step = g.KW * C, x_frame.columns * C, g.SW * C
    for n in range(low, high):
        image = n * x_frame.rows * row
        for i in range(image, image + x_frame.rows * row):
            put(d_x, i, np.float32(0))
        for h in range(g.H):
            j = ((n * d_y_frame.rows + d_y_frame.top + h) * d_y_frame.columns + d_y_frame.left) * F
            for ky in range(g.KH):
                o = image + (h * g.SH + ky) * row
                for c in range(0, R, BLOCK):
                    k = (ky * R + c) * F
                    _add_piece(d_y, j, F, g.W, rows, k, min(BLOCK, R - c), d_x, o + c, step)


@kernel
def relu_gradient(low, high, winners, d_y, d_y_frame, g):
    """Set d_y to 0 where ReLU was closed, for those who need it dense. A unit is a row of outputs: N × H in all."""
    F = d_y_frame.channels
    for unit in range(low, high):
        n = unit // g.H
        j = ((n * d_y_frame.rows + d_y_frame.top + unit - n * g.H) * d_y_frame.columns + d_y_frame.left) * F
        i = unit * g.W * F
        for o in range(0, g.W * F, 8):
            alive = equal(load(8, winners, i + o), splat(8, np.int8(0)))
            store(d_y, j + o, select(alive, load(8, d_y, j + o), splat(8, np.float32(0))))
