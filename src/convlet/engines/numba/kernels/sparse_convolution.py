"""The backward pass of a convolution followed by ReLU, pooled or not: exact, and only where gradient flows.

Of the four outputs in a pooling window only the winner had a say in the result, and none where ReLU was closed; so
at most a quarter of a convolution's outputs carry gradient when it is pooled 2×2, and about half of them behind a
ReLU alone. `winners` (see `finishing.py`) tell which. Every alive output (position, filter) of gradient v adds

    v × its section of the image    to the filter's kernel gradient      (`make_d_kernels`)
    v × the filter's kernel         to the image gradient's section      (`make_d_images`)

and both are multiply-adds of whole rows: KW × C contiguous floats. What is left to care for is that sums stay in
registers and that rows come from the first-level cache.

Arguments as in `convolution.py`, and
    d_y, d_y_frame     gradient of the (pooled) outputs, and its Frame
    d_x, x_frame       gradient of the images. Its borders get values too; nobody reads them
    g.P           1 or 2: the size of the pooling windows
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
)

GROUP = 8
LANES_AT_ONCE = 96
BAND = 64  # outputs whose lists are made at once, so that lists and images stay in the first-level cache


def width(R: int) -> int:
    """Into pieces of how many lanes to cut rows of R floats: the largest divisor that fits into 12 AVX2 registers."""
    return max(lanes for lanes in range(1, LANES_AT_ONCE + 1) if R % lanes == 0)


# --------------------------------------------------------------------------------------- gradient of the kernels
@inlined
def _collect(winners, d_y, n, h0, h1, f0, f1, g, x_frame, d_y_frame, capacity, values, offsets, count, shifts, d_bias):
    """For filters [f0, f1) of image n and rows [h0, h1), list the alive outputs: section offsets and gradients.

    Offsets are int32, and so counted from the image's first float: a batch may have more than 2^31.
    The list of filter f begins at (f − f0) × capacity. Without branches: what is not alive gets overwritten.
    Gradients are added to d_bias (f1 − f0) on the way.
    """
    C, F = x_frame.channels, d_y_frame.channels
    down, right = g.SH * x_frame.columns * C, g.SW * C
    for winner in range(CLOSED + 1):
        put(shifts, winner, np.int32((winner >> 1) * down + (winner & 1) * right))
    for f in range(f0, f1):
        slot = (f - f0) * capacity
        for h in range(h0, h1):
            section = h * g.P * down
            i = (n * g.H + h) * g.W * F + f
            j = ((n * d_y_frame.rows + d_y_frame.top + h) * d_y_frame.columns + d_y_frame.left) * F + f
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
        j = ((n * d_y_frame.rows + d_y_frame.top + h) * d_y_frame.columns + d_y_frame.left) * F
        for w in range(0, g.W * F, F):
            for f in range(f0, f1, GROUP):
                closed = equal(load(8, winners, i + w + f), splat(8, np.int8(CLOSED)))
                v = select(closed, splat(8, np.float32(0)), load(8, d_y, j + w + f))
                store(d_bias, f - f0, add(load(8, d_bias, f - f0), v))


@inlined
def _clear(sums, count):
    """Set `count` floats, a multiple of 8, to 0."""
    for i in range(0, count, 8):
        store(sums, i, splat(8, np.float32(0)))


@inlined
def _write_sums(sums, d_bias, partial, o, f0, f1, F, taps, wide):
    """From lists of pieces, sums (taps / wide, filters, wide), to columns [f0, f1) of partial[o:] (taps + 1, F)."""
    for start in range(0, taps, wide):
        for i in range(wide):
            for f in range(f1 - f0):
                put(partial, o + (start + i) * F + f0 + f, element(sums, start * (f1 - f0) + f * wide + i))
    for f in range(f1 - f0):
        put(partial, o + taps * F + f0 + f, element(d_bias, f))


@functools.cache
def make_d_kernels(wide: int) -> Callable[..., Any]:
    """The kernel-gradient kernel for rows cut into pieces of `wide` lanes (see `width`)."""

    @kernel
    def d_kernels(low, high, x, x_frame, winners, d_y, d_y_frame, partial, N, parts, g, scratch, offsets):
        """Gradients of kernels and biases, summed over parts of the batch: partial, see `convolution_gradients.py`.

        A unit is a group of 8 filters in a part: parts × F / 8 in all.
        scratch, offsets (int32): see d_kernels_scratch.
        Cost: alive outputs × KH × KW × C multiply-adds.
        """
        C, F = x_frame.channels, d_y_frame.channels
        R, down = g.KW * C, x_frame.columns * C
        taps, groups = g.KH * R, F // GROUP
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
            _clear(sums, (f1 - f0) * taps)
            _clear(d_bias, f1 - f0)
            for n in range(N * part // parts, N * (part + 1) // parts):
                for h0 in range(0, g.H, band):
                    h1 = min(g.H, h0 + band)
                    _collect(
                        winners,
                        d_y,
                        n,
                        h0,
                        h1,
                        f0,
                        f1,
                        g,
                        x_frame,
                        d_y_frame,
                        capacity,
                        values,
                        lists,
                        count,
                        shifts,
                        d_bias,
                    )
                    for piece in range(0, taps, wide):
                        ky = piece // R
                        start = n * x_frame.rows * down + ky * down + piece - ky * R
                        for f in range(f1 - f0):
                            o, i0 = piece * (f1 - f0) + f * wide, f * capacity
                            a = load(wide, sums, o)
                            for i in range(i0, i0 + np.int64(element(count, f))):
                                section = np.int64(element(lists, i)) + start
                                a = fma(broadcast(wide, values, i), load(wide, x, section), a)
                            store(sums, o, a)
            _write_sums(sums, d_bias, partial, part * (taps + 1) * F, f0, f1, F, taps, wide)

    return d_kernels


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


@inlined
def _group_band(winners, d_y, n, h0, h1, g, d_y_frame, values, filters, starts):
    """List the alive filters of rows [h0, h1): position by position, then winner by winner; and where lists start."""
    F, m, group = d_y_frame.channels, 0, 0
    for h in range(h0, h1):
        for w in range(g.W):
            i = ((n * g.H + h) * g.W + w) * F
            j = ((n * d_y_frame.rows + d_y_frame.top + h) * d_y_frame.columns + d_y_frame.left + w) * F
            for q in range(g.P * g.P):
                put(starts, group, np.int32(m))
                group += 1
                m = _group(winners, d_y, i, j, F, values, filters, m, np.int8(q))
    put(starts, group, np.int32(m))


@functools.cache
def make_d_images(wide: int) -> Callable[..., Any]:
    """The image-gradient kernel for rows cut into pieces of `wide` lanes (see `width`)."""

    @kernel
    def d_images(low, high, rows, winners, d_y, d_y_frame, d_x, x_frame, g, scratch, filters):
        """Gradients of images [low, high). Per position, filters with the same winner are summed in registers.

        rows: the kernels, packed by pack_rows with the same `wide`. scratch, filters (int32): see d_images_scratch.
        Cost: alive outputs × KH × KW × C multiply-adds.
        """
        C, F = x_frame.channels, d_y_frame.channels
        R, down = g.KW * C, x_frame.columns * C
        band = max(1, BAND // g.W)
        starts, lists = filters, filters[band * g.W * g.P * g.P + 1 :]
        for n in range(low, high):
            image = n * x_frame.rows * down
            for i in range(image, image + x_frame.rows * down):
                put(d_x, i, np.float32(0))
            for h0 in range(0, g.H, band):
                h1 = min(g.H, h0 + band)
                _group_band(winners, d_y, n, h0, h1, g, d_y_frame, scratch, lists, starts)
                for piece in range(0, g.KH * R, wide):
                    ky = piece // R
                    start, k, group = image + ky * down + piece - ky * R, piece * F, 0
                    for h in range(h0, h1):
                        for w in range(g.W):
                            section = start + g.P * (h * g.SH * down + w * g.SW * C)
                            for q in range(g.P * g.P):
                                i0, i1 = np.int64(element(starts, group)), np.int64(element(starts, group + 1))
                                group += 1
                                if i0 < i1:
                                    o = section + (q >> 1) * g.SH * down + (q & 1) * g.SW * C
                                    a = load(wide, d_x, o)
                                    for i in range(i0, i1):
                                        weights = load(wide, rows, k + np.int64(element(lists, i)) * wide)
                                        a = fma(broadcast(wide, scratch, i), weights, a)
                                    store(d_x, o, a)

    return d_images


def d_images_scratch(F: int, g: Geometry) -> tuple[int, int]:
    """The floats of `scratch` and the int32 of `filters` that one call of d_images needs."""
    positions = max(1, BAND // g.W) * g.W
    return positions * F, positions * F + positions * g.P * g.P + 1
