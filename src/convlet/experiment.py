"""A whole experiment, from a recipe to a run folder with everything in it: what `fit` and `convlet train` do.

What this is not: it asks nobody what is meant (`fitting`, `cli.train`), and shows nothing while it trains.
"""

import math
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.engines import Preparing, default_engine
from convlet.engines import engine as find_engine
from convlet.errors import ConvletError, GroupError, NumericsError
from convlet.report.tensorboard import Log
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.evaluation import Evaluation
from convlet.runs.folder import claim_folder, recipe_of
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.signals import Stopped, stop_on_signals
from convlet.training.ensemble import fit_ensemble
from convlet.training.fit import check_data, fit_recipe
from convlet.training.loop import Watch, both
from convlet.training.weighting import check_class_weights


@dataclass(frozen=True)
class Experiment:
    """What is to be done: a recipe, where to keep the run, on which engine, and whether to go on with it.

    Without a folder nothing is drawn. `initial` are the weights it starts from, if not the recipe's own. Of several
    processes that train together, one keeps the run (`saves`); the others evaluate and draw nothing. A run goes on with
    other data than it began with where that is insisted on (`data_changed`). No step begins after `until`, on the
    monotonic clock. A `log`, "tensorboard" (`check_log`), is kept in the folder, too.
    """

    recipe: Recipe
    run_dir: Path | None
    engine: str
    resume: bool = False
    saves: bool = True
    initial: Parameters | None = None
    data_changed: bool = False
    until: float = math.inf
    log: str | None = None


def new(recipe: Recipe, data: Dataset, run_dir: Path | None = None, engine: str | None = None) -> Experiment:
    """A new run of a recipe, in a folder of its own: `runs/<recipe>-<number>`, made at once, unless one is named.

    Raises before there is a folder where the recipe does not suit the data, or the engine cannot run here.
    """
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    find_engine(name := engine or default_engine())
    return Experiment(recipe, run_dir or claim_folder(Path("runs"), recipe.name), name)


def resumed(
    run_dir: Path,
    engine: str | None = None,
    *,
    steps: int | None = None,
    source: str | None = None,
    skip_broken: bool = False,
    data_changed: bool = False,
) -> Experiment:
    """The run in a folder, from where it was saved; with `steps`, until that many in all. Raises StorageError.

    `source` is where its data is now, if it was moved, and `skip_broken` says that pictures that have broken since are
    left out; other data than it began with go on where that is insisted on (`data_changed`).
    """
    recipe = recipe_of(run_dir)
    recipe = replace(recipe, data=recipe.data.at(source, skip_broken=skip_broken))
    if steps is not None:
        recipe = replace(recipe, training=replace(recipe.training, steps=steps, epochs=None))
    return Experiment(recipe, run_dir, engine or default_engine(), resume=True, data_changed=data_changed)


def perform(
    experiment: Experiment, data: Dataset, watch: Watch = lambda run: None, preparing: Preparing | None = None
) -> tuple[Run, Evaluation | None]:
    """Train, evaluate once on the test examples, and draw. A run that stops, or goes wrong, is drawn as it was saved.

    A run that cannot even begin leaves no folder. One that cannot be drawn is a run all the same: that is a warning.
    """
    if experiment.log is None or experiment.run_dir is None or not experiment.saves:
        return _performed(experiment, data, watch, preparing)
    with Log(experiment.run_dir, experiment.recipe) as log:
        run, evaluation = _performed(experiment, data, both(log, watch), preparing)
        log.end(run, evaluation)
    return run, evaluation


def _performed(
    experiment: Experiment, data: Dataset, watch: Watch, preparing: Preparing | None
) -> tuple[Run, Evaluation | None]:
    try:
        run = _trained(experiment, data, watch, preparing)
        if not experiment.saves or experiment.run_dir is None:
            return run, None
        with stop_on_signals() as stop:
            evaluation = run.evaluate(data.test, stop=stop) if data.test is not None else None
    except (Stopped, GroupError, NumericsError) as error:
        if experiment.saves and experiment.run_dir is not None:
            _draw_stopped(experiment, experiment.run_dir, data, getattr(error, "run", None))
        raise
    except BaseException:
        if experiment.run_dir is not None:
            with suppress(OSError):
                experiment.run_dir.rmdir()  # only if nothing is in it
        raise
    _draw(
        experiment,
        data,
        history=run.history,
        network=run.network,
        parameters=run.program.state().parameters,
        classes=run.classes,
        evaluation=evaluation,
        examples=data.test,
        run=run,
    )
    return run, evaluation


def _trained(experiment: Experiment, data: Dataset, watch: Watch, preparing: Preparing | None) -> Run:
    common: dict[str, Any] = {
        "engine": experiment.engine,
        "run_dir": experiment.run_dir,
        "resume": experiment.resume,
        "data_changed": experiment.data_changed,
        "until": experiment.until,
        "watch": watch,
        "preparing": preparing,
    }
    if experiment.recipe.ensemble is not None:
        return fit_ensemble(experiment.recipe, data, **common)
    return fit_recipe(experiment.recipe, data, saves=experiment.saves, initial=experiment.initial, **common)


def _draw(experiment: Experiment, data: Dataset, **what: Any) -> None:
    """Draw what there is to see. Where that fails, the run is kept all the same, and its figures can be told."""
    try:
        if experiment.run_dir is not None:
            draw_run(experiment.run_dir, recipe=experiment.recipe, data=data, **what)
    except Exception as error:
        _warn_of_pictures(error)


def _warn_of_pictures(error: Exception) -> None:
    reason = str(error) or type(error).__name__
    warnings.warn(f"the run is saved, but not all of it could be drawn: {reason}", stacklevel=4)


def _draw_stopped(experiment: Experiment, folder: Path, data: Dataset, run: Run | None) -> None:
    last = folder / "last.safetensors"
    try:
        if experiment.recipe.ensemble is not None:  # whose networks were saved, each by itself
            checkpoint = run.checkpoint() if run is not None else None
        else:  # where it was stopped while compiling there is nothing to draw, and it goes on from its recipe
            checkpoint = load_checkpoint(last) if last.exists() else None
    except ConvletError as error:  # who stopped the run is to hear of that
        _warn_of_pictures(error)
        return
    if checkpoint is None:
        return
    _draw(
        experiment,
        data,
        history=checkpoint.history,
        network=checkpoint.network,
        parameters=checkpoint.state.parameters,
        classes=checkpoint.classes,
    )


def draw_run(folder: Path, *, run: Run | None = None, data: Dataset, **seen: Any) -> None:
    """What there is to see of a run, into its folder (`convlet.report.figures.run`); with its report, once it ended."""
    from convlet.report.facts.assessment import assess  # not before there is something to draw: matplotlib is slow
    from convlet.report.figures.run import draw_run

    evaluated = run is not None and seen.get("evaluation") is not None
    assessed = assess(run, data, "test", seen["evaluation"], keep=True) if run is not None and evaluated else None
    draw_run(folder, trained_on=data.train, assessed=assessed, **seen)
