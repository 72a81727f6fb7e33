"""The backward pass of a convolution followed by ReLU, pooled or not: exact, and only where gradient flows.

Of the four outputs in a pooling window only the winner had a say in the result, and none where ReLU was closed; so
at most a quarter of a convolution's outputs carry gradient when it is pooled 2×2, and about half of them behind a
ReLU alone. `winners` (see `finishing.py`) tell which. Every alive output (position, filter) of gradient v adds

    v × its section of the image    to the filter's kernel gradient      (`make_d_kernels`)
    v × the filter's kernel         to the image gradient's section      (`make_d_images`)

and both are multiply-adds of whole rows: KW × C contiguous floats. What is left to care for is that sums stay in
registers and that rows come from the first-level cache.

Arguments as in `convolution.py`, and
    d_y, d_yf     gradient of the (pooled) outputs, and its Frame
    d_x, xf       gradient of the images. Its borders get values too; nobody reads them
    g.P           1 or 2: the size of the pooling windows
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.buffers import Geometry
from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.finishing import CLOSED
from convlet.engines.numba.vectors import (
    add,
    bits,
    broadcast,
    element,
    equal,
    fma,
    load,
    lowest,
    put,
    select,
    splat,
    store,
)  # fmt: skip

GROUP = 8
REGISTERS = 12


def widths(R: int) -> tuple[int, int]:
    """How to cut rows of R floats: the lanes of all pieces but the last, and of the last one (0: none is left).

    As few pieces as fit into 12 registers of 8 lanes, about equally wide.
    """
    registers = -(-R // 8)
    pieces = -(-registers // REGISTERS)
    wide = min(R, -(-registers // pieces) * 8)
    return wide, R % wide


# --------------------------------------------------------------------------------------- gradient of the kernels
@inlined
def _collect(winners, d_y, n, h0, h1, f0, f1, g, xf, d_yf, capacity, values, offsets, count, shifts, d_bias):
    """For filters [f0, f1) of image n and rows [h0, h1), list the alive outputs: section offsets and gradients.

    The list of filter f begins at (f − f0) × capacity. Without branches: what is not alive gets overwritten.
    Gradients are added to d_bias (f1 − f0) on the way.
    """
    C, F = xf.channels, d_yf.channels
    down, right = g.SH * xf.columns * C, g.SW * C
    for q in range(CLOSED + 1):
        put(shifts, q, np.int32((q >> 1) * down + (q & 1) * right))
    for f in range(f0, f1):
        slot = (f - f0) * capacity
        for h in range(h0, h1):
            section = n * xf.rows * xf.columns * C + h * g.P * down
            i = (n * g.H + h) * g.W * F + f
            j = ((n * d_yf.rows + d_yf.top + h) * d_yf.columns + d_yf.left) * F + f
            for _ in range(g.W):
                q = np.int64(element(winners, i))
                put(offsets, slot, np.int32(section) + element(shifts, q))
                put(values, slot, element(d_y, j))
                slot += np.int64(q != CLOSED)
                section += g.P * right
                i += F
                j += F
        put(count, f - f0, np.int32(slot - (f - f0) * capacity))
    for h in range(h0, h1):
        i = (n * g.H + h) * g.W * F
        j = ((n * d_yf.rows + d_yf.top + h) * d_yf.columns + d_yf.left) * F
        for w in range(0, g.W * F, F):
            for f in range(f0, f1, GROUP):
                closed = equal(load(8, winners, i + w + f), splat(8, np.int8(CLOSED)))
                v = select(closed, splat(8, np.float32(0)), load(8, d_y, j + w + f))
                store(d_bias, f - f0, add(load(8, d_bias, f - f0), v))


@functools.cache
def make_d_kernels(wide: int, rest: int) -> Callable[..., Any]:
    """The kernel-gradient kernel for rows that `widths` cuts into pieces of `wide` lanes and one of `rest`."""

    @kernel
    def d_kernels(low, high, x, xf, winners, d_y, d_yf, partial, N, parts, g, scratch, offsets):
        """Gradients of kernels and biases, summed over parts of the batch: partial, see `convolution_gradients.py`.

        A unit is a group of 8 filters in a part: parts × F / 8 in all.
        scratch, offsets (int32): see d_kernels_scratch.
        Cost: alive outputs × KH × KW × C multiply-adds.
        """
        C, F = xf.channels, d_yf.channels
        R, row = g.KW * C, xf.columns * C
        taps = g.KH * R
        groups = F // GROUP
        band = max(1, BAND // g.W)
        capacity = band * g.W
        sums, d_bias, values = scratch, scratch[F * taps :], scratch[F * (taps + 1) :]
        shifts, count, lists = offsets, offsets[8:], offsets[8 + F :]
        first = low
        while first < high:
            part = first // groups
            last = min(high, (part + 1) * groups)
            f0, f1 = (first - part * groups) * GROUP, (last - part * groups) * GROUP
            first = last
            for i in range(0, (f1 - f0) * taps, 8):
                store(sums, i, splat(8, np.float32(0)))
            for i in range(0, f1 - f0, 8):
                store(d_bias, i, splat(8, np.float32(0)))
            for n in range(N * part // parts, N * (part + 1) // parts):
                for h0 in range(0, g.H, band):
                    h1 = min(g.H, h0 + band)
                    _collect(winners, d_y, n, h0, h1, f0, f1, g, xf, d_yf, capacity, values, lists, count, shifts, d_bias)
                    for ky in range(g.KH):
                        for c in range(0, R - wide + 1, wide):
                            for f in range(f1 - f0):
                                o, start = (ky * R + c) * (f1 - f0) + f * wide, ky * row + c
                                a = load(wide, sums, o)
                                for i in range(f * capacity, f * capacity + np.int64(element(count, f))):
                                    section = np.int64(element(lists, i)) + start
                                    a = fma(broadcast(wide, values, i), load(wide, x, section), a)
                                store(sums, o, a)
                        if rest > 0:
                            for f in range(f1 - f0):
                                o, start = (ky * R + R - rest) * (f1 - f0) + f * rest, ky * row + R - rest
                                e = load(rest or 8, sums, o)
                                for i in range(f * capacity, f * capacity + np.int64(element(count, f))):
                                    section = np.int64(element(lists, i)) + start
                                    e = fma(broadcast(rest or 8, values, i), load(rest or 8, x, section), e)
                                store(sums, o, e)
            o = part * (taps + 1) * F
            for start in range(0, taps, R):
                for c in range(0, R, wide):
                    lanes = min(wide, R - c)
                    for i in range(lanes):
                        for f in range(f1 - f0):
                            s = element(sums, (start + c) * (f1 - f0) + f * lanes + i)
                            put(partial, o + (start + c + i) * F + f0 + f, s)
            for f in range(f1 - f0):
                put(partial, o + taps * F + f0 + f, element(d_bias, f))

    return d_kernels


BAND = 64


def d_kernels_scratch(taps: int, F: int, g: Geometry) -> tuple[int, int]:
    """The floats of `scratch` and the int32 of `offsets` that one call of d_kernels needs."""
    capacity = max(1, BAND // g.W) * g.W
    return F * (taps + 1 + capacity), 8 + F * (1 + capacity)


# ----------------------------------------------------------------------------------------- gradient of the images
@kernel
def pack_rows(low, high, weights, rows, R, F, wide):
    """Copy rows [low, high) of KH kernel rows from `weights` (KH × R + 1, F) to `rows` (KH, pieces of R, F, wide)."""
    for ky in range(low, high):
        for c in range(0, R, wide):
            lanes = min(wide, R - c)
            for f in range(F):
                o = (ky * R + c) * F + f * lanes
                for i in range(lanes):
                    put(rows, o + i, element(weights, (ky * R + c + i) * F + f))


def _list_lanes_of(lanes: int) -> Callable[..., Any]:
    @inlined
    def list_lanes(winners, d_y, i, j, f, values, filters, m, q):
        """List those of filters f … f + lanes − 1 whose winner is q, from m on. Returns the new m."""
        rest = bits(equal(load(lanes, winners, i + f), splat(lanes, q)))
        while rest != 0:
            filter = f + lowest(rest)
            put(filters, m, np.int32(filter))
            put(values, m, element(d_y, j + filter))
            m += 1
            rest &= rest - 1
        return m

    return list_lanes


_list_lanes8, _list_lanes32, _list_lanes64 = _list_lanes_of(8), _list_lanes_of(32), _list_lanes_of(64)


@inlined
def _group(winners, d_y, i, j, F, values, filters, m, q):
    """List the filters whose winner at one position is q, and their gradients, from m on. Returns the new m."""
    f = 0
    while f < F:
        if f + 64 <= F:
            m = _list_lanes64(winners, d_y, i, j, f, values, filters, m, q)
            f += 64
        elif f + 32 <= F:
            m = _list_lanes32(winners, d_y, i, j, f, values, filters, m, q)
            f += 32
        else:
            m = _list_lanes8(winners, d_y, i, j, f, values, filters, m, q)
            f += 8
    return m


IMAGE_BAND = 64


@functools.cache
def make_d_images(wide: int, rest: int) -> Callable[..., Any]:
    """The image-gradient kernel for rows that `widths` cuts into pieces of `wide` lanes and one of `rest`."""

    @kernel
    def d_images(low, high, rows, winners, d_y, d_yf, d_x, xf, g, scratch, filters):
        """Gradients of images [low, high). Per position, filters with the same winner are summed in registers.

        Cost: alive outputs × KH × KW × C multiply-adds.
        """
        C, F = xf.channels, d_yf.channels
        R, row = g.KW * C, xf.columns * C
        down, right = g.SH * row, g.SW * C
        Q = g.P * g.P
        band = max(1, IMAGE_BAND // g.W)
        starts, lists = filters, filters[band * g.W * Q + 1 :]
        for n in range(low, high):
            image = n * xf.rows * row
            for i in range(image, image + xf.rows * row):
                put(d_x, i, np.float32(0))
            for h0 in range(0, g.H, band):
                h1 = min(g.H, h0 + band)
                m = p = 0
                for h in range(h0, h1):
                    for w in range(g.W):
                        i = ((n * g.H + h) * g.W + w) * F
                        j = ((n * d_yf.rows + d_yf.top + h) * d_yf.columns + d_yf.left + w) * F
                        for q in range(Q):
                            put(starts, p, np.int32(m))
                            p += 1
                            m = _group(winners, d_y, i, j, F, scratch, lists, m, np.int8(q))
                put(starts, p, np.int32(m))
                for ky in range(g.KH):
                    for c in range(0, R - wide + 1, wide):
                        k = (ky * R + c) * F
                        p = 0
                        for h in range(h0, h1):
                            for w in range(g.W):
                                section = image + ky * row + g.P * (h * down + w * right) + c
                                for q in range(Q):
                                    s, e = np.int64(element(starts, p)), np.int64(element(starts, p + 1))
                                    p += 1
                                    if s < e:
                                        o = section + (q >> 1) * down + (q & 1) * right
                                        a = load(wide, d_x, o)
                                        for i in range(s, e):
                                            f = np.int64(element(lists, i)) * wide + k
                                            a = fma(broadcast(wide, scratch, i), load(wide, rows, f), a)
                                        store(d_x, o, a)
                    if rest > 0:
                        k = (ky * R + R - rest) * F
                        p = 0
                        for h in range(h0, h1):
                            for w in range(g.W):
                                section = image + ky * row + g.P * (h * down + w * right) + R - rest
                                for q in range(Q):
                                    s, e = np.int64(element(starts, p)), np.int64(element(starts, p + 1))
                                    p += 1
                                    if s < e:
                                        o = section + (q >> 1) * down + (q & 1) * right
                                        b = load(rest or 8, d_x, o)
                                        for i in range(s, e):
                                            f = np.int64(element(lists, i)) * rest + k
                                            b = fma(broadcast(rest or 8, scratch, i), load(rest or 8, rows, f), b)
                                        store(d_x, o, b)

    return d_images


def d_images_scratch(F: int, g: Geometry) -> tuple[int, int]:
    """The floats of `scratch` and the int32 of `filters` that one call of d_images needs."""
    positions = max(1, IMAGE_BAND // g.W) * g.W
    return positions * F, positions * F + positions * g.P * g.P + 1
