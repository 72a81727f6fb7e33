"""From a recipe and data to a trained run, and all that has to be right around the loop."""

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from convlet.datasets import Dataset
from convlet.descriptions.augmentation import Flip
from convlet.descriptions.network import Parameters
from convlet.engines import Preparing, default_engine
from convlet.engines import engine as find_engine
from convlet.errors import DataError, InputError
from convlet.runs.checkpoint import Checkpoint, weights_sha256
from convlet.runs.folder import abandon_run, begin_run, continue_run, hold, recipe_of
from convlet.runs.history import History
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.signals import Stopped, stop_on_signals
from convlet.training.batches import prepare
from convlet.training.ending import saved_whatever_happens, stopped_together
from convlet.training.initial import initial_parameters
from convlet.training.loop import Watch, train
from convlet.training.resuming import as_it_began, saved_run
from convlet.training.saving import Checkpoints
from convlet.training.weighting import check_class_weights


def fit_recipe(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    saves: bool = True,
    initial: Parameters | None = None,
    data_changed: bool = False,
    until: float = math.inf,
    watch: Watch = lambda run: None,
    preparing: Preparing | None = None,
) -> Run:
    """Train a recipe's network on its data, already loaded: `convlet.fit`, which says what is raised, and the command
    line do all the rest.

    Weights start as `initial` says, or else as the recipe's initialisers do. Where another process keeps the run
    (`saves=False`), this one begins it in a folder, but saves nothing there. With `data_changed`, a run is continued on
    this data though it began with others. No step begins after `until` on the monotonic clock: the run ends there as it
    is, and may go on.
    """
    folder = Path(run_dir) if run_dir is not None else None
    data = as_it_began(recipe.network, data) if resume else data
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    recipe = replace(recipe, data=recipe.data.resolved(data), parent=_parent(recipe, folder, resume, initial))
    if recipe.training.patience and data.validation is None:
        raise InputError(f"patience={recipe.training.patience}: {data.name} has no validation examples to go by.")
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the loop itself looks at every loss
    with stop_on_signals() as stop, hold(folder), quiet:
        prepared = preparing or (lambda done, total, part: None)

        def progress(done: int, total: int, part: str) -> None:
            stop.check()
            prepared(done, total, part)

        try:
            saved = saved_run(recipe, data, folder, data_changed=data_changed) if resume else None
            run = _start(recipe, data, engine or default_engine(), folder, resume, saved, initial, progress)
        except Stopped as stopped:
            stopped.outcome = " before the first step, so there is nothing new to save."
            raise
        if not saves:
            run.run_dir = None
        checkpoints = Checkpoints(run, recipe)
        started = time.perf_counter()
        try:
            with saved_whatever_happens(run, checkpoints, stop, new=not resume), stopped_together(stop):
                train(run, data, recipe, checkpoints, stop, watch, until)
                stop.check()  # a signal during the last step or save
        finally:
            run.clock.train = time.perf_counter() - started
    if recipe.training.patience:
        checkpoints.restore_best()
    return run


def check_data(recipe: Recipe, data: Dataset) -> None:
    """Raise unless a recipe suits this data: images' shape, classes, augmentation; and unless something is to learn."""
    network = recipe.network
    if not isinstance(data, Dataset):
        expected = "a Dataset, such as datasets.mnist() or datasets.load(path)"
        raise InputError(f"data={type(data).__name__}: expected {expected}.")
    if network.input_shape != data.image_shape:
        channels, *size = data.image_shape
        first = (*size, channels) == network.input_shape
        mend = "use images.transpose(0, 2, 3, 1), for they look channels-first"
        raise DataError(
            f"data {data.name!r} has images of shape {data.image_shape}, but the network takes {network.input_shape}: "
            f"{mend if first else f'give the network input_shape = {list(data.image_shape)}'}."
        )
    if (outputs := network.check_classifier()) != len(data.classes):
        raise DataError(
            f"data {data.name!r} has {len(data.classes)} classes, but the network has {outputs} outputs: "
            f"let it end in Dense({len(data.classes)})."
        )
    if network.weights and not network.trained_weights:
        raise InputError("trainable: every layer with weights is frozen; leave at least one of them to be trained.")
    if data.kind and any(isinstance(each, Flip) and not each.insist for each in recipe.augmentation):
        raise InputError(
            f"augmentation: Flip on {data.name!r}, whose images are {data.kind}: mirrored they are none, or others. "
            "Leave it out; or insist on it, with insist=True (in a recipe: insist = true)."
        )


def _parent(recipe: Recipe, folder: Path | None, resume: bool, initial: Parameters | None) -> str | None:
    """The fingerprint of the weights that a run starts, or once started, from; None where its initialisers made them.

    Raises InputError where the recipe is that of a run from another's weights, which are not given.
    """
    if resume and folder is not None:
        return recipe_of(folder).parent
    if initial is not None:
        return weights_sha256(initial)
    if recipe.parent is not None:
        raise InputError(
            f"parent={recipe.parent[:12]}…: this recipe starts from another run's weights, which it does not hold. "
            "Name that run (fit(run, data), or convlet train --from RUN), or take parent out to start afresh."
        )
    return None


def _start(
    recipe: Recipe,
    data: Dataset,
    engine: str,
    folder: Path | None,
    resume: bool,
    saved: Checkpoint | None,
    initial: Parameters | None,
    progress: Preparing,
) -> Run:
    """The run before its first step, or as it was saved."""
    started, training, total_steps = time.perf_counter(), recipe.training, recipe.training.total_steps(len(data.train))
    parameters = saved.state.parameters if saved else initial or initial_parameters(recipe.network, data, training.seed)
    history = saved.history if saved else History(training.batch_size)
    program = find_engine(engine).compile(recipe.network, parameters, recipe.optimizer)
    if saved:
        program.restore(saved.state)
    run = Run(recipe.network, program, data.classes, history, training.seed, engine, total_steps, folder, recipe.data)
    begins, split = None if resume else folder, data.collected.split_csv() if data.collected else None
    if begins is not None:
        begin_run(begins, recipe, split)
    try:
        if initial is not None and begins is not None:
            Checkpoints(run, recipe).save()  # before anything can stop it: no recipe could make these weights again
        prepare(program, recipe, data.train, engine, progress)
    except Stopped:  # who was stopped may go on
        raise
    except BaseException:
        if begins is not None:
            abandon_run(begins)
        raise
    if folder is not None and resume:
        continue_run(folder, training, recipe.data, split)
    run.clock.compile = time.perf_counter() - started
    return run
