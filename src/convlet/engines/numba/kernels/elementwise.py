"""What goes number by number: activations, dropout and rescaling that stand alone, copies; and softmax, row by row.

Arguments
    x, x_frame, y, y_frame   images and outputs with their Frames; `shape` is (H, W, C) of the image proper
    d_y, d_x       gradients, laid out as y and x
    s, s_frame     what an activation's slope is written in terms of, y or x
"""

import math
from typing import NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import (
    BY_INPUTS,
    SOFTMAX,
    WIDTH,
    activate,
    activate_lanes,
    slope,
    slope_lanes,
)
from convlet.engines.numba.simd.vectors import element, fma, load, mul, put, splat, store, total


class ImageSize(NamedTuple):
    """The image proper: what a Frame stores it in may have borders, and more channels."""

    H: int
    W: int
    C: int


@inlined
def first(a):
    """The first of WIDTH lanes that are all the same: their sum, halved exactly as often as it was doubled."""
    return total(a) * np.float32(1 / WIDTH)


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
                whole = shape.C - shape.C % WIDTH
                for c in range(0, whole, WIDTH):
                    store(y, o + c, activate_lanes(code, load(WIDTH, x, i + c)))
                for c in range(whole, shape.C):
                    if code in BY_INPUTS:
                        put(y, o + c, first(activate_lanes(code, splat(WIDTH, element(x, i + c)))))
                    else:
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
def activation_backward(low, high, d_y, y_frame, s, s_frame, d_x, x_frame, shape, code):
    """Images [low, high): d_x from d_y, and from the outputs or the inputs s. d_x and d_y may be the same buffer."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o, k = at(x_frame, n, h, w), at(y_frame, n, h, w), at(s_frame, n, h, w)
                average = np.float32(0)
                if code == SOFTMAX:  # what the probabilities receive on average is taken from each
                    for c in range(shape.C):
                        average += element(d_y, o + c) * element(s, k + c)
                whole = shape.C - shape.C % WIDTH if code != SOFTMAX else 0
                for c in range(0, whole, WIDTH):
                    store(d_x, i + c, mul(load(WIDTH, d_y, o + c), slope_lanes(code, load(WIDTH, s, k + c))))
                for c in range(whole, shape.C):
                    gradient, value = element(d_y, o + c), element(s, k + c)
                    if code == SOFTMAX:
                        put(d_x, i + c, value * (gradient - average))
                    elif code in BY_INPUTS:
                        put(d_x, i + c, gradient * first(slope_lanes(code, splat(WIDTH, value))))
                    else:
                        put(d_x, i + c, gradient * slope(code, value))


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
def rescale(low, high, x, x_frame, y, y_frame, shape, scale, offset):
    """Images [low, high): y = x × scale + offset."""
    whole = shape.C - shape.C % WIDTH
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(0, whole, WIDTH):
                    store(y, o + c, fma(splat(WIDTH, scale), load(WIDTH, x, i + c), splat(WIDTH, offset)))
                for c in range(whole, shape.C):
                    put(y, o + c, scale * element(x, i + c) + offset)


@kernel
def copy(low, high, x, x_frame, y, y_frame, shape):
    """Images [low, high), from one frame to another."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(shape.C):
                    put(y, o + c, element(x, i + c))
