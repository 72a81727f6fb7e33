"""Direct convolution forward: any kernel size, stride, channels and filters, at the machine's peak, without im2col.

A section's rows are contiguous (KW × C floats), so 4 outputs × 16 filters (8 AVX2 registers of sums) walk over them
with one multiply-add per input; or 8 outputs × 8 filters, where 16 do not divide them. Bias, ReLU and 2×2 max pooling
happen before anything is stored. Every output is one sum in one order, however outputs are grouped.

Arguments all kernels share (see `buffers.py`)
    low, high   the part of the work to do. Every unit of work is computed in the same way whatever the part.
    x, x_frame  images (N, *x_frame): flat float32 and their Frame; C = x_frame.channels, any number
    y, y_frame  outputs (N, *y_frame), written at (y_frame.top, y_frame.left) of each image; F = y_frame.channels, a
                multiple of 8
    weights     (KH × KW × C + 1, F): the kernels in the public order (KH, KW, C, F), then the biases
    packed      the same in blocks of `lanes` filters, as `pack` leaves them: each (KH × KW × C + 1, lanes)
    winners     int8 (N, H, W, F): what `finishing.py` describes; empty when nobody will ask (inference)
    g           the Geometry
"""

import functools
from collections.abc import Callable
from typing import Any

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import RELU
from convlet.engines.numba.kernels.finishing import floor_of, relu8, relu16, relu_pool8, relu_pool16
from convlet.engines.numba.simd.vectors import broadcast_rows, fma, load, repeat, splat, store, store_rows


def lanes_for(F: int) -> int:
    """How many filters to compute at a time."""
    return 16 if F % 16 == 0 else 8


@kernel
def pack(low, high, weights, packed, rows, F, lanes):
    """Copy blocks [low, high) of `lanes` filters from `weights` (rows, F), rows = KH × KW × C + 1, to `packed`."""
    for f in range(low * lanes, high * lanes, lanes):
        for row in range(rows):
            for i in range(0, lanes, 8):
                store(packed, f * rows + row * lanes + i, load(8, weights, row * F + f + i))


def _outputs_of(positions: int, lanes: int) -> Callable[..., Any]:
    """Outputs of `lanes` filters at so many positions, whose sections begin at x[section], `step` apart."""

    @inlined
    def outputs(x, section, step, down, KH, R, packed, block):
        sums = repeat(positions, load(lanes, packed, block + KH * R * lanes))
        k = block
        for ky in range(KH):
            start = section + ky * down
            for i in range(start, start + R):
                sums = fma(broadcast_rows(positions, lanes, x, i, step), load(lanes, packed, k), sums)
                k += lanes
        return sums

    return outputs


_outputs1x8, _outputs8x8 = _outputs_of(1, 8), _outputs_of(8, 8)
_outputs1x16, _outputs4x16 = _outputs_of(1, 16), _outputs_of(4, 16)


def _forward_row_of(positions: int, lanes: int) -> Callable[..., Any]:
    outputs = {(1, 8): _outputs1x8, (8, 8): _outputs8x8, (1, 16): _outputs1x16, (4, 16): _outputs4x16}[positions, lanes]
    relu = relu8 if lanes == 8 else relu16

    @inlined
    def forward_row(x, section, x_frame, packed, block, y, o, winners, q, F, g, activation):
        """A row of outputs for a block of filters. The last group begins early enough to be whole."""
        C = x_frame.channels
        step, down = g.SW * C, x_frame.columns * C
        for first in range(0, g.W, positions):
            w = min(first, g.W - positions)
            a = outputs(x, section + w * step, step, down, g.KH, g.KW * C, packed, block)
            if activation == RELU:
                a, winner = relu(a)
                if winners.size > 0:
                    store_rows(winners, q + w * F, F, winner)
            store_rows(y, o + w * F, F, a)

    return forward_row


_forward_row1x8, _forward_row8x8 = _forward_row_of(1, 8), _forward_row_of(8, 8)
_forward_row1x16, _forward_row4x16 = _forward_row_of(1, 16), _forward_row_of(4, 16)


