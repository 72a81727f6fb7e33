"""The training loop, on one screen: batch, step, validate, save.

Every random choice of a step is a function of the seed and the step (`convlet.randomness`), so a run that is stopped
and resumed goes exactly the way it would have gone.
"""

import math
import time
from collections.abc import Callable

from convlet.datasets import Dataset
from convlet.errors import NumericsError
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, Training
from convlet.runs.run import Run
from convlet.signals import Stop
from convlet.training.ahead import Ahead
from convlet.training.batches import batches
from convlet.training.saving import Checkpoints

Watch = Callable[[Run], None]  # called after every step and every validation


def both(first: Watch, second: Watch) -> Watch:
    """A watch that calls both, one after the other."""

    def each(run: Run) -> None:
        first(run)
        second(run)

    return each


def train(
    run: Run,
    data: Dataset,
    recipe: Recipe,
    checkpoints: Checkpoints,
    stop: Stop,
    watch: Watch,
    until: float = math.inf,
) -> None:
    """Take the steps that are left, but none after `until` on the monotonic clock.

    Raises Stopped, between two steps, and NumericsError.
    """
    left = range(run.history.steps, run.total_steps)
    with batches(recipe, data.train, left, engine=run.engine) as ahead:
        _learn(run, data, recipe, ahead, checkpoints, stop, watch, until)


def _learn(
    run: Run,
    data: Dataset,
    recipe: Recipe,
    ahead: Ahead,
    checkpoints: Checkpoints,
    stop: Stop,
    watch: Watch,
    until: float,
) -> None:
    training, optimizer, images = recipe.training, recipe.optimizer, len(data.train)
    history, program = run.history, run.program
    while True:
        step = history.steps
        last = step if time.monotonic() >= until else run.total_steps
        if validation_is_due(history, images, training, last):
            validate(run, data, checkpoints, stop)
            watch(run)
        if step >= last or (training.patience and history.waited() >= training.patience):
            run.out_of_time = last < run.total_steps
            return
        stop.check()

        started = time.perf_counter()
        batch = ahead.next()
        run.clock.waiting += time.perf_counter() - started
        reporting = step % training.report_every == 0
        right = program.predict(batch.images).argmax(axis=1) == batch.labels if reporting else None
        loss, correct = program.step(batch, optimizer.rate(step, run.total_steps))
        if not math.isfinite(loss):
            raise NumericsError(f"step {step + 1}: {run.explain(batch.images, f'the loss is {loss}')}")
        if right is not None:
            history.report(right)
        history.record(loss, correct)
        run.clock.steps += time.perf_counter() - started
        run.clock.taken += 1

        checkpoints.save_if_due()
        watch(run)


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
