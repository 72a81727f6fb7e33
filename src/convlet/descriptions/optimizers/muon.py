"""Muon: momentum made orthogonal, for kernels; all other parameters move by Adam."""

import math
from dataclasses import dataclass, field

import numpy as np

from convlet.checks import Shape, number, true_or_false
from convlet.descriptions.layers import Parameter
from convlet.descriptions.optimizers.adam import Adam
from convlet.descriptions.optimizers.optimizer import Array, Optimizer, Slots
from convlet.descriptions.schedules import Schedule
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
TINY = 1e-7  # beside a norm that may be 0


@dataclass(frozen=True)
class Muon(Optimizer):
    """Momentum whose direction is made orthogonal, so that a kernel is moved by as much in every direction.

        velocity ← momentum × velocity + gradient
        u        ← velocity                                   (plain),   gradient + momentum × velocity   (Nesterov)
        weight   ← weight − rate × √max(1, F / R) × orthogonal(u)

    A kernel is taken for a matrix (F, R): of each of its F filters or units, the R weights. `orthogonal` is nearly
    U Vᵀ of u = U S Vᵀ, by five steps of a Newton–Schulz iteration. Biases, what normalisation learns, and kernels of a
    single filter or weight are moved by Adam, at `others_rate` times the learning rate.
    Cost: a step's matrix products, 10 F² R + 5 F³ multiply-adds for F ≤ R, whatever the batch: little for convolutions,
    much for a wide dense layer. Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024
    (kellerjordan.github.io/posts/muon), with the scale of its reference implementation.
    """

    learning_rate: float | Schedule = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.0
    others_rate: float = 0.015
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    decays: str = field(default="kernels", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, momentum=number("momentum", self.momentum, low=0, high=1))
        set_canonical(self, nesterov=true_or_false("nesterov", self.nesterov))
        if self.nesterov and not self.momentum:
            raise InputError(f"nesterov=True with momentum={self.momentum!r}: give a momentum above 0, such as 0.95.")
        set_canonical(self, others_rate=number("others_rate", self.others_rate, low=0, open_low=True))
        others = self._others  # which checks what is its own
        for name in ("beta_1", "beta_2", "epsilon", "weight_decay"):
            set_canonical(self, **{name: getattr(others, name)})

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    @property
    def _others(self) -> Adam:
        return Adam(self.learning_rate, self.beta_1, self.beta_2, self.epsilon, self.weight_decay)

    def optimizer_for(self, parameter: Parameter) -> tuple[Optimizer, float]:
        matrix = len(parameter.shape) > 1 and min(sides(parameter.shape)) > 1
        return (self, 1.0) if matrix else (self._others, self.others_rate)

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int, decays: bool = True
    ) -> None:
        velocity, matrix = slots["velocity"], sides(parameter.shape)
        if self.weight_decay and decays:
            parameter -= rate * self.weight_decay * parameter
        velocity *= self.momentum
        velocity += gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        moved = orthogonal(direction.reshape(matrix[1], matrix[0]).T)  # (F, R)
        parameter -= rate * stretch(parameter.shape) * moved.T.reshape(parameter.shape)


def sides(shape: Shape) -> tuple[int, int]:
    """(F, R) of a kernel (…, F): its filters or units, and the weights of each.

    >>> sides((3, 3, 8, 16))
    (16, 72)
    """
    return shape[-1], math.prod(shape[:-1])


def stretch(shape: Shape) -> float:
    """√max(1, F / R): by how much more a kernel of more filters than weights is moved."""
    filters, rest = sides(shape)
    return math.sqrt(max(1.0, filters / rest))


def orthogonal(matrix: Array) -> Array:
    """A matrix (F, R) with the same singular vectors, and all singular values near 1 (from about 0.7 to 1.2).

    The iteration is the same for the matrix and its transpose; it is done where products are smaller.
    """
    a, b, c = COEFFICIENTS
    x = matrix / (np.sqrt(np.square(matrix).sum()) + TINY)  # no singular value is above 1
    x = x if len(x) <= x.shape[1] else x.T
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if x.shape == matrix.shape else x.T
