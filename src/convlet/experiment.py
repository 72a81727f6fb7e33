"""A whole experiment, from a recipe to a run folder with everything in it: what `convlet train` does."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convlet import storage
from convlet.datasets import Dataset
from convlet.engines import Progress, default_engine, engine
from convlet.environment import peak_memory_mb
from convlet.errors import GroupError
from convlet.evaluation import Evaluation
from convlet.recipe import Recipe
from convlet.report.pictures import draw_run
from convlet.run import Run
from convlet.stopping import Stopped, stop_on_signals
from convlet.training import Watch, check_data, fit_recipe


@dataclass(frozen=True)
class Experiment:
    """What is to be done: a recipe, where to keep the run, on which engine, and whether to go on with it.

    Of several processes that train together, one keeps the run (`keep`); the others evaluate and draw nothing.
    """

    recipe: Recipe
    run_dir: Path
    engine_name: str
    resume: bool = False
    keep: bool = True


def new(recipe: Recipe, data: Dataset, run_dir: Path | None = None, engine_name: str | None = None) -> Experiment:
    """A new run of a recipe, in a folder of its own: `runs/<recipe>-<number>`, made at once, unless one is named.

    Raises before there is a folder where the recipe does not suit the data, or the engine cannot run here.
    """
    check_data(recipe.network, data)
    engine(name := engine_name or default_engine())
    return Experiment(recipe, run_dir or storage.claim_folder(Path("runs"), recipe.name), name)


def resumed(run_dir: Path, engine_name: str | None = None, *, steps: int | None = None) -> Experiment:
    """The run in a folder, from where it was saved; with `steps`, until that many in all. Raises StorageError."""
    recipe = storage.recipe_of(run_dir)
    if steps is not None:
        recipe = replace(recipe, training=replace(recipe.training, steps=steps, epochs=None))
    return Experiment(recipe, run_dir, engine_name or default_engine(), resume=True)


def perform(
    experiment: Experiment, data: Dataset, watch: Watch = lambda run: None, preparing: Progress | None = None
) -> tuple[Run, Evaluation | None]:
    """Train, evaluate once on the test examples, and draw. A run that is stopped is drawn as far as it came.

    A run that cannot even begin leaves no folder.
    """
    try:
        run = fit_recipe(
            experiment.recipe,
            data,
            engine_name=experiment.engine_name,
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
    draw_run(
        experiment.run_dir,
        history=run.history,
        network=run.network,
        parameters=run.program.state().parameters,
        classes=run.classes,
        evaluation=evaluation,
        examples=data.test,
        title=experiment.recipe.name,
    )
    return run, evaluation


def _draw_stopped(experiment: Experiment) -> None:
    last = experiment.run_dir / "last.safetensors"
    if not last.exists():  # stopped while compiling: there is nothing to draw, and it goes on from its recipe
        return
    checkpoint = storage.load_checkpoint(last)
    draw_run(
        experiment.run_dir,
        history=checkpoint.history,
        network=checkpoint.network,
        parameters=checkpoint.state.parameters,
        classes=checkpoint.classes,
        title=experiment.recipe.name,
    )


def results(run: Run, evaluation: Evaluation | None, threads: int, processes: int = 1) -> dict[str, Any]:
    """The figures of a finished run, as `convlet train --json` prints them. What does not exist is None.

    `processes` trained it together: times are this one's, images and steps those of all.
    """
    clock, images = run.clock, run.clock.taken * run.history.batch_size
    state, peak = run.program.state(), peak_memory_mb()
    validated = {step: accuracy for step, _, accuracy in run.history.validations}
    return {
        "test_accuracy": evaluation.accuracy if evaluation else None,
        "test_loss": evaluation.loss if evaluation else None,
        "validation_accuracy": validated.get(state.step),  # of these weights: with patience, the best ones
        "steps": run.history.steps,
        "train_seconds": round(clock.train, 3),
        "compile_seconds": round(clock.compile, 3),
        "ms_per_step": round(1e3 * clock.steps / clock.taken, 3) if clock.taken else None,
        "images_per_second": round(images / clock.steps, 1) if clock.taken else None,
        "gflops": round(2e-9 * run.network.training_multiply_adds * images / clock.steps, 2) if clock.taken else None,
        "peak_memory_mb": round(peak, 1) if math.isfinite(peak) else None,
        "engine": run.engine,
        "threads": threads,
        "processes": processes,
        "seed": run.seed,
        "weights_sha256": storage.weights_sha256(state.parameters),
        "run_dir": str(run.run_dir),
    }
