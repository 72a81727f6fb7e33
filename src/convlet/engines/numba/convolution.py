"""Direct convolution forward: any kernel size, stride, channels and filters, at the machine's peak, without im2col.

A section's rows are contiguous (KW × C floats), so a block of 16 filters walks over them with one multiply-add per
input, 16 filters and 4 outputs: 8 AVX2 registers of sums, 2 of weights. Bias, ReLU and 2×2 max pooling happen
before anything is stored.

Arguments all kernels share (see `buffers.py`)
    low, high   the part of the work to do. Every unit of work is computed in the same way whatever the part.
    x, xf       images (N, *xf): flat float32 and their Frame; C = xf.channels, any number
    y, yf       outputs (N, *yf), written at (yf.top, yf.left) of each image; F = yf.channels, a multiple of 8
    weights     (KH × KW × C + 1, F): the kernels in the public order (KH, KW, C, F), then the biases
    packed      the same in blocks of 16 filters (the last may have 8): each (KH × KW × C + 1, 16)
    winners     int8 (N, H, W, F): what `finishing.py` describes; empty when nobody will ask (inference)
    g           the Geometry
"""

from collections.abc import Callable
from typing import Any

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.finishing import relu8, relu16, relu_pool8, relu_pool16
from convlet.engines.numba.vectors import broadcast, fma, load, store

BLOCK = 16
LINEAR, RELU = 0, 1


@kernel
def pack(low, high, weights, packed, rows, F):
    """Copy blocks [low, high) of 16 filters from `weights` (rows, F), rows = KH × KW × C + 1, to `packed`."""
    for f in range(low * BLOCK, min(high * BLOCK, F), BLOCK):
        o = f * rows
        if f + BLOCK <= F:
            for row in range(rows):
                store(packed, o + row * 16, load(16, weights, row * F + f))
        else:
            for row in range(rows):
                store(packed, o + row * 8, load(8, weights, row * F + f))


def _four_outputs_of(lanes: int) -> Callable[..., Any]:
    """Four outputs of `lanes` filters. Their sections begin at x[s0], x[s1], x[s2] and x[s3]."""

    @inlined
    def four_outputs(x, s0, s1, s2, s3, row, KH, R, packed, block):
        a0 = a1 = a2 = a3 = load(lanes, packed, block + KH * R * lanes)
        k = block
        for ky in range(KH):
            start = ky * row
            for i in range(start, start + R):
                w = load(lanes, packed, k)
                k += lanes
                a0 = fma(broadcast(lanes, x, s0 + i), w, a0)
                a1 = fma(broadcast(lanes, x, s1 + i), w, a1)
                a2 = fma(broadcast(lanes, x, s2 + i), w, a2)
                a3 = fma(broadcast(lanes, x, s3 + i), w, a3)
        return a0, a1, a2, a3

    return four_outputs


_four_outputs8, _four_outputs16 = _four_outputs_of(8), _four_outputs_of(16)


def _forward_row_of(lanes: int) -> Callable[..., Any]:
    four_outputs, relu = (_four_outputs16, relu16) if lanes == 16 else (_four_outputs8, relu8)

    @inlined
    def forward_row(x, section, xf, packed, block, y, o, winners, q, F, g, activation):
        """One row of outputs for one block of filters: four at a time, the last ones possibly twice."""
        C = xf.channels
        row, step = xf.columns * C, g.SW * C
        for w in range(0, g.W, 4):
            w1, w2, w3 = min(w + 1, g.W - 1), min(w + 2, g.W - 1), min(w + 3, g.W - 1)
            a0, a1, a2, a3 = four_outputs(
                x, section + w * step, section + w1 * step, section + w2 * step, section + w3 * step,
                row, g.KH, g.KW * C, packed, block,
            )  # fmt: skip
            if activation == RELU:
                a0, q0 = relu(a0)
                a1, q1 = relu(a1)
                a2, q2 = relu(a2)
                a3, q3 = relu(a3)
                if winners.size > 0:
                    store(winners, q + w * F, q0)
                    store(winners, q + w1 * F, q1)
                    store(winners, q + w2 * F, q2)
                    store(winners, q + w3 * F, q3)
            store(y, o + w * F, a0)
            store(y, o + w1 * F, a1)
            store(y, o + w2 * F, a2)
            store(y, o + w3 * F, a3)

    return forward_row


_forward_row8, _forward_row16 = _forward_row_of(8), _forward_row_of(16)


@kernel
def forward(low, high, x, xf, packed, y, yf, winners, g, activation):
    """Convolution + bias [+ ReLU, with its winners]. A unit is a row of outputs: N × H in all.

    Cost: N × H × W × F × KH × KW × C multiply-adds.
    """
    C, F = xf.channels, yf.channels
    rows = g.KH * g.KW * C + 1
    for unit in range(low, high):
        n = unit // g.H
        h = unit - n * g.H
        section = (n * xf.rows + h * g.SH) * xf.columns * C
        o = ((n * yf.rows + yf.top + h) * yf.columns + yf.left) * F
        q = unit * g.W * F
        for f in range(0, F - 8, BLOCK):
            _forward_row16(x, section, xf, packed, f * rows, y, o + f, winners, q + f, F, g, activation)
        if F % BLOCK != 0:
            f = F - 8
            _forward_row8(x, section, xf, packed, f * rows, y, o + f, winners, q + f, F, g, activation)


def _forward_pool_row_of(lanes: int) -> Callable[..., Any]:
    four_outputs, relu_pool = (_four_outputs16, relu_pool16) if lanes == 16 else (_four_outputs8, relu_pool8)

    @inlined
    def forward_pool_row(x, section, xf, packed, block, y, o, winners, q, F, g):
        """One row of pooled outputs for one block of filters."""
        C = xf.channels
        row, step = xf.columns * C, g.SW * C
        below = section + g.SH * row
        for w in range(g.W):
            s = 2 * w * step
            a0, a1, a2, a3 = four_outputs(
                x, section + s, section + s + step, below + s, below + s + step, row, g.KH, g.KW * C, packed, block
            )
            best, winner = relu_pool(a0, a1, a2, a3)
            store(y, o + w * F, best)
            if winners.size > 0:
                store(winners, q + w * F, winner)

    return forward_pool_row


_forward_pool_row8, _forward_pool_row16 = _forward_pool_row_of(8), _forward_pool_row_of(16)


@kernel
def forward_pool(low, high, x, xf, packed, y, yf, winners, g):
    """Convolution + bias + ReLU + 2×2 max pooling. A unit is a row of pooled outputs: N × H in all.

    g.H and g.W count pooled outputs: an odd last row or column of outputs is not computed.
    Cost: 4 × N × H × W × F × KH × KW × C multiply-adds. Nothing unpooled is stored.
    """
    C, F = xf.channels, yf.channels
    rows = g.KH * g.KW * C + 1
    for unit in range(low, high):
        n = unit // g.H
        h = unit - n * g.H
        section = (n * xf.rows + 2 * h * g.SH) * xf.columns * C
        o = ((n * yf.rows + yf.top + h) * yf.columns + yf.left) * F
        q = unit * g.W * F
        for f in range(0, F - 8, BLOCK):
            _forward_pool_row16(x, section, xf, packed, f * rows, y, o + f, winners, q + f, F, g)
        if F % BLOCK != 0:
            f = F - 8
            _forward_pool_row8(x, section, xf, packed, f * rows, y, o + f, winners, q + f, F, g)
