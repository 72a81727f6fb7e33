"""A whole experiment, from a recipe to a run folder with everything in it: what `convlet train` does."""

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convlet.datasets import Dataset
from convlet.engines import Preparing, default_engine
from convlet.engines import engine as find_engine
from convlet.errors import GroupError
from convlet.report.figures.run import draw_run
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.evaluation import Evaluation
from convlet.runs.folder import claim_folder, recipe_of
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.signals import Stopped, stop_on_signals
from convlet.training.fit import check_data, fit_recipe
from convlet.training.loop import Watch


@dataclass(frozen=True)
class Experiment:
    """What is to be done: a recipe, where to keep the run, on which engine, and whether to go on with it.

    Of several processes that train together, one keeps the run (`keep`); the others evaluate and draw nothing.
    """

    recipe: Recipe
    run_dir: Path
    engine: str
    resume: bool = False
    keep: bool = True


def new(recipe: Recipe, data: Dataset, run_dir: Path | None = None, engine: str | None = None) -> Experiment:
    """A new run of a recipe, in a folder of its own: `runs/<recipe>-<number>`, made at once, unless one is named.

    Raises before there is a folder where the recipe does not suit the data, or the engine cannot run here.
    """
    check_data(recipe.network, data)
    find_engine(name := engine or default_engine())
    return Experiment(recipe, run_dir or claim_folder(Path("runs"), recipe.name), name)


def resumed(run_dir: Path, engine: str | None = None, *, steps: int | None = None) -> Experiment:
    """The run in a folder, from where it was saved; with `steps`, until that many in all. Raises StorageError."""
    recipe = recipe_of(run_dir)
    if steps is not None:
        recipe = replace(recipe, training=replace(recipe.training, steps=steps, epochs=None))
    return Experiment(recipe, run_dir, engine or default_engine(), resume=True)


def perform(
    experiment: Experiment, data: Dataset, watch: Watch = lambda run: None, preparing: Preparing | None = None
) -> tuple[Run, Evaluation | None]:
    """Train, evaluate once on the test examples, and draw. A run that is stopped is drawn as far as it came.

    A run that cannot even begin leaves no folder. One that cannot be drawn is a run all the same: that is a warning.
    """
    try:
        run = fit_recipe(
            experiment.recipe,
            data,
            engine=experiment.engine,
            run_dir=experiment.run_dir,
            resume=experiment.resume,
            keep=experiment.keep,
            watch=watch,
            preparing=preparing,
        )
        if not experiment.keep:
            return run, None
        with stop_on_signals() as stop:
            evaluation = run.evaluate(data.test, stop=stop) if data.test is not None else None
    except (Stopped, GroupError):
        if experiment.keep:
            _draw_stopped(experiment)
        raise
    except BaseException:
        with suppress(OSError):
            experiment.run_dir.rmdir()  # only if nothing is in it
        raise
    _draw(
        experiment,
        history=run.history,
        network=run.network,
        parameters=run.program.state().parameters,
        classes=run.classes,
        evaluation=evaluation,
        examples=data.test,
    )
    return run, evaluation


def _draw(experiment: Experiment, **what: Any) -> None:
    """Draw what there is to see. Where that fails, the run is kept all the same, and its figures can be told."""
    try:
        draw_run(experiment.run_dir, title=experiment.recipe.name, **what)
    except Exception as error:
        reason = str(error) or type(error).__name__
        warnings.warn(f"the run is saved, but not all of it could be drawn: {reason}", stacklevel=3)


def _draw_stopped(experiment: Experiment) -> None:
    last = experiment.run_dir / "last.safetensors"
    if not last.exists():  # stopped while compiling: there is nothing to draw, and it goes on from its recipe
        return
    checkpoint = load_checkpoint(last)
    _draw(
        experiment,
        history=checkpoint.history,
        network=checkpoint.network,
        parameters=checkpoint.state.parameters,
        classes=checkpoint.classes,
    )
