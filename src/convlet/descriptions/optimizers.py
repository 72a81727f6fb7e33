"""How weights move: SGD and Adam, as descriptions, each with the reference update in NumPy.

`update` changes a parameter and its slots in place, given the gradient, the learning rate and the number of the
step, counted from 1. A slot is an array of the parameter's own shape that the optimizer remembers between steps.
Weight decay is decoupled in both (each step first takes rate × weight_decay off every weight; Loshchilov and Hutter,
"Decoupled weight decay regularization", ICLR 2019), as in Keras.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import number, true_or_false
from convlet.descriptions.schedules import SCHEDULES, Schedule
from convlet.descriptions.tables import Table, from_table, kinds, set_canonical, to_table
from convlet.errors import InputError

Array = NDArray[Any]
Slots = dict[str, Array]

__all__ = ["SGD", "Adam", "Optimizer"]


def _checked_rate(rate: Any) -> float | Schedule:
    if callable(getattr(rate, "at", None)) and not isinstance(rate, type):
        schedule: Schedule = rate
        return schedule
    return number("learning_rate", rate, low=0, open_low=True)


@dataclass(frozen=True)
class Optimizer:
    """What every optimizer has. `learning_rate` is a number or a schedule."""

    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        set_canonical(self, learning_rate=_checked_rate(self.learning_rate))

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays it remembers for each parameter."""
        return ()

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (from 0) of a run of `steps`."""
        schedule = self.learning_rate
        return schedule if isinstance(schedule, float) else schedule.at(step / steps)

    def update(self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int) -> None:
        """One step of one parameter, in place. `slots` holds its arrays by name; `step` counts from 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where it is above 0.

        velocity ← momentum × velocity − rate × gradient
        weight   ← weight + velocity                                          (plain)
        weight   ← weight + momentum × velocity − rate × gradient             (Nesterov)

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013,
    equations 1–4; in the form Keras uses.
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, momentum=number("momentum", self.momentum, low=0, high=1))
        set_canonical(self, nesterov=true_or_false("nesterov", self.nesterov))
        set_canonical(self, weight_decay=number("weight_decay", self.weight_decay, low=0))
        if self.nesterov and not self.momentum:
            raise InputError(f"nesterov=True with momentum={self.momentum!r}: give a momentum above 0, such as 0.9.")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int) -> None:
        if self.weight_decay:
            parameter -= rate * self.weight_decay * parameter
        if not self.momentum:
            parameter -= rate * gradient
            return
        velocity = slots["velocity"]
        velocity *= self.momentum
        velocity -= rate * gradient
        parameter += self.momentum * velocity - rate * gradient if self.nesterov else velocity


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, with ε outside the bias correction ("epsilon hat"), as TensorFlow and Keras have it.

        m ← β₁ m + (1 − β₁) gradient            v ← β₂ v + (1 − β₂) gradient²
        weight ← weight − rate × √(1 − β₂ᵗ) / (1 − β₁ᵗ) × m / (√v + ε)

    PyTorch, and algorithm 1 of the paper, add ε after correcting v instead; theirs is ours with ε × √(1 − β₂ᵗ), so
    the two differ in the first steps only. ε is 1e-8 as in the paper and TensorFlow 1; Keras's default is 1e-7.
    Source: Kingma and Ba, "Adam", ICLR 2015, the end of section 2.
    """

    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, beta_1=number("beta_1", self.beta_1, low=0, high=1))
        set_canonical(self, beta_2=number("beta_2", self.beta_2, low=0, high=1))
        set_canonical(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))
        set_canonical(self, weight_decay=number("weight_decay", self.weight_decay, low=0))

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def corrected(self, rate: float, step: int) -> float:
        """The learning rate with both bias corrections, at step `step` (from 1)."""
        return rate * math.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)

    def update(self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int) -> None:
        m, v = slots["m"], slots["v"]
        if self.weight_decay:
            parameter -= rate * self.weight_decay * parameter
        m += (1 - self.beta_1) * (gradient - m)
        v += (1 - self.beta_2) * (gradient * gradient - v)
        parameter -= self.corrected(rate, step) * m / (np.sqrt(v) + self.epsilon)


OPTIMIZERS = kinds(SGD, Adam)


def optimizer_to_table(optimizer: Optimizer) -> Table:
    """The optimizer as plain text and numbers; its learning rate is always written."""
    table = to_table(optimizer)
    return {"type": table["type"], "learning_rate": optimizer.learning_rate, **table}


def optimizer_from_table(table: Table, where: str = "optimizer") -> Optimizer:
    """The optimizer that a table stands for. Raises RecipeError."""
    optimizer: Optimizer = from_table(table, OPTIMIZERS, where, {"learning_rate": SCHEDULES})
    return optimizer
