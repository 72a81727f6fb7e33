"""What follows a convolution while its outputs are still in registers: ReLU and pooling.

`winners` (int8) remember what the backward pass needs of it: which of a pooling window's outputs, in scan order, was
the maximum (the first one, in a tie), or CLOSED where a ReLU let nothing through. A convolution with ReLU and no
pooling is the same with windows of one output: 0 or CLOSED.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import inlined
from convlet.engines.numba.kernels.activations import RELU
from convlet.engines.numba.simd.vectors import either, either_nan, greater, maximum, select, splat, to_int8

CLOSED = 4


def relu_of(lanes: int) -> Callable[..., Any]:
    """ReLU of `lanes` outputs, and its winners."""

    @inlined
    def relu(a):
        zero = splat(lanes, np.float32(0))
        winner = select(greater(a, zero), zero, splat(lanes, np.float32(CLOSED)))
        return maximum(a, zero), to_int8(winner)

    return relu


@inlined
def floor_of(activation):
    """What no output is below: 0 after ReLU."""
    return np.float32(0) if activation == RELU else np.float32(-np.inf)


def relu_pool_of(lanes: int) -> Callable[..., Any]:
    """The maximum of four outputs and a floor, and its winners, for `lanes` filters. NaN if one of them is NaN.

    Winners are float32 until the end: masks of float32 lanes select among int8 lanes only after being packed.
    """

    @inlined
    def relu_pool(a, b, c, d, floor):
        zero = splat(lanes, np.float32(0))
        better = greater(b, a)
        best, winner = select(better, b, a), select(better, splat(lanes, np.float32(1)), zero)
        better = greater(c, best)
        best, winner = select(better, c, best), select(better, splat(lanes, np.float32(2)), winner)
        better = greater(d, best)
        best, winner = select(better, d, best), select(better, splat(lanes, np.float32(3)), winner)
        alive = greater(best, floor)
        best, winner = select(alive, best, floor), select(alive, winner, splat(lanes, np.float32(CLOSED)))
        nan = either(either_nan(a, b), either_nan(c, d))  # comparisons with NaN are false: it would get lost
        return select(nan, splat(lanes, np.float32(np.nan)), best), to_int8(winner)

    return relu_pool


relu8, relu16 = relu_of(8), relu_of(16)
relu_pool8, relu_pool16 = relu_pool_of(8), relu_pool_of(16)
