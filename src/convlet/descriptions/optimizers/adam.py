"""Adam, and what it is called with the weight decay that suits it."""

import math
from dataclasses import dataclass, field

import numpy as np

from convlet.checks import number
from convlet.descriptions.optimizers.optimizer import Array, Optimizer, Slots
from convlet.descriptions.schedules import Schedule
from convlet.descriptions.tables import set_canonical


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

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int, decays: bool = True
    ) -> None:
        m, v = slots["m"], slots["v"]
        if self.weight_decay and decays:
            parameter -= rate * self.weight_decay * parameter
        m += (1 - self.beta_1) * (gradient - m)
        v += (1 - self.beta_2) * (gradient * gradient - v)
        parameter -= self.corrected(rate, step) * m / (np.sqrt(v) + self.epsilon)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay of the kernels alone: what other libraries call by this name.

    It is `Adam` with other defaults, for there too decay is decoupled.
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """

    weight_decay: float = 0.01
    decays: str = field(default="kernels", kw_only=True)