@functools.cache
def make_forward(lanes: int) -> Callable[..., Any]:
    """The forward kernel for blocks of so many filters (see `lanes_for`)."""

    @kernel
    def forward(low, high, x, x_frame, packed, y, y_frame, winners, g, activation):
        """Convolution + bias [+ ReLU, with its winners]. A unit is a row of outputs: N × H in all.

        Cost: N × H × W × F × KH × KW × C multiply-adds.
        """
        C, F = x_frame.channels, y_frame.channels
        rows = g.KH * g.KW * C + 1
        for unit in range(low, high):
            n = unit // g.H
            h = unit - n * g.H
            section = (n * x_frame.rows + h * g.SH) * x_frame.columns * C
            o = ((n * y_frame.rows + y_frame.top + h) * y_frame.columns + y_frame.left) * F
            q = unit * g.W * F
            for f in range(0, F, lanes):
                k = f * rows
                if lanes == 16:
                    if g.W >= 4:
                        _forward_row4x16(x, section, x_frame, packed, k, y, o + f, winners, q + f, F, g, activation)
                    else:
                        _forward_row1x16(x, section, x_frame, packed, k, y, o + f, winners, q + f, F, g, activation)
                elif g.W >= 8:
                    _forward_row8x8(x, section, x_frame, packed, k, y, o + f, winners, q + f, F, g, activation)
                else:
                    _forward_row1x8(x, section, x_frame, packed, k, y, o + f, winners, q + f, F, g, activation)

    return forward


def _windows_of(windows: int, lanes: int) -> Callable[..., Any]:
    """The four outputs in each of so many neighbouring pooling windows, in scan order."""

    @inlined
    def outputs(x, section, below, step, down, KH, R, packed, block):
        a = b = c = d = repeat(windows, load(lanes, packed, block + KH * R * lanes))
        k = block
        for ky in range(KH):
            start = section + ky * down
            for i in range(start, start + R):
                weights = load(lanes, packed, k)
                k += lanes
                a = fma(broadcast_rows(windows, lanes, x, i, 2 * step), weights, a)
                b = fma(broadcast_rows(windows, lanes, x, i + step, 2 * step), weights, b)
                c = fma(broadcast_rows(windows, lanes, x, i + below, 2 * step), weights, c)
                d = fma(broadcast_rows(windows, lanes, x, i + below + step, 2 * step), weights, d)
        return a, b, c, d

    return outputs


_window1x8, _windows2x8, _window1x16 = _windows_of(1, 8), _windows_of(2, 8), _windows_of(1, 16)


def _forward_pool_row_of(windows: int, lanes: int) -> Callable[..., Any]:
    outputs = {(1, 8): _window1x8, (2, 8): _windows2x8, (1, 16): _window1x16}[windows, lanes]
    relu_pool = relu_pool8 if lanes == 8 else relu_pool16

    @inlined
    def forward_pool_row(x, section, x_frame, packed, block, y, o, winners, q, F, g, floor):
        """A row of pooled outputs for a block of filters. The last group begins early enough to be whole."""
        C = x_frame.channels
        step, down = g.SW * C, x_frame.columns * C
        for first in range(0, g.W, windows):
            w = min(first, g.W - windows)
            a, b, c, d = outputs(x, section + 2 * w * step, g.SH * down, step, down, g.KH, g.KW * C, packed, block)
            best, winner = relu_pool(a, b, c, d, splat(lanes, floor))
            store_rows(y, o + w * F, F, best)
            if winners.size > 0:
                store_rows(winners, q + w * F, F, winner)

    return forward_pool_row


_forward_pool_row1x8, _forward_pool_row2x8 = _forward_pool_row_of(1, 8), _forward_pool_row_of(2, 8)
_forward_pool_row1x16 = _forward_pool_row_of(1, 16)


@functools.cache
def make_forward_pool(lanes: int) -> Callable[..., Any]:
    """The pooling forward kernel for blocks of so many filters (see `lanes_for`)."""

    @kernel
    def forward_pool(low, high, x, x_frame, packed, y, y_frame, winners, g, activation):
        """Convolution + bias [+ ReLU] + 2×2 max pooling. A unit is a row of pooled outputs: N × H in all.

        g.H and g.W count pooled outputs: an odd last row or column of outputs is not computed.
        Cost: 4 × N × H × W × F × KH × KW × C multiply-adds. Nothing unpooled is stored.
        """
        C, F, floor = x_frame.channels, y_frame.channels, floor_of(activation)
        rows = g.KH * g.KW * C + 1
        for unit in range(low, high):
            n = unit // g.H
            h = unit - n * g.H
            section = (n * x_frame.rows + 2 * h * g.SH) * x_frame.columns * C
            o = ((n * y_frame.rows + y_frame.top + h) * y_frame.columns + y_frame.left) * F
            q = unit * g.W * F
            for f in range(0, F, lanes):
                if lanes == 16:
                    _forward_pool_row1x16(x, section, x_frame, packed, f * rows, y, o + f, winners, q + f, F, g, floor)
                elif g.W >= 2:
                    _forward_pool_row2x8(x, section, x_frame, packed, f * rows, y, o + f, winners, q + f, F, g, floor)
                else:
                    _forward_pool_row1x8(x, section, x_frame, packed, f * rows, y, o + f, winners, q + f, F, g, floor)

    return forward_pool
