"""Our optimizers in Keras's operations, as functions without side effects: the same formulas on every backend.

Not Keras's own: those know no rate for each parameter, and correct Adam's rate in float32. What changes from step to
step, rates and decay, is computed outside, in Python's floats, and given.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam, Muon, Optimizer
from convlet.descriptions.optimizers.muon import COEFFICIENTS, ITERATIONS, TINY, stretch
from convlet.engines.keras.model import Models, Tensor, Values


class Learning:
    """An optimizer for a network's Keras variables: the arrays it remembers, the averages it keeps, and its step."""

    def __init__(self, optimizer: Optimizer, network: Sequential, models: Models) -> None:
        self.optimizer, rules = optimizer, optimizer.update_rules(network)
        learnt, variables = models.learnt, models.variables
        self.rules = {name: rules[name] for name in learnt}
        self.slots: dict[str, keras.Variable] = {
            f"{name}/{slot}": keras.Variable(np.zeros(variable.shape), dtype=variable.dtype, trainable=False)
            for name, variable in learnt.items()
            for slot in self.rules[name].optimizer.slots
        }
        self.averages: dict[str, keras.Variable] = {
            name: keras.Variable(np.zeros(variables[name].shape), dtype=variables[name].dtype, trainable=False)
            for name in optimizer.averaged(network)
        }

    def rates(self, learning_rate: float, step: int) -> NDArray[np.float64]:
        """What changes from step to step, counted from 1: (parameters + 1, 2).

        For each parameter the share that decay leaves and the rate; then how averages are pulled.
        """
        rows = []
        for rule in self.rules.values():
            rate = learning_rate * rule.factor
            corrected = rule.optimizer.corrected(rate, step) if isinstance(rule.optimizer, Adam) else rate
            rows.append((1 - rate * rule.decay, corrected))
        rows.append(self.optimizer.average.pull(step) if self.optimizer.average else (0.0, False))
        return np.array(rows)

    def follow(self, values: Values, averages: Values, rates: Tensor) -> tuple[Values, Values]:
        """The values and averages after the averages have followed a step."""
        share, back = rates[-1, 0], rates[-1, 1]
        averages = {name: average + share * (values[name] - average) for name, average in averages.items()}
        gone_back = {name: ops.where(back > 0, average, values[name]) for name, average in averages.items()}
        return {**values, **gone_back}, averages

    def step(self, values: Values, slots: Values, gradients: Values, rates: Tensor) -> tuple[Values, Values]:
        """The values and slots after a step, with the rates of that step."""
        values, slots = dict(values), dict(slots)
        for i, (name, gradient) in enumerate(self._clipped(gradients).items()):
            rule = self.rules[name].optimizer
            own = {slot: slots[f"{name}/{slot}"] for slot in rule.slots}
            values[name], own = _moved(rule, rates[i, 0] * values[name], own, gradient, rates[i, 1])
            slots |= {f"{name}/{slot}": array for slot, array in own.items()}
        return values, slots

    def apply(self, models: Models, gradients: Sequence[Tensor], measured: Values, rates: Tensor) -> None:
        """Take a step where the variables themselves hold the values."""
        named = dict(zip(models.learnt, gradients, strict=True))
        values = {name: variable.value for name, variable in models.variables.items()}
        values, slots = self.step(values, {name: held.value for name, held in self.slots.items()}, named, rates)
        averages = {name: held.value for name, held in self.averages.items()}
        values, averages = self.follow(values | measured, averages, rates)
        moved = {name: values[name] for name in models.learnt.keys() | measured.keys() | averages.keys()}
        for variables, now in ((models.variables, moved), (self.slots, slots), (self.averages, averages)):
            for name, value in now.items():
                variables[name].assign(value)

    def _clipped(self, gradients: Values) -> Values:
        if self.optimizer.clip_norm is None:
            return gradients
        norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients.values()))
        scale = ops.where(norm > self.optimizer.clip_norm, self.optimizer.clip_norm / norm, ops.ones_like(norm))
        return {name: scale * gradient for name, gradient in gradients.items()}


def averages_of(learning: Learning | None) -> Values:
    """What a network predicts with in place of its own values."""
    return {name: held.value for name, held in learning.averages.items()} if learning else {}


def _moved(rule: Optimizer, weight: Tensor, slots: dict[str, Any], g: Tensor, rate: Tensor) -> tuple[Tensor, Values]:
    """A weight, of which decay has taken its share, and its slots, after a step."""
    match rule:
        case Adam():
            m = slots["m"] + (1 - rule.beta_1) * (g - slots["m"])
            v = slots["v"] + (1 - rule.beta_2) * (g * g - slots["v"])
            return weight - rate * m / (ops.sqrt(v) + rule.epsilon), {"m": m, "v": v}
        case SGD() if not rule.momentum:
            return weight - rate * g, {}
        case SGD():
            velocity = rule.momentum * slots["velocity"] - rate * g
            taken = rule.momentum * velocity - rate * g if rule.nesterov else velocity
            return weight + taken, {"velocity": velocity}
        case Muon():
            velocity = rule.momentum * slots["velocity"] + g
            direction = g + rule.momentum * velocity if rule.nesterov else velocity
            moved = stretch(g.shape) * ops.reshape(_orthogonal(ops.reshape(direction, (-1, g.shape[-1]))), g.shape)
            return weight - rate * moved, {"velocity": velocity}
    raise TypeError(f"no rule for {type(rule).__name__}")


def _orthogonal(matrix: Tensor) -> Tensor:
    """`convlet.descriptions.optimizers.muon.orthogonal`, of a matrix or its transpose."""
    a, b, c = COEFFICIENTS
    x = matrix / (ops.sqrt(ops.sum(ops.square(matrix))) + TINY)
    flat = matrix.shape[0] <= matrix.shape[1]
    x = x if flat else ops.transpose(x)
    for _ in range(ITERATIONS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x if flat else ops.transpose(x)
