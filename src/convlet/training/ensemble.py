"""An ensemble: networks that are trained one after the other, and the best of them as one.

Each is a run of its own, in a folder `network-1`, `network-2`, … of the run's, so that each goes on exactly as any run
does; what is watched, saved and returned is one run, of all their steps.
What it is not: which there are (`runs.ensemble`), or how they become one network (`runs.averaging`).
"""

import math
import time
import warnings
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from convlet.datasets import Dataset
from convlet.engines import Preparing
from convlet.engines import engine as find_engine
from convlet.errors import InputError, NumericsError
from convlet.runs.averaging import average
from convlet.runs.folder import abandon_run, begin_run, clear_leftovers, continue_run, hold, recipe_of
from convlet.runs.history import History
from convlet.runs.recipe import Recipe
from convlet.runs.run import Clock, Run
from convlet.signals import Stop, Stopped, stop_on_signals
from convlet.training.ending import stopped_at
from convlet.training.fit import check_data, fit_recipe
from convlet.training.loop import Watch
from convlet.training.resuming import check_same, saved_run
from convlet.training.saving import Checkpoints
from convlet.training.weighting import check_class_weights


def fit_ensemble(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    data_changed: bool = False,
    until: float = math.inf,
    watch: Watch = lambda run: None,
    preparing: Preparing | None = None,
) -> Run:
    """Train each network of a recipe's ensemble as `fit_recipe` does, and give the best of them as one run.

    Networks that had not begun by `until` are left out; with `resume` they are trained after all. One whose numbers go
    wrong is left out, too, with a warning, unless it is the last there is. `watch` is shown the run of all. Raises as
    `fit_recipe`, and InputError where there are no validation examples to choose by.
    """
    assert recipe.ensemble is not None
    folder = Path(run_dir) if run_dir is not None else None
    _check(recipe, data)
    recipe = replace(recipe, data=recipe.data.resolved(data))
    with stop_on_signals() as stop, hold(folder):  # of all: between two networks a signal is heard as within one
        _begin(recipe, data, folder, resume, data_changed)
        whole = _Whole(recipe, len(data.train), folder)
        how = {"engine": engine, "data_changed": data_changed, "until": until, "watch": whole.told(watch)}
        try:
            return _together(whole, _trained(whole, recipe, data, folder, how, preparing, stop), recipe, data, stop)
        except Stopped as stopped:
            if whole.run is not None:
                stopped.run, stopped.outcome = whole.run, stopped_at(whole.run)
            raise
        except Exception:
            if folder is not None and not resume and not [*folder.glob("network-*")]:
                abandon_run(folder)
            raise


def _check(recipe: Recipe, data: Dataset) -> None:
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    ensemble = recipe.ensemble
    if ensemble is not None and ensemble.kept < ensemble.networks and data.validation is None:
        raise InputError(
            f"ensemble: best={ensemble.best} of {ensemble.networks}, but {data.name} has no validation examples to "
            f"choose by. Leave best out, and all of them answer together."
        )


def _place(folder: Path, number: int) -> Path:
    return folder / f"network-{number}"


def _has_begun(network: Path) -> bool:
    return (network / "recipe.toml").exists()


def _begin(recipe: Recipe, data: Dataset, folder: Path | None, resume: bool, data_changed: bool) -> None:
    """Note in the run's folder what is to be run, or how it goes on: not before each of its networks can go on so."""
    if folder is None:
        if resume:
            raise InputError("resume=True without run_dir: name the folder of the run to continue.")
        return
    split = data.collected.split_csv() if data.collected else None
    if not resume:
        begin_run(folder, recipe, split)
        return
    check_same(recipe, recipe_of(folder), f"the run in {folder} has")
    for number, member in enumerate(recipe.members, 1):
        if _has_begun(own := _place(folder, number)):
            saved_run(member, data, own, data_changed=data_changed)
        else:
            clear_leftovers(own)  # it was killed as it began
    continue_run(folder, recipe.training, recipe.data, split)


