"""The sum of two values, with or without ReLU: the end of a residual block, and a gradient that two blocks give.

Arguments as in `elementwise.py`; a and b are laid out by Frames of their own, and `relu` is 0 or 1.
"""

import numpy as np

from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.kernels.activations import WIDTH
from convlet.engines.numba.kernels.elementwise import at
from convlet.engines.numba.simd.vectors import add as sum_of
from convlet.engines.numba.simd.vectors import element, greater, load, maximum, put, select, splat, store


@kernel
def add(low, high, a, a_frame, b, b_frame, y, y_frame, shape, relu):
    """Images [low, high): y = a + b, or with `relu` the larger of that and 0. y may be a or b."""
    whole = shape.C - shape.C % WIDTH
    zero = splat(WIDTH, np.float32(0))
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, j, o = at(a_frame, n, h, w), at(b_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(0, whole, WIDTH):
                    total = sum_of(load(WIDTH, a, i + c), load(WIDTH, b, j + c))
                    store(y, o + c, maximum(total, zero) if relu else total)
                for c in range(whole, shape.C):
                    value = element(a, i + c) + element(b, j + c)
                    put(y, o + c, np.float32(0) if relu and value <= 0 else value)


@kernel
def add_backward(low, high, d_y, y, y_frame, d_a, a_frame, d_b, b_frame, shape, relu):
    """Images [low, high): d_y to both, where the sum was above 0 or there is no `relu`."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, j, o = at(a_frame, n, h, w), at(b_frame, n, h, w), at(y_frame, n, h, w)
                _hand_on(d_y, y, o, d_a, i, shape.C, relu)
                _hand_on(d_y, y, o, d_b, j, shape.C, relu)


@kernel
def add_backward_one(low, high, d_y, y, y_frame, d_x, x_frame, shape, relu):
    """The same for one of them, where nobody wants the other's."""
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                _hand_on(d_y, y, at(y_frame, n, h, w), d_x, at(x_frame, n, h, w), shape.C, relu)


@inlined
def _hand_on(d_y, y, o, d_x, i, C, relu):
    """The gradient of one pixel."""
    whole = C - C % WIDTH
    zero = splat(WIDTH, np.float32(0))
    for c in range(0, whole, WIDTH):
        gradient = load(WIDTH, d_y, o + c)
        store(d_x, i + c, select(greater(load(WIDTH, y, o + c), zero), gradient, zero) if relu else gradient)
    for c in range(whole, C):
        put(d_x, i + c, np.float32(0) if relu and not element(y, o + c) > 0 else element(d_y, o + c))
