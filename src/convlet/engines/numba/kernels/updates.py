"""How weights move, in registers: the optimizers' rules (`convlet.descriptions.optimizers`) on one vector at a time.

The rule is the same wherever a gradient is finished: in the dense layer's backward pass, where the gradient never
leaves its registers, and in `update_parameters`, for the gradients that come as arrays.

    taken (int64)        how many steps were taken
    settings (float32)   what the rule needs in this step, as `rule` and `settings` lay it out
    slots a, b           m and v (Adam), or the velocity and nothing (SGD with momentum), shaped like the weights
    scale (float32)      what every gradient that comes as an array is multiplied by: below 1 where they are clipped
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.descriptions.optimizers import SGD, Adam, Muon, Optimizer, UpdateRule
from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.simd.vectors import (
    add,
    broadcast,
    div,
    element,
    fma,
    load,
    mul,
    put,
    splat,
    sqrt,
    store,
    sub,
)

NONE, PLAIN, MOMENTUM, NESTEROV, ADAM = range(5)  # NONE: the gradient itself is stored in slot a
DECAY, RATE, FIRST, SECOND, EPSILON = range(5)  # places in settings
SETTINGS = 8
LANES = 32
BLOCK = 8192  # weights that are moved, or squared, together


def rule(optimizer: Optimizer) -> int:
    """The optimizer's rule, as kernels know it."""
    match optimizer:
        case Adam():
            return ADAM
        case SGD():
            return (NESTEROV if optimizer.nesterov else MOMENTUM) if optimizer.momentum else PLAIN
    raise TypeError(f"no rule for {type(optimizer).__name__}")


def settings(rule: UpdateRule, learning_rate: float, step: int) -> tuple[float, ...]:
    """(share of the weight that decay leaves, rate, first, second, ε) in this step, counted from 1."""
    optimizer, rate, decay = rule.optimizer, learning_rate * rule.factor, rule.decay
    match optimizer:
        case Adam():
            corrected = optimizer.corrected(rate, step)
            return 1 - rate * decay, corrected, 1 - optimizer.beta_1, 1 - optimizer.beta_2, optimizer.epsilon
        case SGD():
            return 1 - rate * decay, rate, optimizer.momentum, 0.0, 0.0
        case Muon():
            return 1 - rate * decay, rate, optimizer.momentum, float(optimizer.nesterov)  # as `muon.py` has them
    raise TypeError(f"no rule for {type(optimizer).__name__}")


def update_of(lanes: int) -> Callable[..., Any]:
    """The function that moves `lanes` weights by their gradient g, a vector."""

    @inlined
    def update(rule, settings, w, a, b, i, g):
        if rule == NONE:
            store(a, i, g)
            return
        weight = mul(broadcast(lanes, settings, DECAY), load(lanes, w, i))
        minus_rate = sub(splat(lanes, np.float32(0)), broadcast(lanes, settings, RATE))
        if rule == ADAM:
            m, v = load(lanes, a, i), load(lanes, b, i)
            m = fma(broadcast(lanes, settings, FIRST), sub(g, m), m)
            v = fma(broadcast(lanes, settings, SECOND), sub(mul(g, g), v), v)
            store(a, i, m)
            store(b, i, v)
            weight = fma(minus_rate, div(m, add(sqrt(v), broadcast(lanes, settings, EPSILON))), weight)
        elif rule == PLAIN:
            weight = fma(minus_rate, g, weight)
        else:
            velocity = fma(broadcast(lanes, settings, FIRST), load(lanes, a, i), mul(minus_rate, g))
            store(a, i, velocity)
            if rule == NESTEROV:
                velocity = fma(broadcast(lanes, settings, FIRST), velocity, mul(minus_rate, g))
            weight = add(weight, velocity)
        store(w, i, weight)

    return update


update_block, update_one = update_of(LANES), update_of(1)


@kernel
def update_parameters(low, high, rule, settings, scale, w, a, b, gradient):
    """Move weights [low, high), given their gradients. Cost: reads and writes each array once."""
    i, many, one = low, broadcast(LANES, scale, 0), broadcast(1, scale, 0)
    while i + LANES <= high:
        update_block(rule, settings, w, a, b, i, mul(many, load(LANES, gradient, i)))
        i += LANES
    while i < high:
        update_one(rule, settings, w, a, b, i, mul(one, load(1, gradient, i)))
        i += 1


@kernel
def sum_squares(low, high, gradient, sums, first):
    """The sum of squares of each of the blocks [low, high) of a gradient, to sums[first + block] (float64)."""
    for block in range(low, high):
        total = 0.0
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(gradient))):
            g = np.float64(element(gradient, i))
            total += g * g
        put(sums, first + block, total)


@kernel
def clip(low, high, sums, clip_norm, scale):
    """What all gradients are to be multiplied by, given their squares' sums: scale[0]."""
    total = 0.0
    for i in range(len(sums)):
        total += element(sums, i)
    norm, most = math.sqrt(total), element(clip_norm, 0)
    put(scale, 0, np.float32(most / norm) if norm > most else np.float32(1))


@kernel
def follow(low, high, pull, w, average):
    """Let the averages of weights [low, high) go pull[0] of the way to them; and weights go there, if pull[1]."""
    share, back = element(pull, 0), element(pull, 1) != 0
    if share == 0:
        return
    for i in range(low, high):
        moved = element(average, i) + share * (element(w, i) - element(average, i))
        put(average, i, moved)
        if back:
            put(w, i, moved)


@kernel
def count_step(low, high, taken):
    """The end of a step. A pass that ended before, for want of a finite loss, does not count as one."""
    put(taken, 0, element(taken, 0) + (high - low))
