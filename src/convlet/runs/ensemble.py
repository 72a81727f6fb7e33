"""Several networks in place of one: what a recipe's `ensemble` says.

What it is not: how they are trained, one after the other (`training.ensemble`), or made one (`averaging`).
That networks which were trained in other ways answer together better than those that differ by chance alone: Wenzel et
al., "Hyperparameter ensembles for robustness and uncertainty quantification", NeurIPS 2020.
"""

from dataclasses import dataclass, replace
from typing import Any

from convlet.checks import number, whole_number
from convlet.descriptions.optimizers import Optimizer
from convlet.descriptions.schedules import Cosine, OneCycle, Steps
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError

MOST = 100  # networks
CHOSEN = "where the ensemble was chosen, fit(networks.chosen(data), data, …) trains one network."
HEIGHTS = {OneCycle: ("peak",), Cosine: ("start", "end"), Steps: ("start",)}  # what of a schedule is a rate


@dataclass(frozen=True)
class Ensemble:
    """`seeds` networks for each of `rates` with each of `decays`, by which the optimizer's own are multiplied.

    Each has a seed, and so initial weights, of its own. The `best`, whose validation loss is lowest, or else all,
    answer together.
    """

    rates: tuple[float, ...] = (1.0,)
    decays: tuple[float, ...] = (1.0,)
    seeds: int = 1
    best: int | None = None

    def __post_init__(self) -> None:
        set_canonical(self, rates=_factors("rates", self.rates, open_low=True))
        set_canonical(self, decays=_factors("decays", self.decays, open_low=False))
        set_canonical(self, seeds=whole_number("seeds", self.seeds))
        if not 2 <= self.networks <= MOST:
            raise InputError(
                f"rates × decays × seeds: {self.networks} networks; expected from 2 to {MOST}. For a single one leave "
                "the ensemble out."
            )
        if self.best is not None:
            set_canonical(self, best=whole_number("best", self.best))
        if self.kept > self.networks:
            raise InputError(f"best={self.best}: there are {self.networks} networks; expected at most as many.")

    @property
    def networks(self) -> int:
        """How many are trained."""
        return len(self.rates) * len(self.decays) * self.seeds

    @property
    def kept(self) -> int:
        """How many answer together."""
        return self.best or self.networks

    def optimizers(self, own: Optimizer) -> list[Optimizer]:
        """How each network is trained, from the recipe's own: all rates and decays once before any a second time.

        Raises InputError where its rate, or its decay, cannot be multiplied.
        """
        return [_multiplied(own, rate, decay) for decay in self.decays for rate in self.rates] * self.seeds


def _factors(name: str, given: Any, *, open_low: bool) -> tuple[float, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise InputError(f"{name}={given!r}: expected a list of factors, such as [1, 0.5].")
    factors = tuple(number(f"{name}[{i}]", factor, low=0, open_low=open_low) for i, factor in enumerate(given, 1))
    if len(set(factors)) < len(factors):
        raise InputError(
            f"{name}={list(given)}: a factor is there twice. Networks that differ by their seeds alone are said by "
            "seeds, how many there are of each."
        )
    return factors


def _multiplied(own: Optimizer, rate: float, decay: float) -> Optimizer:
    changed: Any = own
    if rate != 1:
        changed = replace(changed, learning_rate=_times(own.learning_rate, rate))
    if decay == 1:
        return changed
    if not getattr(own, "weight_decay", 0):
        raise InputError(
            f"decays: {type(own).__name__} has no weight_decay that {decay:g} could multiply. Give it one, or leave "
            f"decays out; {CHOSEN}"
        )
    return replace(changed, weight_decay=decay * changed.weight_decay)


def _times(rate: Any, factor: float) -> Any:
    if isinstance(rate, int | float):
        return rate * factor
    if type(rate) not in HEIGHTS:
        raise InputError(
            f"rates: learning_rate={rate!r} is a schedule of one's own, and cannot be multiplied. Leave rates out; "
            f"{CHOSEN}"
        )
    return replace(rate, **{name: factor * getattr(rate, name) for name in HEIGHTS[type(rate)]})
