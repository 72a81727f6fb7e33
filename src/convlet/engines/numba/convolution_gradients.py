"""The backward pass of any convolution, for gradients that may be anywhere: both products at the machine's peak.

`sparse_convolution.py` is 2 to 5 times faster behind a ReLU, and gives the same results. This module serves
convolutions without one, and, with `narrow_d_kernels`, those over few channels, where rows are too short for vectors:
there, vectors run along the filters, and pooled gradients are put back to where they came from, row by row.

Arguments as in `convolution.py`, and
    d_y, d_yf   gradient of the outputs (after ReLU's, if any), and its Frame; F = d_yf.channels
    partial     (parts, KH × KW × C + 1, F): gradients of kernels and biases summed over part p of the batch, images
                [N p / parts, N (p + 1) / parts). `sum_parts` adds them up in order. The parts depend on the shapes
                alone (see `parts_for`), never on the number of threads, and so neither do the results.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.vectors import add, broadcast, equal, fma, load, put, select, splat, store

BLOCK = 16
POSITIONS = 128  # outputs between one load and store of a sum: enough to make those cheap, few enough for the cache


# --------------------------------------------------------------------------------------- gradient of the kernels
def parts_for(N: int, weights: int) -> int:
    """In how many parts to sum kernel gradients over a batch of N: as many as can share the work, unless too large."""
    return max(1, min(N, 16, (1 << 18) // weights))


def _outer_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def outer(x, section, down, step, row, R, KH, d, j, d_down, d_step, H, W, partial, o, F):
        """For every tap and a block of filters at partial[o:], add the sum over H × W outputs of input × gradient.

        Inputs begin at x[section] and lie (down, step) apart; gradients at d[j], (d_down, d_step) apart.
        Six inputs of a row at a time; where fewer are left the last is computed again, to the same result.
        """
        for ky in range(KH):
            for i0 in range(0, R, 6):
                last = R - 1
                i1, i2, i3 = min(i0 + 1, last), min(i0 + 2, last), min(i0 + 3, last)
                i4, i5 = min(i0 + 4, last), min(i0 + 5, last)
                t = o + ky * R * F
                a0, a1 = load(lanes, partial, t + i0 * F), load(lanes, partial, t + i1 * F)
                a2, a3 = load(lanes, partial, t + i2 * F), load(lanes, partial, t + i3 * F)
                a4, a5 = load(lanes, partial, t + i4 * F), load(lanes, partial, t + i5 * F)
                for h in range(H):
                    s, k = section + h * down + ky * row, j + h * d_down
                    for _ in range(W):
                        v = load(lanes, d, k)
                        a0 = fma(broadcast(lanes, x, s + i0), v, a0)
                        a1 = fma(broadcast(lanes, x, s + i1), v, a1)
                        a2 = fma(broadcast(lanes, x, s + i2), v, a2)
                        a3 = fma(broadcast(lanes, x, s + i3), v, a3)
                        a4 = fma(broadcast(lanes, x, s + i4), v, a4)
                        a5 = fma(broadcast(lanes, x, s + i5), v, a5)
                        k += d_step
                        s += step
                store(partial, t + i0 * F, a0)
                store(partial, t + i1 * F, a1)
                store(partial, t + i2 * F, a2)
                store(partial, t + i3 * F, a3)
                store(partial, t + i4 * F, a4)
                store(partial, t + i5 * F, a5)
        bias = o + KH * R * F
        b0, b1 = load(lanes, partial, bias), splat(lanes, np.float32(0))
        for h in range(H):
            k = j + h * d_down
            for w in range(0, W - 1, 2):
                b0 = add(b0, load(lanes, d, k + w * d_step))
                b1 = add(b1, load(lanes, d, k + w * d_step + d_step))
            if W % 2 != 0:
                b0 = add(b0, load(lanes, d, k + (W - 1) * d_step))
        store(partial, bias, add(b0, b1))

    return outer


_outer8, _outer16 = _outer_of(8), _outer_of(16)


@inlined
def _clear(partial, o, rows, F, lanes):
    for tap in range(rows):
        for f in range(o + tap * F, o + tap * F + lanes):
            put(partial, f, np.float32(0))


@kernel
def d_kernels(low, high, x, xf, d_y, d_yf, partial, N, parts, g):
    """Gradients of kernels and biases. A unit is a block of 16 filters in a part: parts × ⌈F / 16⌉ in all.

    Cost: N × H × W × F × KH × KW × C multiply-adds, 6 inputs × 16 filters in registers.
    """
    C, F = xf.channels, d_yf.channels
    R, row = g.KW * C, xf.columns * C
    rows = g.KH * R + 1
    blocks = (F + BLOCK - 1) // BLOCK
    band = max(1, POSITIONS // g.W)
    down, step, d_down = g.SH * row, g.SW * C, d_yf.columns * F
    for unit in range(low, high):
        part = unit // blocks
        f = (unit - part * blocks) * BLOCK
        o = part * rows * F + f
        wide = f + BLOCK <= F
        _clear(partial, o, rows, F, 16 if wide else 8)
        for n in range(N * part // parts, N * (part + 1) // parts):
            for h in range(0, g.H, band):
                H = min(band, g.H - h)
                s = n * xf.rows * row + h * down
                j = ((n * d_yf.rows + d_yf.top + h) * d_yf.columns + d_yf.left) * F + f
                if wide:
                    _outer16(x, s, down, step, row, R, g.KH, d_y, j, d_down, F, H, g.W, partial, o, F)
                else:
                    _outer8(x, s, down, step, row, R, g.KH, d_y, j, d_down, F, H, g.W, partial, o, F)


def _unpool_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def unpool(d_y, j, winners, i, F, W, P, d, o):
        """Put a row of W pooled gradients back to the P rows of outputs they came from, d[o:] (P, P × W, lanes)."""
        for w in range(W):
            v, winner = load(lanes, d_y, j + w * F), load(lanes, winners, i + w * F)
            for q in range(P * P):
                here = select(equal(winner, splat(lanes, np.int8(q))), v, splat(lanes, np.float32(0)))
                store(d, o + (((q >> 1) * W + w) * P + (q & 1)) * lanes, here)

    return unpool


_unpool8, _unpool16 = _unpool_of(8), _unpool_of(16)


@kernel
def narrow_d_kernels(low, high, x, xf, winners, d_y, d_yf, partial, N, parts, g, scratch):
    """As d_kernels, behind ReLU and P × P pooling. g.H and g.W count pooled outputs; scratch: narrow_scratch(g) floats.

    Cost: N × H × W × P² × F × KH × KW × C multiply-adds: dense, as sums of short rows cannot use sparsity.
    """
    C, F = xf.channels, d_yf.channels
    R, row = g.KW * C, xf.columns * C
    rows = g.KH * R + 1
    blocks = (F + BLOCK - 1) // BLOCK
    W = g.P * g.W
    band = max(1, POSITIONS // (g.P * W))
    down, step = g.SH * row, g.SW * C
    for unit in range(low, high):
        part = unit // blocks
        f = (unit - part * blocks) * BLOCK
        o = part * rows * F + f
        wide = f + BLOCK <= F
        _clear(partial, o, rows, F, 16 if wide else 8)
        for n in range(N * part // parts, N * (part + 1) // parts):
            for h0 in range(0, g.H, band):
                H = min(band, g.H - h0)
                s = n * xf.rows * row + h0 * g.P * down
                for h in range(H):
                    i = (n * g.H + h0 + h) * g.W * F + f
                    j = ((n * d_yf.rows + d_yf.top + h0 + h) * d_yf.columns + d_yf.left) * F + f
                    if wide:
                        _unpool16(d_y, j, winners, i, F, g.W, g.P, scratch, h * g.P * W * 16)
                    else:
                        _unpool8(d_y, j, winners, i, F, g.W, g.P, scratch, h * g.P * W * 8)
                if wide:
                    _outer16(x, s, down, step, row, R, g.KH, scratch, 0, W * 16, 16, H * g.P, W, partial, o, F)
                else:
                    _outer8(x, s, down, step, row, R, g.KH, scratch, 0, W * 8, 8, H * g.P, W, partial, o, F)


def narrow_scratch(g) -> int:
    """The floats of scratch that one call of narrow_d_kernels needs."""
    return max(1, POSITIONS // (g.P * g.P * g.W)) * g.P * g.P * g.W * BLOCK


@kernel
def sum_parts(low, high, partial, parts, size, total):
    """total[i] = Σ partial[p, i] over the parts, in order. A unit is 8 values: size / 8 in all."""
    for i in range(low * 8, high * 8, 8):
        a = load(8, partial, i)
        for part in range(1, parts):
            a = add(a, load(8, partial, part * size + i))
        store(total, i, a)


# ----------------------------------------------------------------------------------------- gradient of the images
def _four_sections_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def four_sections(d_y, j, F, rows, k, stride, d_x, o, step, n):
        """To n ≤ 4 neighbouring sections at d_x[o:], `step` apart, add `lanes` values of Σ gradient × kernel over F."""
        a0 = a1 = a2 = a3 = splat(lanes, np.float32(0))
        j1, j2, j3 = j + min(1, n - 1) * F, j + min(2, n - 1) * F, j + (n - 1) * F
        for f in range(F):
            w = load(lanes, rows, k + f * stride)
            a0 = fma(broadcast(lanes, d_y, j + f), w, a0)
            a1 = fma(broadcast(lanes, d_y, j1 + f), w, a1)
            a2 = fma(broadcast(lanes, d_y, j2 + f), w, a2)
            a3 = fma(broadcast(lanes, d_y, j3 + f), w, a3)
        # One after the other: sections overlap.
        store(d_x, o, add(load(lanes, d_x, o), a0))
        if n > 1:
            store(d_x, o + step, add(load(lanes, d_x, o + step), a1))
        if n > 2:
            store(d_x, o + 2 * step, add(load(lanes, d_x, o + 2 * step), a2))
        if n > 3:
            store(d_x, o + 3 * step, add(load(lanes, d_x, o + 3 * step), a3))

    return four_sections


_four_sections1, _four_sections8, _four_sections16 = _four_sections_of(1), _four_sections_of(8), _four_sections_of(16)


@kernel
def d_images(low, high, rows, d_y, d_yf, d_x, xf, g):
    """Gradients of images [low, high). `rows`: the kernels, packed by pack_rows with wide = 16.

    Cost: N × H × W × F × KH × KW × C multiply-adds, 4 outputs × 16 inputs in registers, which are then added to d_x.
    """
    C, F = xf.channels, d_yf.channels
    R, row, step = g.KW * C, xf.columns * C, g.SW * C
    for n in range(low, high):
        image = n * xf.rows * row
        for i in range(image, image + xf.rows * row):
            put(d_x, i, np.float32(0))
        for h in range(g.H):
            j = ((n * d_yf.rows + d_yf.top + h) * d_yf.columns + d_yf.left) * F
            for ky in range(g.KH):
                o = image + (h * g.SH + ky) * row
                for c in range(0, R, BLOCK):
                    lanes = min(BLOCK, R - c)
                    k = (ky * R + c) * F
                    for w in range(0, g.W, 4):
                        m, v, at = min(4, g.W - w), j + w * F, o + c + w * step
                        if lanes == 16:
                            _four_sections16(d_y, v, F, rows, k, 16, d_x, at, step, m)
                        else:
                            done = 0
                            if lanes >= 8:
                                _four_sections8(d_y, v, F, rows, k, lanes, d_x, at, step, m)
                                done = 8
                            for i in range(done, lanes):
                                _four_sections1(d_y, v, F, rows, k + i, lanes, d_x, at + i, step, m)


@kernel
def relu_gradient(low, high, winners, d_y, d_yf, g):
    """Set d_y to 0 where ReLU was closed, for those who need it dense. A unit is a row of outputs: N × H in all."""
    F = d_yf.channels
    for unit in range(low, high):
        n = unit // g.H
        j = ((n * d_yf.rows + d_yf.top + unit - n * g.H) * d_yf.columns + d_yf.left) * F
        i = unit * g.W * F
        for o in range(0, g.W * F, 8):
            alive = equal(load(8, winners, i + o), splat(8, np.int8(0)))
            store(d_y, j + o, select(alive, load(8, d_y, j + o), splat(8, np.float32(0))))
