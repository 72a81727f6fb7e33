"""Pooling of any size, stride and padding, and the mean of a whole image.

Forward and backward go image by image. Arguments as in `elementwise.py`; `shape` is (H, W, C) of the images, and

    pool      the Pool: where windows lie. Padding is no part of the image: it never wins, and does not count
    winners   int32 (N, OH, OW, C): the winner's place in the image's buffer, counted from the image's first float
"""

from typing import NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.elementwise import at
from convlet.engines.numba.simd.vectors import element, put


class Pool(NamedTuple):
    """Windows of KH × KW, in steps of SH × SW, at OH × OW positions, the first one at (−top, −left)."""

    OH: int
    OW: int
    KH: int
    KW: int
    SH: int
    SW: int
    top: int
    left: int


@inlined
def window(p, stride, before, size, end):
    """The first row (or column) of the window at position p that lies in the image, and the one after the last."""
    start = p * stride - before
    return max(start, 0), min(start + size, end)


@kernel
def max_pooling(low, high, x, x_frame, y, y_frame, winners, shape, pool):
    """Images [low, high): the largest of each window, the first one of equals; NaN, where there is one.

    Cost: N × OH × OW × KH × KW × C comparisons.
    """
    C = shape.C
    for n in range(low, high):
        first = n * x_frame.rows * x_frame.columns * x_frame.channels
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                i, o, k = at(x_frame, n, h0, w0), at(y_frame, n, oh, ow), ((n * pool.OH + oh) * pool.OW + ow) * C
                for c in range(C):
                    put(y, o + c, element(x, i + c))
                    put(winners, k + c, np.int32(i + c - first))
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        i = at(x_frame, n, h, w)
                        for c in range(C):
                            best, value = element(y, o + c), element(x, i + c)
                            better = value > best or (value != value and best == best)
                            put(y, o + c, value if better else best)
                            put(winners, k + c, np.int32(i + c - first) if better else element(winners, k + c))


@kernel
def max_pooling_backward(low, high, d_y, y_frame, winners, d_x, x_frame, shape, pool):
    """Images [low, high): the winner receives the whole gradient, the others nothing."""
    C, size = shape.C, x_frame.rows * x_frame.columns * x_frame.channels
    for n in range(low, high):
        for i in range(n * size, (n + 1) * size):
            put(d_x, i, np.float32(0))
        for oh in range(pool.OH):
            for ow in range(pool.OW):
                o, k = at(y_frame, n, oh, ow), ((n * pool.OH + oh) * pool.OW + ow) * C
                for c in range(C):
                    i = n * size + np.int64(element(winners, k + c))
                    put(d_x, i, element(d_x, i) + element(d_y, o + c))


@kernel
def average_pooling(low, high, x, x_frame, y, y_frame, shape, pool):
    """Images [low, high): the mean of each window. Cost: N × OH × OW × KH × KW × C additions."""
    for n in range(low, high):
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                o, share = at(y_frame, n, oh, ow), np.float32(1) / np.float32((h1 - h0) * (w1 - w0))
                for c in range(shape.C):
                    put(y, o + c, np.float32(0))
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        i = at(x_frame, n, h, w)
                        for c in range(shape.C):
                            put(y, o + c, element(y, o + c) + element(x, i + c))
                for c in range(shape.C):
                    put(y, o + c, element(y, o + c) * share)


@kernel
def average_pooling_backward(low, high, d_y, y_frame, d_x, x_frame, shape, pool):
    """Images [low, high): each pixel of a window receives an equal share."""
    size = x_frame.rows * x_frame.columns * x_frame.channels
    for n in range(low, high):
        for i in range(n * size, (n + 1) * size):
            put(d_x, i, np.float32(0))
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                o, share = at(y_frame, n, oh, ow), np.float32(1) / np.float32((h1 - h0) * (w1 - w0))
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        i = at(x_frame, n, h, w)
                        for c in range(shape.C):
                            put(d_x, i + c, element(d_x, i + c) + element(d_y, o + c) * share)
