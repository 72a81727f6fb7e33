"""Activations of one number, and of a vector of them, with their slopes.

`activate` and `slope` are the pieces that other kernels finish with. The slope is written in terms of the
activation's output, so nothing else is remembered; where it has to be in terms of the input (`BY_INPUTS`), that is
kept, and the activation has a pass of its own, in `elementwise.py`, as all have that stand alone.
"""

import math

import numpy as np

from convlet.engines.numba.compiling import inlined
from convlet.engines.numba.simd.vectors import (
    add,
    div,
    fma,
    greater,
    maximum,
    mul,
    select,
    splat,
    sub,
)

LINEAR, RELU, TANH, SIGMOID, SOFTMAX, LEAKY, ELU, SILU, GELU, HARD_SWISH = range(10)
CODES = {None: LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID, "softmax": SOFTMAX}
CODES |= {"leaky_relu": LEAKY, "elu": ELU, "silu": SILU, "gelu": GELU, "hard_swish": HARD_SWISH}
BY_INPUTS = (SILU, GELU, HARD_SWISH)
APART = (SOFTMAX, *BY_INPUTS)  # no kernel finishes with these


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


# erf(x) = x p(x²) / q(x²) for |x| ≤ 4, where float32 has only ±1 left: the rational function of Eigen's
# `generic_fast_erf`, no more than 4e-7 off. The normal distribution's Φ(x) is (1 + erf(x / √2)) / 2.
FOUR = np.float32(4)
ERF_P = tuple(
    map(np.float32, (-1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5,
                     -2.10102402082508e-6, 2.77068142495902e-8, -2.72614225801306e-10))
)  # fmt: skip
ERF_Q = tuple(
    map(np.float32, (-1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4,
                     -1.45660718464996e-5))
)  # fmt: skip
SLOPE, THREE, SIXTH = np.float32(0.2), np.float32(3), np.float32(1 / 6)
ROOT_HALF, DENSITY = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))


@inlined
def normal_lanes(x):
    """How much of a normal distribution lies below each of WIDTH numbers: Φ."""
    edge, minus_edge = splat(WIDTH, FOUR), splat(WIDTH, -FOUR)
    t = mul(splat(WIDTH, ROOT_HALF), x)
    t = select(greater(t, edge), edge, t)
    t = select(greater(minus_edge, t), minus_edge, t)
    s = mul(t, t)
    p = fma(s, fma(s, splat(WIDTH, ERF_P[6]), splat(WIDTH, ERF_P[5])), splat(WIDTH, ERF_P[4]))
    p = fma(s, fma(s, p, splat(WIDTH, ERF_P[3])), splat(WIDTH, ERF_P[2]))
    p = fma(s, fma(s, p, splat(WIDTH, ERF_P[1])), splat(WIDTH, ERF_P[0]))
    q = fma(s, fma(s, splat(WIDTH, ERF_Q[4]), splat(WIDTH, ERF_Q[3])), splat(WIDTH, ERF_Q[2]))
    q = fma(s, fma(s, q, splat(WIDTH, ERF_Q[1])), splat(WIDTH, ERF_Q[0]))
    half = splat(WIDTH, HALF)
    return fma(half, div(mul(t, p), q), half)


@inlined
def sigmoid_lanes(x):
    """Of WIDTH numbers."""
    half = splat(WIDTH, HALF)
    return fma(half, tanh_lanes(mul(half, x)), half)


@inlined
def exp_less_one_lanes(x):
    """e^x − 1 of WIDTH numbers of at most 0: with t = tanh(x / 2) it is 2 t / (1 − t), where nothing cancels."""
    t = tanh_lanes(mul(splat(WIDTH, HALF), x))
    return div(mul(splat(WIDTH, TWO), t), sub(splat(WIDTH, ONE), t))


@inlined
def activate(activation, x):
    """The activation of one number. NaN stays NaN. Not for those that stand APART."""
    if activation == RELU:
        return np.float32(0) if x <= 0 else x
    if activation == TANH:
        return tanh(x)
    if activation == SIGMOID:
        return HALF + HALF * tanh(HALF * x)
    if activation == LEAKY:
        return SLOPE * x if x <= 0 else x
    if activation == ELU and x <= 0:
        t = tanh(HALF * x)
        return TWO * t / (ONE - t)
    return x


@inlined
def activate_lanes(activation, x):
    """The activation of WIDTH numbers, of any that goes number by number."""
    zero = splat(WIDTH, np.float32(0))
    if activation == TANH:
        return tanh_lanes(x)
    if activation == SIGMOID:
        return sigmoid_lanes(x)
    if activation == SILU:
        return mul(x, sigmoid_lanes(x))
    if activation == GELU:
        return mul(x, normal_lanes(x))
    if activation == HARD_SWISH:
        return mul(x, mul(_gate_lanes(x), splat(WIDTH, SIXTH)))
    if activation == LEAKY:
        return select(greater(x, zero), x, mul(splat(WIDTH, SLOPE), x))
    if activation == ELU:
        return select(greater(x, zero), x, exp_less_one_lanes(x))
    if activation == RELU:
        return maximum(x, zero)
    return x


@inlined
def _gate_lanes(x):
    """x + 3, but at least 0 and at most 6."""
    zero, six = splat(WIDTH, np.float32(0)), splat(WIDTH, TWO * THREE)
    above = maximum(add(x, splat(WIDTH, THREE)), zero)
    return select(greater(above, six), six, above)


@inlined
def slope_lanes(activation, s):
    """The derivative for WIDTH outputs, or inputs where it is written in terms of them (`BY_INPUTS`)."""
    zero, one = splat(WIDTH, np.float32(0)), splat(WIDTH, ONE)
    if activation == TANH:
        return fma(sub(zero, s), s, one)
    if activation == SIGMOID:
        return mul(s, sub(one, s))
    if activation == SILU:
        gate = sigmoid_lanes(s)
        return mul(gate, fma(s, sub(one, gate), one))
    if activation == GELU:  # Φ + x φ, where φ = e^(−x² / 2) / √(2π)
        power = add(one, exp_less_one_lanes(mul(splat(WIDTH, -HALF), mul(s, s))))
        return fma(mul(s, splat(WIDTH, DENSITY)), power, normal_lanes(s))
    if activation == HARD_SWISH:
        three, minus_three, sixth = splat(WIDTH, THREE), splat(WIDTH, -THREE), splat(WIDTH, SIXTH)
        between = mul(fma(splat(WIDTH, TWO), s, three), sixth)
        inside = select(greater(three, s), between, one)
        return select(greater(s, minus_three), inside, zero)
    if activation == LEAKY:
        return select(greater(s, zero), one, splat(WIDTH, SLOPE))
    if activation == ELU:
        return select(greater(s, zero), one, add(one, s))
    if activation == RELU:
        return select(greater(s, zero), one, zero)
    return one


@inlined
def slope(activation, y):
    """The activation's derivative, where its output is y."""
    if activation == RELU:
        return np.float32(1) if y > 0 else np.float32(0)
    if activation == TANH:
        return np.float32(1) - y * y
    if activation == SIGMOID:
        return y * (np.float32(1) - y)
    if activation == LEAKY:
        return np.float32(1) if y > 0 else SLOPE
    if activation == ELU:
        return np.float32(1) if y > 0 else np.float32(1) + y
    return np.float32(1)
