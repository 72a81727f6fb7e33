"""`fit`: whatever is given in Python, made one experiment, and performed in sight of who asked for it."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from convlet.checks import duration, other_words, true_or_false
from convlet.datasets import MEMORY, Dataset, Pair, as_dataset
from convlet.descriptions.augmentation import Augmentation
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines import default_engine
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.experiment import Experiment, perform
from convlet.report.tensorboard import check_log
from convlet.runs.choosing import chosen_recipe, validated
from convlet.runs.data_source import DataSource
from convlet.runs.folder import split_of
from convlet.runs.recipe import Recipe, Training, load_recipe
from convlet.runs.run import Run
from convlet.signals import Stopped
from convlet.training.continuing import from_run
from convlet.training.loop import Watch, both
from convlet.training.pace import out_of_time, timed
from convlet.training.rate_range import HIGHEST, LOWEST, STEPS, RateCurve, try_rates


@other_words(
    verbose="progress=False",
    validation_split="validation=0.2",
    validation_data="validation=(images, labels)",
    callbacks="watch=function",
)
def fit(
    network: Sequential | Run | Recipe | str | Path | Dataset,
    data: Dataset | str | Path | Pair | None = None,
    *,
    validation: Pair | float | None = None,
    test: Pair | None = None,
    sample_weight: ArrayLike | None = None,
    freeze: Sequence[str] | None = None,
    optimizer: Optimizer | None = None,
    augmentation: Sequence[Augmentation] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    time_limit: float | str | None = None,
    seed: int | None = None,
    patience: int | None = None,
    report_every: int | None = None,
    validate_every: int | None = None,
    label_smoothing: float | None = None,
    class_weights: str | Mapping[str, float] | None = None,
    engine: str | None = None,
    threads: int | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    data_changed: bool = False,
    log: str | None = None,
    progress: bool = True,
    watch: Watch = lambda run: None,
) -> Run:
    """Train a network, and return the run: its weights, its history, ready to evaluate and predict.

    `data` is a Dataset, a name or path as `datasets.load` takes it, or (images, labels); `validation` and `test` are
    pairs too, or validation is a share of each class to hold out, always the same images. `sample_weight` (N,) says how
    much each image counts in the loss of training; `augmentation`, such as [augmentation.Shift(0.07)], how each is
    changed at each sight.

    In place of a network, a Recipe, the name of a built-in one, or the path of a .toml file says all of this, and what
    is said here takes the place of that. Given a run, a new run starts from its weights, with a new last layer where
    the classes are others; of it, the layers that `freeze` names stay as they are, or else those that were frozen. For
    a Dataset alone, `fit(data)`, a recipe is chosen, and it says why.

    Exactly one of `steps` and `epochs` says how long; they and the other words are those of `Training`. With a
    `time_limit`, seconds or a text such as "5m", there are no more steps than fit into it. `optimizer` is Adam(0.001)
    unless given; `engine` the fastest that runs here; `threads` how many this process uses from now on. With `run_dir`,
    the run is saved there as it goes, with pictures at the end; with `resume` too, it continues as if it had never
    stopped, on the data that it began with, or with `data_changed` on what they are now. A line on stderr says how far
    it is, unless `progress=False`; `watch(run)` follows each step, and `log="tensorboard"` keeps the curves in the
    folder for TensorBoard, too.

    Raises InputError and DataError before anything is trained; NumericsError when a loss is no longer a number;
    Stopped (a KeyboardInterrupt) after Ctrl-C, SIGTERM or SIGHUP, GroupError where another process is lost: each with
    the run saved after its last whole step, Stopped with the run as its `run`. So is it whatever `watch` raises.
    """
    words: dict[str, Any] = {"batch_size": batch_size, "steps": steps, "epochs": epochs, "augmentation": augmentation}
    words |= {"patience": patience, "report_every": report_every, "validate_every": validate_every}
    words |= {"label_smoothing": label_smoothing, "class_weights": class_weights, "optimizer": optimizer, "seed": seed}
    given = {"validation": validation, "test": test, "sample_weight": sample_weight}
    how = _Asked(engine, threads, run_dir, resume, data_changed, log, time_limit)
    planned, images, said = _planned(network, data, words, given, freeze, how)
    return _in_sight(planned, images, said, progress, watch)


def find_rate(
    network: Sequential | Recipe | str | Path,
    data: Dataset | str | Path | Pair | None = None,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    label_smoothing: float | None = None,
    class_weights: str | Mapping[str, float] | None = None,
    augmentation: Sequence[Augmentation] | None = None,
    steps: int = STEPS,
    between: tuple[float, float] = (LOWEST, HIGHEST),
    engine: str | None = None,
    threads: int | None = None,
) -> RateCurve:
    """Which learning rate suits this training: the losses along rates that grow from step to step, and a suggestion.

    A network or a recipe, `data` and the words of training are those of `fit`, and so is what is raised before anything
    is trained. There are at most `steps` rates, from the lowest to the highest of `between`; it ends earlier where the
    loss diverges. Nothing is kept: `fit` starts afresh. `.suggestion` may be None, `.reason` says why, `.plot()` shows
    the curve.
    """
    if threads is not None:
        limit_threads(threads)
    words: dict[str, Any] = {"batch_size": batch_size, "seed": seed}
    words |= {"label_smoothing": label_smoothing, "class_weights": class_weights}
    words |= {"optimizer": optimizer, "augmentation": augmentation, "steps": 1}
    recipe = _recipe(network, words)
    recipe, images = recipe.on(data)
    return try_rates(replace(recipe, name="find_rate"), images, engine=engine, steps=steps, between=between)


@dataclass(frozen=True)
class _Asked:
    """On which engine, where, and for how long at most: what `fit` was told that is no word of a recipe."""

    engine: str | None
    threads: int | None
    run_dir: str | Path | None
    resume: bool
    data_changed: bool
    log: str | None
    time_limit: float | str | None


def _planned(
    network: Sequential | Run | Recipe | str | Path | Dataset,
    data: Dataset | str | Path | Pair | None,
    words: dict[str, Any],
    given: dict[str, Any],
    freeze: Sequence[str] | None,
    how: _Asked,
) -> tuple[Experiment, Dataset, list[str]]:
    """The experiment that is asked for, its data, and what there is to say of it."""
    if how.threads is not None:
        limit_threads(how.threads)
    check_log(how.log, how.run_dir)
    seconds = None if how.time_limit is None else duration("time_limit", how.time_limit)
    ends, folder = time.monotonic() + (seconds or math.inf), None if how.run_dir is None else Path(how.run_dir)
    earlier = _earlier(folder, how.resume, how.data_changed)
    recipe, images, notes = _asked(network, data, words, given, earlier, seconds)
    recipe, initial, said = _from(network, recipe, images, freeze)
    further: dict[str, Any] = {"initial": initial, "data_changed": how.data_changed, "log": how.log}
    planned = Experiment(recipe, folder, how.engine or default_engine(), how.resume, **further)
    if ends < math.inf:
        planned = _within(planned, images, ends, isinstance(network, Dataset) and words["validate_every"] is None)
        said = [*said, *_shortened(recipe, planned.recipe, len(images.train))]
    return planned, images, [*notes, *said]


def _earlier(folder: Path | None, resume: bool, data_changed: bool) -> dict[str, Any]:
    """How the data of a run that goes on is loaded: in the parts that it was in, and whether it may have changed."""
    if true_or_false("data_changed", data_changed) and not resume:
        raise InputError("data_changed=True without resume=True: a new run takes what there is; leave it out.")
    return {"split": split_of(folder) if resume and folder is not None else None, "changed": data_changed}


def _asked(
    network: Sequential | Run | Recipe | str | Path | Dataset,
    data: Dataset | str | Path | Pair | None,
    words: dict[str, Any],
    given: dict[str, Any],
    earlier: dict[str, Any],
    seconds: float | None,
) -> tuple[Recipe, Dataset, list[str]]:
    """The recipe that is asked for, or chosen, and its data, loaded; of one that is chosen why it is as it is."""
    if not isinstance(network, Dataset):
        return (*_recipe(network, words).on(data, **given, **earlier), [])
    if data is not None:
        raise InputError(f"data={type(data).__name__}: expected one data set, fit(data), or fit(network, data).")
    images = as_dataset(network, **given)
    chosen = chosen_recipe(images, DataSource(images.source), **({"minutes": seconds / 60} if seconds else {}))
    recipe = _recipe(chosen.recipe, words)
    if words["validate_every"] is None:
        recipe = validated(recipe, len(images.train))
    chosen = chosen.retold(recipe, len(images.train))
    return chosen.recipe, images, [f"{topic}: {reason}." for topic, reason in chosen.reasons]


def _within(planned: Experiment, data: Dataset, ends: float, is_chosen: bool) -> Experiment:
    """The experiment with no more steps than fit in until that moment."""
    if planned.resume:
        raise InputError("time_limit with resume=True: a run continues as it began; leave time_limit out.")
    draws = planned.run_dir is not None
    recipe, until, _ = timed(planned.recipe, data, ends, engine=planned.engine, draws=draws, is_chosen=is_chosen)
    return replace(planned, recipe=recipe, until=until)


def _shortened(asked: Recipe, fitted: Recipe, images: int) -> list[str]:
    """In words, how many steps fit into the time, where they are fewer than were asked for."""
    steps, wanted = (recipe.training.total_steps(images) for recipe in (fitted, asked))
    return [f"time_limit: {steps:,} steps, as all {wanted:,} do not fit."] if steps < wanted else []


def _recipe(network: Sequential | Run | Recipe | str | Path, words: dict[str, Any]) -> Recipe:
    """The recipe that is given, with what else is given in place of its own; or one for a network or a run."""
    words = {word: value for word, value in words.items() if value is not None}
    parts = {part: words.pop(part) for part in ("optimizer", "augmentation") if part in words}
    if isinstance(network, str | Path):
        network = load_recipe(network)
    if isinstance(network, Recipe):
        return replace(network, training=network.training.changed(**words), **parts)
    training = Training(**words)
    layers = network.network if isinstance(network, Run) else network
    return Recipe("fit", layers, training, data=DataSource(MEMORY), **parts)


def _from(
    given: object, recipe: Recipe, data: Dataset, freeze: Sequence[str] | None
) -> tuple[Recipe, Parameters | None, list[str]]:
    """The recipe for a run that is to be trained further, with its weights, and in words what is new."""
    if isinstance(given, Run):
        if freeze is not None and (isinstance(freeze, str) or not isinstance(freeze, Iterable)):
            raise InputError(f"freeze={freeze!r}: expected a list of layers' names, such as ['conv2d_1'].")
        network, initial, said = from_run(given, data.classes, recipe.training.seed, freeze)
        return replace(recipe, network=network), initial, [said]
    if freeze is not None:
        raise InputError(f"freeze={freeze!r}: it goes with a run; of a network, give network.freeze(...) in its place.")
    return recipe, None, []


def _in_sight(planned: Experiment, data: Dataset, said: list[str], progress: bool, watch: Watch) -> Run:
    """Perform it, shown on a line on stderr, unless `progress` is False; first it says what there is to be `said`."""
    from convlet.report.terminal import quiet_line  # rich is not needed before something is shown

    try:
        with (quiet_line.QuietLine if true_or_false("progress", progress) else quiet_line.Silent)(data) as line:
            for note in (*(data.collected.said if data.collected else ()), *said):
                line.say(note)
            run, _ = perform(planned, data, both(line, watch), line.preparing)
            if short := out_of_time(run):
                line.say(f"{short}{' Go on with resume=True.' if planned.run_dir else ''}")
            return run
    except Stopped as stopped:
        quiet_line.end_in_a_line()
        raise stopped.with_traceback(None) from None  # where between two steps it was is of no interest to anybody
