"""Training: the loop, on one screen, and `fit` around it.

Every random choice of a step is a function of the seed and the step (`convlet.randomness`), so a run that is stopped
and resumed goes exactly the way it would have gone.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convlet import storage
from convlet.checkpoints import Checkpoints
from convlet.datasets import Dataset
from convlet.engines import Progress, default_engine, engine
from convlet.errors import DataError, GroupError, InputError, NumericsError
from convlet.history import History
from convlet.network import Sequential
from convlet.optimizers import Adam, Optimizer
from convlet.randomness import generator
from convlet.recipe import Data, Recipe, Training
from convlet.resuming import saved_run
from convlet.run import Run
from convlet.stopping import Stop, Stopped, stop_on_signals

Watch = Callable[[Run], None]  # called after every step and every validation


def train(run: Run, data: Dataset, recipe: Recipe, checkpoints: Checkpoints, stop: Stop, watch: Watch) -> None:
    """Take the steps that are left. Raises Stopped, between two steps, and NumericsError."""
    training, optimizer, seed = recipe.training, recipe.optimizer, recipe.training.seed
    history, program, images = run.history, run.program, len(data.train)
    while True:
        step = history.steps
        if validation_is_due(history, images, training, run.total_steps):
            validate(run, data, checkpoints, stop)
            watch(run)
        if step >= run.total_steps or (training.patience and history.waited() >= training.patience):
            return
        stop.check()

        started = time.perf_counter()
        pixels, labels = data.train.batch(batch_indices(images, training.batch_size, seed, step))
        right = program.predict(pixels).argmax(axis=1) == labels if step % training.report_every == 0 else None
        masks = run.network.dropout_masks(len(labels), seed, step)
        loss, correct = program.step(pixels, labels, masks, optimizer.rate(step, run.total_steps))
        if not math.isfinite(loss):
            raise NumericsError(f"step {step + 1}: {run.explain(pixels, loss)}")
        if right is not None:
            history.report(right)
        history.record(loss, correct)
        run.clock.steps += time.perf_counter() - started
        run.clock.taken += 1

        checkpoints.save_if_due()
        watch(run)


@lru_cache(maxsize=4)  # a batch lies in one epoch or two
def _order(images: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator(seed, "shuffle", epoch=epoch).permutation(images)


def batch_indices(images: int, batch_size: int, seed: int, step: int) -> NDArray[np.int64]:
    """Which images make the batch of a step: (batch_size,), in [0, images).

    The epochs stand in a row, each with all images in an order of its own, and batches are cut from that row. So a
    batch that meets the end of an epoch is completed from the next, as the tutorial's `next_batch` does.
    """
    epochs, within = np.divmod(np.arange(step * batch_size, (step + 1) * batch_size), images)
    return np.concatenate([_order(images, seed, int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])


def validation_is_due(history: History, images: int, training: Training, total_steps: int) -> bool:
    """Whether the validation that belongs before the next step is still to be done."""
    step = history.steps
    belongs = step > 0 and (step == total_steps or training.validates_after(step, images))
    return belongs and not (history.validations and history.validations[-1][0] == step)


def validate(run: Run, data: Dataset, checkpoints: Checkpoints, stop: Stop) -> None:
    """Validate, where there are validation examples, and save; the best so far is kept apart."""
    step = run.history.steps
    if data.validation is not None:
        evaluation = run.evaluate(data.validation, stop=stop)
        run.history.validations.append((step, evaluation.loss, evaluation.accuracy))
    checkpoints.save(best=data.validation is None or run.history.best == run.history.validations[-1])


def fit(
    network: Sequential,
    data: Dataset,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int = 50,
    steps: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    patience: int | None = None,
    report_every: int = 1000,
    validate_every: int = 1,
    engine_name: str | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    watch: Watch = lambda run: None,
) -> Run:
    """Train a network, and return the run: its weights, its history, ready to evaluate and predict.

    Exactly one of `steps` and `epochs` says how long. The other words are those of `Training`. `optimizer` is
    Adam(0.001) unless given; `engine_name` the fastest engine that runs here. With `run_dir`, the run is saved there
    as it goes; with `resume` too, it continues from what is saved there, exactly as if it had never stopped.

    Raises InputError and DataError before anything is trained; NumericsError when a loss is no longer a number;
    Stopped (a KeyboardInterrupt) after Ctrl-C or SIGTERM, when the step is finished and the run saved; GroupError
    where another process of the run is lost, when the step is undone and the run saved.
    """
    training = Training(batch_size, steps, epochs, seed, report_every, validate_every, patience)
    recipe = Recipe("fit", network, training, optimizer or Adam(), Data(getattr(data, "name", "")))
    return fit_recipe(recipe, data, engine_name=engine_name, run_dir=run_dir, resume=resume, watch=watch)


def fit_recipe(
    recipe: Recipe,
    data: Dataset,
    *,
    engine_name: str | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    keep: bool = True,
    watch: Watch = lambda run: None,
    preparing: Progress | None = None,
) -> Run:
    """`fit`, with network, optimizer and training from a recipe, and its data already loaded.

    Where another process keeps the run (`keep=False`), this one begins it in a folder, but saves nothing there.
    """
    folder = Path(run_dir) if run_dir is not None else None
    check_data(recipe.network, data)
    if recipe.training.patience and data.validation is None:
        raise InputError(f"patience={recipe.training.patience}: {data.name} has no validation examples to go by.")
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the loop itself looks at every loss
    with stop_on_signals() as stop, storage.hold(folder), quiet:
        prepared = preparing or (lambda done, total, part: None)

        def progress(done: int, total: int, part: str) -> None:
            stop.check()
            prepared(done, total, part)

        run = _start(recipe, data, engine_name or default_engine(), folder, resume, progress)
        if not keep:
            run.run_dir = None
        checkpoints = Checkpoints(run)
        started = time.perf_counter()
        try:
            train(run, data, recipe, checkpoints, stop, watch)
            stop.check()  # a signal during the last step or save
        except (Stopped, GroupError):
            checkpoints.save()
            stop.check()  # where all processes of a run were told to stop, the first to go is missed by the others
            raise
        finally:
            run.clock.train = time.perf_counter() - started
    if recipe.training.patience:
        checkpoints.restore_best()
    return run


def check_data(network: Sequential, data: Dataset) -> None:
    """Raise unless the network can be trained on this data: its images' shape, and as many outputs as classes."""
    if not isinstance(data, Dataset):
        expected = "a Dataset, such as datasets.mnist() or datasets.load(path)"
        raise InputError(f"data={type(data).__name__}: expected {expected}.")
    if network.input_shape != data.image_shape:
        raise DataError(
            f"data {data.name!r} has images of shape {data.image_shape}, but the network takes {network.input_shape}: "
            f"give the network input_shape = {list(data.image_shape)}."
        )
    if (outputs := network.check_classifier()) != len(data.classes):
        raise DataError(
            f"data {data.name!r} has {len(data.classes)} classes, but the network has {outputs} outputs: "
            f"let it end in Dense({len(data.classes)})."
        )


def _start(
    recipe: Recipe, data: Dataset, engine_name: str, folder: Path | None, resume: bool, progress: Progress
) -> Run:
    """The run before its first step, or as it was saved."""
    started, training, total_steps = time.perf_counter(), recipe.training, recipe.training.total_steps(len(data.train))
    saved = saved_run(recipe, data, folder) if resume else None
    parameters = saved.state.parameters if saved else recipe.network.initial_parameters(training.seed)
    history = saved.history if saved else History(training.batch_size)
    program = engine(engine_name).compile(recipe.network, parameters, recipe.optimizer)
    if saved:
        program.load(saved.state)
    if folder is not None and not resume:
        storage.begin_run(folder, recipe)
    try:
        program.prepare(training.batch_size, progress)
    except InputError:
        if folder is not None and not resume:
            storage.abandon_run(folder)
        raise
    if folder is not None and resume:
        storage.continue_run(folder, training)
    run = Run(
        recipe.network, program, data.classes, history, training.seed, engine_name, total_steps, folder, data.sha256
    )
    run.clock.compile = time.perf_counter() - started
    return run
