"""Stochastic gradient descent, with or without momentum."""

from dataclasses import dataclass

from convlet.checks import number, true_or_false
from convlet.descriptions.optimizers.optimizer import Array, Optimizer, Slots
from convlet.descriptions.schedules import Schedule
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError


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

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int, decays: bool = True
    ) -> None:
        if self.weight_decay and decays:
            parameter -= rate * self.weight_decay * parameter
        if not self.momentum:
            parameter -= rate * gradient
            return
        velocity = slots["velocity"]
        velocity *= self.momentum
        velocity -= rate * gradient
        parameter += self.momentum * velocity - rate * gradient if self.nesterov else velocity
