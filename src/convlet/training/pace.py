"""How long a training will take, told from a few of its steps; and how much of it fits into a time.

What it is not: a benchmark, which is fair to all and repeated (`convlet.benchmarks`); or part of a run: what is trained
here is thrown away. How many steps fit depends on the machine and the moment, so a run notes them in its recipe: it is
repeated by them, not by a clock.
"""

import math
import time
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from convlet.datasets import Dataset
from convlet.engines import Preparing, Program, default_engine
from convlet.engines import engine as find_engine
from convlet.errors import InputError
from convlet.runs.choosing import retold, validated
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.signals import stop_on_signals
from convlet.training.batches import batches, prepare
from convlet.training.fit import check_data
from convlet.training.initial import initial_parameters
from convlet.training.weighting import check_class_weights

WARM, LEAST = 2, 3  # steps before the clock is looked at, and while it is, at least
LOOK = 1.5  # seconds of steps
LOOKED_AT = 500  # images predicted
SPARE = 0.1  # of the time: a machine does other things too
JOINING = 3.0  # seconds: to make the networks of an ensemble one
DRAWING = 8.0  # seconds: what is drawn of a run at its end, and its report, take about so long


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step, and of one image to be validated."""

    step: float
    image: float

    def seconds(self, recipe: Recipe, data: Dataset) -> float:
        """How long the whole training takes, of all networks of an ensemble, with its validations."""
        steps = recipe.training.total_steps(len(data.train))
        each = steps * self._step(recipe, data) + self.validation(data)
        return len(recipe.members) * each + (JOINING if recipe.ensemble else 0.0)

    def validation(self, data: Dataset) -> float:
        """Seconds of a validation."""
        return self.image * len(data.validation) if data.validation else 0.0

    def until(
        self, ends: float, recipe: Recipe, data: Dataset, *, draws: bool, is_chosen: bool = False
    ) -> tuple[Recipe, float]:
        """The recipe with no more steps than fit in until `ends` on the monotonic clock, and when the last may begin.

        Where the run has a folder (`draws`), its test and its pictures end by then too. Raises InputError where there
        is no time for a step.
        """
        if ends == math.inf:
            return recipe, ends
        kept = recipe.ensemble.kept if recipe.ensemble else 1
        after = DRAWING + (kept * self.image * len(data.test) if data.test else 0.0) if draws else 0.0
        joined = JOINING + kept * self.validation(data) if recipe.ensemble else 0.0
        left = ends - after - joined
        fitted = self.within(recipe, data, left - time.monotonic(), is_chosen=is_chosen)
        return retold(fitted, len(data.train)) if is_chosen else fitted, left - self.validation(data)

    def within(self, recipe: Recipe, data: Dataset, seconds: float, *, is_chosen: bool = False) -> Recipe:
        """The recipe with no more steps than fit into so many seconds, of each network where there are several. Raises
        InputError where not even one does.

        One that `is_chosen` for the data is validated as suits so many steps, which takes some of the time.
        """
        fitted = self._within(recipe, data, seconds)
        if not is_chosen or fitted == (suited := validated(fitted, len(data.train))):
            return fitted
        often = suited.training.validate_every  # less is left for steps, so that it may be oftener still
        oftener = replace(recipe, training=recipe.training.changed(validate_every=often))
        return self.within(oftener, data, seconds, is_chosen=True)

    def _within(self, recipe: Recipe, data: Dataset, seconds: float) -> Recipe:
        networks = len(recipe.members)
        able = int((seconds * (1 - SPARE) / networks - self.validation(data)) / self._step(recipe, data))
        if able < 1:
            needed = networks * (self._step(recipe, data) + self.validation(data)) / (1 - SPARE)
            each = f" of each of {networks} networks" if networks > 1 else ""
            raise InputError(
                f"time_limit: {max(seconds, 0):.1f} s are left for training, and a step and a validation{each} take "
                f"{needed:.1f} s. Give more time, a smaller network, or fewer validation images."
            )
        if able >= recipe.training.total_steps(len(data.train)):
            return recipe
        return replace(recipe, training=recipe.training.changed(steps=able))

    def _step(self, recipe: Recipe, data: Dataset) -> float:
        """Seconds of a step with its share of the validations."""
        training = recipe.training
        share = training.batch_size / (len(data.train) * training.validate_every)
        return self.step + self.validation(data) * share


def timed(
    recipe: Recipe,
    data: Dataset,
    ends: float,
    *,
    engine: str | None = None,
    draws: bool,
    is_chosen: bool = False,
) -> tuple[Recipe, float, Pace]:
    """The recipe with no more steps than fit in until `ends`, when the last may begin, and the pace it was told from.

    The words are those of `Pace.until`. Raises as that and `measured_pace` do.
    """
    pace = measured_pace(recipe, data, engine=engine)
    return (*pace.until(ends, recipe, data, draws=draws, is_chosen=is_chosen), pace)


def out_of_time(run: Run) -> str:
    """In words, that a run ended before its last step because its time was over; "" where it was not."""
    if not run.out_of_time:
        return ""
    done = f"step {run.history.steps:,} of {run.total_steps:,}"
    return f"Out of time after {done}: it went slower than its first steps did."


def measured_pace(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str | None = None,
    preparing: Preparing = lambda done, total, part: None,
) -> Pace:
    """The pace of a recipe on this machine. Raises as `fit_recipe` before it trains, and Stopped after a signal."""
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    name = engine or default_engine()
    parameters = initial_parameters(recipe.network, data, recipe.training.seed)
    program = find_engine(name).compile(recipe.network, parameters, recipe.optimizer)
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
    with stop_on_signals() as stop, quiet:
        prepare(program, recipe, data.train, name, preparing)
        with batches(recipe, data.train, range(10**9), engine=name) as ahead:
            for step in count():
                stop.check()
                if step == WARM:
                    began = time.perf_counter()
                if step >= WARM + LEAST and time.perf_counter() - began > LOOK:
                    return Pace((time.perf_counter() - began) / (step - WARM), _image(program, data))
                program.step(ahead.next(), recipe.optimizer.rate(0, 1))
    raise AssertionError("there is always a next step")


def _image(program: Program, data: Dataset) -> float:
    """Seconds of predicting an image."""
    images, _ = (data.validation or data.train).batch(slice(LOOKED_AT))
    program.predict(images)  # compiled now, where it is
    began = time.perf_counter()
    program.predict(images)
    return (time.perf_counter() - began) / len(images)
