"""The depthwise convolution: each channel by a kernel of its own, WIDTH channels at a time.

Padding is not stored: a window's pixels outside the image are left out. Arguments as in `pooling.py`, and

    weights   (KH, KW, C), bias (C) or nothing
    partial   (N, KH × KW × C + C): each image's part of the gradients of weights and bias, summed by `sum_images`
"""

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import WIDTH, at
from convlet.engines.numba.kernels.pooling import window
from convlet.engines.numba.simd.vectors import element, fma, load, put, splat, store


@kernel
def forward(low, high, x, x_frame, weights, bias, y, y_frame, shape, pool):
    """Images [low, high): the sums, bias included. Cost: N × OH × OW × KH × KW × C multiply-adds."""
    C, whole = shape.C, shape.C - shape.C % WIDTH
    for n in range(low, high):
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                o, above, before = at(y_frame, n, oh, ow), oh * pool.SH - pool.top, ow * pool.SW - pool.left
                for c in range(0, whole, WIDTH):
                    a = load(WIDTH, bias, c) if len(bias) > 0 else splat(WIDTH, np.float32(0))
                    for h in range(h0, h1):
                        for w in range(w0, w1):
                            k = ((h - above) * pool.KW + w - before) * C + c
                            a = fma(load(WIDTH, x, at(x_frame, n, h, w) + c), load(WIDTH, weights, k), a)
                    store(y, o + c, a)
                for c in range(whole, C):
                    value = element(bias, c) if len(bias) > 0 else np.float32(0)
                    for h in range(h0, h1):
                        for w in range(w0, w1):
                            k = ((h - above) * pool.KW + w - before) * C + c
                            value += element(x, at(x_frame, n, h, w) + c) * element(weights, k)
                    put(y, o + c, value)


@kernel
def d_weights(low, high, x, x_frame, d_y, y_frame, partial, shape, pool):
    """Images [low, high): their parts of the gradients. Cost as that of `forward`."""
    C = shape.C
    size = (pool.KH * pool.KW + 1) * C
    for n in range(low, high):
        for i in range(n * size, (n + 1) * size):
            put(partial, i, np.float32(0))
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                o, above, before = at(y_frame, n, oh, ow), oh * pool.SH - pool.top, ow * pool.SW - pool.left
                _add(partial, (n + 1) * size - C, d_y, o, C)
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        p = n * size + ((h - above) * pool.KW + w - before) * C
                        _add_products(partial, p, x, at(x_frame, n, h, w), d_y, o, C)


@kernel
def sum_images(low, high, partial, N, size, first, total):
    """total[i] = Σ partial[n, first + i] over the images, in order, for i in [low, high)."""
    for i in range(low, high):
        value = 0.0
        for n in range(N):
            value += element(partial, n * size + first + i)
        put(total, i, np.float32(value))


@kernel
def d_images(low, high, weights, d_y, y_frame, d_x, x_frame, shape, pool):
    """Images [low, high): what each output sends back to the pixels under its window. Cost as that of `forward`."""
    C, size = shape.C, x_frame.rows * x_frame.columns * x_frame.channels
    for n in range(low, high):
        for i in range(n * size, (n + 1) * size):
            put(d_x, i, np.float32(0))
        for oh in range(pool.OH):
            h0, h1 = window(oh, pool.SH, pool.top, pool.KH, shape.H)
            for ow in range(pool.OW):
                w0, w1 = window(ow, pool.SW, pool.left, pool.KW, shape.W)
                o, above, before = at(y_frame, n, oh, ow), oh * pool.SH - pool.top, ow * pool.SW - pool.left
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        k = ((h - above) * pool.KW + w - before) * C
                        _add_products(d_x, at(x_frame, n, h, w), weights, k, d_y, o, C)


@inlined
def _add_products(total, t, a, i, b, j, C):
    """total[t:] += a[i:] × b[j:], C numbers."""
    whole = C - C % WIDTH
    for c in range(0, whole, WIDTH):
        store(total, t + c, fma(load(WIDTH, a, i + c), load(WIDTH, b, j + c), load(WIDTH, total, t + c)))
    for c in range(whole, C):
        put(total, t + c, element(total, t + c) + element(a, i + c) * element(b, j + c))


@inlined
def _add(total, t, a, i, C):
    """total[t:] += a[i:], C numbers."""
    for c in range(C):
        put(total, t + c, element(total, t + c) + element(a, i + c))
