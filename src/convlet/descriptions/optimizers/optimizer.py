"""What every optimizer has, and how it moves the parameters of a whole network.

`update` changes a parameter and its slots in place, given the gradient, the learning rate and the number of the
step, counted from 1. A slot is an array of the parameter's own shape that the optimizer remembers between steps.
Weight decay is decoupled (each step first takes rate × weight_decay off every weight; Loshchilov and Hutter,
"Decoupled weight decay regularization", ICLR 2019), as in Keras.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import listed, number, one_of
from convlet.descriptions.layers import Parameter
from convlet.descriptions.optimizers.averages import Average
from convlet.descriptions.schedules import Schedule
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError

if TYPE_CHECKING:
    from convlet.descriptions.network import Sequential

Array = NDArray[Any]
Slots = dict[str, Array]
DECAYS = ("all", "kernels")
RAW = "raw"  # the slot of what is trained, where its average is the parameter


def _checked_rate(rate: Any) -> float | Schedule:
    if callable(getattr(rate, "at", None)) and not isinstance(rate, type):
        schedule: Schedule = rate
        return schedule
    return number("learning_rate", rate, low=0, open_low=True)


def _checked_factors(factors: Any) -> dict[str, float]:
    if not isinstance(factors, Mapping) or not all(isinstance(pattern, str) for pattern in factors):
        raise InputError(f"rate_factors={factors!r}: expected factors by patterns of names, such as {{'*/bias': 2.0}}.")
    return {
        pattern: number(f"rate_factors[{pattern!r}]", factor, low=0, open_low=True)
        for pattern, factor in factors.items()
    }


@dataclass(frozen=True)
class Optimizer:
    """What every optimizer has. `learning_rate` is a number or a schedule.

    `decays` says what weight decay is taken from: "all" weights, or "kernels" alone, which leaves biases and the scales
    and shifts of normalisation as they are. `rate_factors` multiplies the learning rate of the parameters whose name
    matches a pattern, such as {"*/beta": 64}; where several match, all their factors. With `clip_norm`, gradients are
    scaled down to that norm, of all taken together, where theirs is larger.
    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1.

    With an `average` the network predicts with averages of its weights (`averages.py`). They are its parameters then;
    the raw ones, which train on, are remembered beside them, in a slot `raw`.
    """

    learning_rate: float | Schedule
    _: KW_ONLY
    decays: str = "all"
    rate_factors: Mapping[str, float] = field(default_factory=dict, hash=False)
    clip_norm: float | None = None
    average: Average | None = None

    def __post_init__(self) -> None:
        set_canonical(self, learning_rate=_checked_rate(self.learning_rate))
        one_of("decays", self.decays, DECAYS)
        set_canonical(self, rate_factors=_checked_factors(self.rate_factors))
        if self.clip_norm is not None:
            set_canonical(self, clip_norm=number("clip_norm", self.clip_norm, low=0, open_low=True))
        if not (self.average is None or isinstance(self.average, Average)):
            raise InputError(f"average={self.average!r}: expected an average, such as EMA(0.999) or Lookahead(5).")

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays it remembers for each parameter that it moves itself."""
        return ()

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (from 0) of a run of `steps`."""
        schedule = self.learning_rate
        return schedule if isinstance(schedule, float) else schedule.at(step / steps)

    def update(
        self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int, decays: bool = True
    ) -> None:
        """One step of one parameter, in place. `slots` holds its arrays by name; `step` counts from 1."""
        raise NotImplementedError

    def optimizer_for(self, parameter: Parameter) -> tuple["Optimizer", float]:
        """Whose `update` moves this parameter, and at which multiple of the rate: its own, unless it leaves it."""
        return self, 1.0

    def update_rules(self, network: "Sequential") -> dict[str, "UpdateRule"]:
        """How it moves each parameter that is trained. Raises InputError where a pattern matches none that is."""
        learnt = [name for placed in network for name in placed.learnt]
        for pattern in self.rate_factors:
            if not any(fnmatchcase(name, pattern) for name in learnt):
                raise InputError(
                    f"rate_factors: {pattern!r} matches no parameter that is learnt: {listed(learnt[:20])}. "
                    "Mend the pattern, or leave it out."
                )
        return {name: self._update_rule(name, p) for name, p in network.parameters.items() if p.trainable}

    def _update_rule(self, name: str, parameter: Parameter) -> "UpdateRule":
        optimizer, factor = self.optimizer_for(parameter)
        factors = [own for pattern, own in self.rate_factors.items() if fnmatchcase(name, pattern)]
        return UpdateRule(optimizer, math.prod(factors, start=factor), self.decays == "all" or len(parameter.shape) > 1)

    def averaged(self, network: "Sequential") -> tuple[str, ...]:
        """The parameters that have an average: all of every layer that is trained, measured ones too."""
        layers = [placed for placed in network if placed.layer.trainable and self.average is not None]
        return tuple(name for placed in layers for name in placed.parameters)

    def remembered(self, network: "Sequential") -> dict[str, str]:
        """Every array that it remembers, by its public name, such as "conv2d_1/kernel/m", and of which parameter."""
        rules = self.update_rules(network)
        slots = {f"{name}/{slot}": name for name, rule in rules.items() for slot in rule.optimizer.slots}
        return slots | {f"{name}/{RAW}": name for name in self.averaged(network)}

    def clipping(self, gradients: Iterable[Array]) -> float:
        """What all gradients are multiplied by: 1, or less where their norm, of all together, is above `clip_norm`."""
        if self.clip_norm is None:
            return 1.0
        norm = math.sqrt(sum(float(np.square(gradient, dtype=np.float64).sum()) for gradient in gradients))
        return self.clip_norm / norm if norm > self.clip_norm else 1.0


@dataclass(frozen=True)
class UpdateRule:
    """How a parameter is moved: by which optimizer, at which multiple of the learning rate, and whether it decays."""

    optimizer: Optimizer
    factor: float = 1.0
    decays: bool = True

    @property
    def decay(self) -> float:
        """The optimizer's weight decay, where this parameter has any."""
        return getattr(self.optimizer, "weight_decay", 0.0) if self.decays else 0.0

    def update(self, parameter: Array, gradient: Array, slots: Slots, rate: float, step: int) -> None:
        """One step of the parameter, in place."""
        self.optimizer.update(parameter, gradient, slots, rate * self.factor, step, self.decays)
