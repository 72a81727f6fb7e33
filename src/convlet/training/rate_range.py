"""Which learning rate? A range test: a short training whose rate grows with every step, and the losses it meets.

Where the rate is too low the loss stays, then it falls, and where the rate is too high it rises or is no number. What
it is not: a training run. It has a program of its own, which is thrown away, and writes nothing.
Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3; with rates that grow
by a factor, and a tenth of the best one for a suggestion, as in fastai.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convlet.checks import number, whole_number
from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.engines import Preparing, default_engine
from convlet.engines import engine as find_engine
from convlet.errors import InputError
from convlet.runs.recipe import Recipe
from convlet.showing import shown
from convlet.signals import stop_on_signals
from convlet.training.batches import batches, prepare
from convlet.training.fit import check_data
from convlet.training.initial import initial_parameters
from convlet.training.weighting import check_class_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 200
MEMORY = 0.9  # of the smooth curve, for the step before
DIVERGED = 2.0  # times the lowest smooth loss, and half of the first: from there on it will not come back
MARGIN = 10.0  # the suggestion is so many times below the rate of the lowest loss
NOTICED = 0.02  # a share of the first loss: less is no fall


@dataclass(frozen=True, repr=False)
class RateCurve:
    """The losses that a growing rate met: after the step at rates[i], the next batch's loss was losses[i].

    `smooth` is their moving average. `diverged` says whether the test ended for that before its highest rate.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    diverged: bool

    def __repr__(self) -> str:
        """How far it went, and what comes of it."""
        span = f"{self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        suggestion = f"suggestion {self.suggestion:.1e}" if self.suggestion else "no suggestion"
        return f"<RateCurve of {len(self.rates)} rates, {span}: {suggestion}>"

    @property
    def smooth(self) -> tuple[float, ...]:
        """The moving average of the losses, each corrected for how few came before it."""
        return tuple(smoothed_losses(self.losses))

    @property
    def best(self) -> float:
        """The rate at which the smooth loss was lowest."""
        return self.rates[int(np.argmin(self.smooth))]

    @property
    def suggestion(self) -> float | None:
        """A tenth of the best rate, to two digits; None where the loss hardly fell."""
        smooth = self.smooth
        if min(smooth) > (1 - NOTICED) * smooth[0]:
            return None
        return float(f"{self.best / MARGIN:.1e}")

    @property
    def reason(self) -> str:
        """How the suggestion was chosen, or why there is none, in a sentence."""
        if self.suggestion is None:
            return "The loss hardly fell at any rate, so there is no suggestion: look at the data and the network."
        end = f"from {self.rates[-1]:.1e} on it diverged" if self.diverged else "it did not diverge"
        return f"The smooth loss was lowest at {self.best:.1e}, and {end}; the suggestion is a tenth of that rate."

    def plot(self) -> "Figure":
        """The curve as a picture: a matplotlib Figure."""
        figure: Figure = shown("figures.rates", "rates_figure", self)
        return figure


def smoothed_losses(losses: Sequence[float]) -> list[float]:
    """The moving average of losses, each corrected for how few came before it.

    >>> smoothed_losses([2.0, 2.0])
    [2.0, 2.0]
    """
    averages, average = [], 0.0
    for i, loss in enumerate(losses, 1):
        average = MEMORY * average + (1 - MEMORY) * loss
        averages.append(average / (1 - MEMORY**i))
    return averages


def diverges(smooth: Sequence[float]) -> bool:
    """Whether a smooth loss has risen so far that it will not come back.

    >>> diverges([2.0, 0.5, 0.9]), diverges([2.0, 0.5, 1.1]), diverges([2.0, 3.9])
    (False, True, False)
    """
    return smooth[-1] > DIVERGED * min(smooth) and smooth[-1] > smooth[0] / 2


def try_rates(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str | None = None,
    initial: Parameters | None = None,
    steps: int = STEPS,
    between: tuple[float, float] = (LOWEST, HIGHEST),
    watch: Callable[[int, float, float], None] = lambda step, rate, loss: None,
    preparing: Preparing = lambda done, total, part: None,
) -> RateCurve:
    """The losses along at most `steps` rates, each a fixed factor above the one before, from one end to the other.

    The recipe says all but the rate. `watch` is called with each step, its rate and the loss after it. Raises as
    `fit_recipe` does before it trains, and Stopped after a signal.
    """
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    rates = _rates(steps, between)
    parameters = initial or initial_parameters(recipe.network, data, recipe.training.seed)
    name = engine or default_engine()
    program = find_engine(name).compile(recipe.network, parameters, recipe.optimizer)
    losses: list[float] = []
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
    with stop_on_signals() as stop, quiet:
        prepare(program, recipe, data.train, name, preparing)
        with batches(recipe, data.train, range(steps + 1), engine=name) as ahead:
            for step in range(steps + 1):
                stop.check()
                loss, _ = program.step(ahead.next(), rates[min(step, steps - 1)])
                if step:  # the first is the loss before any rate was tried
                    if not math.isfinite(loss) or diverges(smoothed_losses([*losses, loss])):
                        return _curve(rates, losses, diverged=True)
                    losses.append(loss)
                    watch(step, rates[step - 1], loss)
    return _curve(rates, losses, diverged=False)


def _curve(rates: list[float], losses: list[float], *, diverged: bool) -> RateCurve:
    if not losses:
        raise InputError(f"between: the loss is no number after the first step, at {rates[0]}. Begin lower.")
    return RateCurve(tuple(rates[: len(losses)]), tuple(losses), diverged)


def _rates(steps: int, ends: tuple[float, float]) -> list[float]:
    whole_number("steps", steps, at_least=10)
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        raise InputError(f"between={ends!r}: expected two rates, the lowest and the highest, such as (1e-6, 10).")
    low, high = (number("between", end, low=0, open_low=True) for end in ends)
    if not low < high:
        raise InputError(f"between={ends!r}: expected the lowest rate before the highest, such as (1e-6, 10).")
    rates: list[float] = np.geomspace(low, high, steps).tolist()
    return rates