def _trained(
    whole: "_Whole",
    recipe: Recipe,
    data: Dataset,
    folder: Path | None,
    how: dict[str, Any],
    preparing: Preparing | None,
    stop: Stop,
) -> list[Run]:
    """The networks, each trained as far as there was time, and let go of what it was trained with.

    One that goes wrong does so again where it is continued, at the same step: so nothing need be noted of it. Raises
    NumericsError where all did that there was time for.
    """
    trained, lost = list[Run](), list[str]()
    for number, member in enumerate(recipe.members, 1):
        if number > 1 and time.monotonic() >= how["until"]:
            whole.ended_early()
            break
        whole.number = number
        own = None if folder is None else _place(folder, number)
        begun = own is not None and _has_begun(own)
        prepares = preparing if number == 1 else None  # the others need nothing else
        try:
            run = fit_recipe(member, data, run_dir=own, resume=begun, preparing=prepares, **how)
        except NumericsError as error:
            if stop.signal is not None:  # who asked to stop does not wait for the others
                raise
            if error.run is not None:
                whole.follow(error.run)
            lost.append(f"network {number} of {len(recipe.members)} is left out: {error}")
            warnings.warn(lost[-1], stacklevel=3)
        else:
            trained.append(whole.completed(run))
    if not trained:
        raise NumericsError(f"ensemble: none is left to answer; {lost[0]}")
    return trained


class _Whole:
    """The run of all networks: their steps one after the other, each network in its turn."""

    def __init__(self, recipe: Recipe, images: int, folder: Path | None) -> None:
        self._recipe, self._folder = recipe, folder
        self._steps = len(recipe.members) * recipe.training.total_steps(images)
        self._history, self._clock = History(recipe.training.batch_size), Clock()
        self._member: Run | None = None
        self.number = 0  # of the network whose turn it is, from 1
        self._before = (0, 0, 0)  # steps, validations and reports of the networks before
        self.run: Run | None = None

    def told(self, watch: Watch) -> Watch:
        """Show the run of all to who watches, in place of a network's."""
        return lambda member: watch(self.follow(member))

    def follow(self, member: Run) -> Run:
        """The run of all, with what this network has that it had not yet."""
        if self._member is None or self._member is not member:
            history, self._member = self._history, member
            self._before = history.steps, len(history.validations), len(history.reports)
            self._clock = self.run.clock if self.run else self._clock
            self.run = replace(
                member,
                history=history,
                seed=self._recipe.training.seed,
                total_steps=self._steps,
                run_dir=self._folder,
                data=self._recipe.data,
                turn=(self.number, len(self._recipe.members)),
            )
        assert self.run is not None
        self._extend(member.history)
        self.run.out_of_time = member.out_of_time
        self.run.clock = _sum(self._clock, member.clock)
        return self.run

    def completed(self, member: Run) -> Run:
        """The network at the end of its training: it can answer, and no longer holds what only a step needs."""
        run, state = self.follow(member), member.program.state()
        member.program = run.program = find_engine(member.engine).compile(member.network, state.parameters)
        member.program.restore(replace(state, slots={}))
        return member

    def ended_early(self) -> None:
        """Note that there was no time for the networks that are left."""
        if self.run is not None:
            self.run.out_of_time = True

    def _extend(self, own: History) -> None:
        history, (steps, validations, reports) = self._history, self._before
        history.losses += own.losses[history.steps - steps :]
        history.correct += own.correct[len(history.correct) - steps :]
        later = own.validations[len(history.validations) - validations :]
        history.validations += [(steps + step, loss, accuracy) for step, loss, accuracy in later]
        history.reports += [(steps + step, right) for step, right in own.reports[len(history.reports) - reports :]]


def _sum(one: Clock, other: Clock) -> Clock:
    return Clock(**{item.name: getattr(one, item.name) + getattr(other, item.name) for item in fields(Clock)})


def _together(whole: _Whole, runs: list[Run], recipe: Recipe, data: Dataset, stop: Stop) -> Run:
    """The best of the networks as one, validated and saved."""
    assert whole.run is not None and recipe.ensemble is not None
    kept = _best(runs, recipe.ensemble.kept)
    one = average(kept) if len(kept) > 1 else kept[0]
    run = replace(whole.run, network=one.network, program=one.program, turn=(1, 1))
    steps = run.history.steps
    run.program.restore(replace(run.program.state(), slots={}, step=steps))
    if data.validation is not None and steps:
        evaluation = run.evaluate(data.validation, stop=stop)
        run.history.validations.append((steps, evaluation.loss, evaluation.accuracy))
    stop.check()
    if run.run_dir is not None and steps:
        Checkpoints(run, recipe).save()
    return run


def _best(runs: list[Run], count: int) -> list[Run]:
    """So many of the networks that took a step, those of the lowest validation loss, in the order of their training."""
    able = [run for run in runs if run.history.steps] or runs[:1]
    order = sorted(range(len(able)), key=lambda i: _loss(able[i]))
    return [able[i] for i in sorted(order[:count])]


def _loss(run: Run) -> float:
    """Of a network's weights on the validation images, of which there may be too few for accuracies to differ."""
    validated = {step: loss for step, loss, _ in run.history.validations}
    return validated.get(run.program.state().step, 0.0)
