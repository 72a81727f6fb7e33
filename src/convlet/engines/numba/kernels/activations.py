"""Activations and dropout, number by number, and softmax, row by row.

`activate` and `slope` are the pieces that other kernels finish with. The slope is written in terms of the
activation's output, so nothing else is remembered. The kernels below them are for layers that stand alone.

Arguments
    x, x_frame, y, y_frame   images and outputs with their Frames; `shape` is (H, W, C) of the image proper
    d_y, d_x       gradients, laid out as y and x
"""

import math
from typing import NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.simd.vectors import div, element, fma, greater, load, mul, put, select, splat, store

LINEAR, RELU, TANH, SIGMOID, SOFTMAX = range(5)
CODES = {None: LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID, "softmax": SOFTMAX}


class ImageSize(NamedTuple):
    """The image proper: what a Frame stores it in may have borders, and more channels."""

    H: int
    W: int
    C: int


# tanh(t) for |t| ≤ 9/4, by seven levels of Lambert's continued fraction t / (1 + t² / (3 + t² / (5 + …))) (1768),
# written as t p(t²) / q(t²). From there to |x| ≤ 9, where float32 has only 1 left, by tanh(2t) = 2 p q / (p² + q²),
# twice, and one division at the end. No more than 5 roundings off; ten times as fast as the C library's, number by
# number, since all lanes do the same.
EDGE = np.float32(9)
P = tuple(np.float32(c / 135135) for c in (17325, 378, 1))
Q = tuple(np.float32(c / 135135) for c in (62370, 3150, 28))
ONE, TWO, HALF, QUARTER = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0.25)
WIDTH = 8  # lanes: outputs come in multiples of 8 filters


@inlined
def tanh(x):
    """Of one number. NaN stays NaN."""
    x = EDGE if x > EDGE else -EDGE if x < -EDGE else x
    t = QUARTER * x
    s = t * t
    p = t * (ONE + s * (P[0] + s * (P[1] + s * P[2])))
    q = ONE + s * (Q[0] + s * (Q[1] + s * Q[2]))
    p, q = TWO * p * q, p * p + q * q
    p, q = TWO * p * q, p * p + q * q
    return p / q


@inlined
def tanh_lanes(x):
    """The same of WIDTH numbers."""
    edge, minus_edge = splat(WIDTH, EDGE), splat(WIDTH, -EDGE)
    x = select(greater(x, edge), edge, x)
    x = select(greater(minus_edge, x), minus_edge, x)
    one, two = splat(WIDTH, ONE), splat(WIDTH, TWO)
    t = mul(splat(WIDTH, QUARTER), x)
    s = mul(t, t)
    p = fma(s, fma(s, splat(WIDTH, P[2]), splat(WIDTH, P[1])), splat(WIDTH, P[0]))
    q = fma(s, fma(s, splat(WIDTH, Q[2]), splat(WIDTH, Q[1])), splat(WIDTH, Q[0]))
    p, q = mul(t, fma(s, p, one)), fma(s, q, one)
    p, q = mul(two, mul(p, q)), fma(p, p, mul(q, q))
    p, q = mul(two, mul(p, q)), fma(p, p, mul(q, q))
    return div(p, q)


@inlined
def activate(activation, x):
    """The activation of one number. NaN stays NaN."""
    if activation == RELU:
        return np.float32(0) if x <= 0 else x
    if activation == TANH:
        return tanh(x)
    if activation == SIGMOID:
        return HALF + HALF * tanh(HALF * x)
    return x


@inlined
def activate_lanes(activation, x):
    """The same of WIDTH numbers, for tanh and sigmoid."""
    if activation == SIGMOID:
        half = splat(WIDTH, HALF)
        return fma(half, tanh_lanes(mul(half, x)), half)
    return tanh_lanes(x)


@inlined
def slope(activation, y):
    """The activation's derivative, where its output is y."""
    if activation == RELU:
        return np.float32(1) if y > 0 else np.float32(0)
    if activation == TANH:
        return np.float32(1) - y * y
    if activation == SIGMOID:
        return y * (np.float32(1) - y)
    return np.float32(1)


@inlined
def at(frame, n, h, w):
    """Where pixel (h, w) of image n begins in a buffer."""
    return ((n * frame.rows + frame.top + h) * frame.columns + frame.left + w) * frame.channels


@kernel
def activation(low, high, x, x_frame, y, y_frame, shape, code):
    """Images [low, high): y = the activation of x. x and y may be the same buffer."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                whole = shape.C - shape.C % WIDTH if code in (TANH, SIGMOID) else 0
                for c in range(0, whole, WIDTH):
                    store(y, o + c, activate_lanes(code, load(WIDTH, x, i + c)))
                for c in range(whole, shape.C):
                    put(y, o + c, activate(code, element(x, i + c)))
                if code == SOFTMAX:
                    _softmax(y, o, shape.C)


@inlined
def _softmax(y, o, C):
    largest = element(y, o)
    for c in range(1, C):
        largest = max(largest, element(y, o + c))
    total = np.float32(0)
    for c in range(C):
        value = np.float32(math.exp(element(y, o + c) - largest))
        put(y, o + c, value)
        total += value
    for c in range(C):
        put(y, o + c, element(y, o + c) / total)


@kernel
def activation_backward(low, high, d_y, y, y_frame, d_x, x_frame, shape, code):
    """Images [low, high): d_x from d_y and the outputs y. d_x and d_y may be the same buffer."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                average = np.float32(0)
                if code == SOFTMAX:  # what the probabilities receive on average is taken from each
                    for c in range(shape.C):
                        average += element(d_y, o + c) * element(y, o + c)
                for c in range(shape.C):
                    gradient = element(d_y, o + c)
                    if code == SOFTMAX:
                        put(d_x, i + c, element(y, o + c) * (gradient - average))
                    else:
                        put(d_x, i + c, gradient * slope(code, element(y, o + c)))


@kernel
def dropout(low, high, x, x_frame, keep, y, y_frame, shape, scale):
    """Images [low, high): the values that `keep` (N, H, W, C) keeps, times `scale`. Backward is the same."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o, k = at(x_frame, n, h, w), at(y_frame, n, h, w), ((n * shape.H + h) * shape.W + w) * shape.C
                for c in range(shape.C):
                    put(y, o + c, element(x, i + c) * (scale if element(keep, k + c) else np.float32(0)))


@kernel
def copy(low, high, x, x_frame, y, y_frame, shape):
    """Images [low, high), from one frame to another."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(shape.C):
                    put(y, o + c, element(x, i + c))
