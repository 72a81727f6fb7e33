"""How weights move, in registers: the optimizers' rules (`convlet.descriptions.optimizers`) on one vector at a time.

The rule is the same wherever a gradient is finished: in the dense layer's backward pass, where the gradient never
leaves its registers, and in `update_parameters`, for the gradients that come as arrays.

    taken (int64)        how many steps were taken
    settings (float32)   what the rule needs in this step, as `rule` and `settings` lay it out
    slots a, b           m and v (Adam), or the velocity and nothing (SGD with momentum), shaped like the weights
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlet.descriptions.optimizers import SGD, Adam, Optimizer
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


def rule(optimizer: Optimizer | None) -> int:
    """The optimizer's rule, as kernels know it; NONE without one."""
    match optimizer:
        case Adam():
            return ADAM
        case SGD():
            return (NESTEROV if optimizer.nesterov else MOMENTUM) if optimizer.momentum else PLAIN
        case None:
            return NONE
    raise TypeError(f"no rule for {type(optimizer).__name__}")


def settings(optimizer: Optimizer, rate: float, step: int) -> tuple[float, ...]:
    """(share of the weight that decay leaves, rate, first, second, ε) in this step, counted from 1."""
    decay = getattr(optimizer, "weight_decay", 0.0)
    match optimizer:
        case Adam():
            corrected = optimizer.corrected(rate, step)
            return 1 - rate * decay, corrected, 1 - optimizer.beta_1, 1 - optimizer.beta_2, optimizer.epsilon
        case SGD():
            return 1 - rate * decay, rate, optimizer.momentum, 0.0, 0.0
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
def update_parameters(low, high, rule, settings, w, a, b, gradient):
    """Move weights [low, high), given their gradients. Cost: reads and writes each array once."""
    i = low
    while i + LANES <= high:
        update_block(rule, settings, w, a, b, i, load(LANES, gradient, i))
        i += LANES
    while i < high:
        update_one(rule, settings, w, a, b, i, load(1, gradient, i))
        i += 1


@kernel
def count_step(low, high, taken):
    """The end of a step. A pass that ended before, for want of a finite loss, does not count as one."""
    put(taken, 0, element(taken, 0) + (high - low))
