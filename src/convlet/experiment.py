"""A whole experiment, from a network or a recipe to a run folder with everything in it: `fit`, and `convlet train`."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from convlet.checks import other_words, true_or_false
from convlet.datasets import Dataset, Pair
from convlet.datasets.splits import SHARES, split
from convlet.descriptions.augmentation import Augmentation, checked
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Adam, Optimizer
from convlet.engines import Preparing, default_engine
from convlet.engines import engine as find_engine
from convlet.environment import limit_threads
from convlet.errors import ConvletError, GroupError, InputError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.data_source import DataSource
from convlet.runs.evaluation import Evaluation
from convlet.runs.folder import claim_folder, recipe_of
from convlet.runs.recipe import Recipe, Training
from convlet.runs.run import Run
from convlet.signals import Stopped, stop_on_signals
from convlet.training.continuing import from_run
from convlet.training.fit import check_data, fit_recipe
from convlet.training.loop import Watch
from convlet.training.rate_range import HIGHEST, LOWEST, STEPS, RateCurve, try_rates
from convlet.training.weighting import check_class_weights


@dataclass(frozen=True)
class Experiment:
    """What is to be done: a recipe, where to keep the run, on which engine, and whether to go on with it.

    Without a folder nothing is drawn. `initial` are the weights it starts from, if not the recipe's own. Of several
    processes that train together, one keeps the run (`keep`); the others evaluate and draw nothing.
    """

    recipe: Recipe
    run_dir: Path | None
    engine: str
    resume: bool = False
    keep: bool = True
    initial: Parameters | None = None


def new(recipe: Recipe, data: Dataset, run_dir: Path | None = None, engine: str | None = None) -> Experiment:
    """A new run of a recipe, in a folder of its own: `runs/<recipe>-<number>`, made at once, unless one is named.

    Raises before there is a folder where the recipe does not suit the data, or the engine cannot run here.
    """
    check_data(recipe, data)
    check_class_weights(recipe.training, data)
    find_engine(name := engine or default_engine())
    return Experiment(recipe, run_dir or claim_folder(Path("runs"), recipe.name), name)


def resumed(
    run_dir: Path, engine: str | None = None, *, steps: int | None = None, source: str | None = None
) -> Experiment:
    """The run in a folder, from where it was saved; with `steps`, until that many in all. Raises StorageError.

    `source` is where its data is now, if it was moved.
    """
    recipe = recipe_of(run_dir)
    recipe = replace(recipe, data=recipe.data.at(source))
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
            initial=experiment.initial,
            watch=watch,
            preparing=preparing,
        )
        if not experiment.keep or experiment.run_dir is None:
            return run, None
        with stop_on_signals() as stop:
            evaluation = run.evaluate(data.test, stop=stop) if data.test is not None else None
    except (Stopped, GroupError):
        if experiment.keep and experiment.run_dir is not None:
            _draw_stopped(experiment, experiment.run_dir, data)
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
    )
    return run, evaluation


def _draw(experiment: Experiment, data: Dataset, **what: Any) -> None:
    """Draw what there is to see. Where that fails, the run is kept all the same, and its figures can be told."""
    try:
        if experiment.run_dir is not None:
            draw_run(experiment.run_dir, recipe=experiment.recipe, trained_on=data.train, **what)
    except Exception as error:
        _warn_of_pictures(error)


def _warn_of_pictures(error: Exception) -> None:
    reason = str(error) or type(error).__name__
    warnings.warn(f"the run is saved, but not all of it could be drawn: {reason}", stacklevel=4)


def _draw_stopped(experiment: Experiment, folder: Path, data: Dataset) -> None:
    last = folder / "last.safetensors"
    if not last.exists():  # stopped while compiling: there is nothing to draw, and it goes on from its recipe
        return
    try:
        checkpoint = load_checkpoint(last)
    except ConvletError as error:  # who stopped the run is to hear of that
        _warn_of_pictures(error)
        return
    _draw(
        experiment,
        data,
        history=checkpoint.history,
        network=checkpoint.network,
        parameters=checkpoint.state.parameters,
        classes=checkpoint.classes,
    )


def draw_run(folder: Path, **seen: Any) -> None:
    """What there is to see of a run, into its folder (`convlet.report.figures.run`)."""
    from convlet.report.figures import run  # not before there is something to draw: matplotlib is slow to come

    run.draw_run(folder, **seen)


@other_words(
    verbose="progress=False",
    validation_split="validation=0.2",
    validation_data="validation=(images, labels)",
    callbacks="watch=function",
)
def fit(
    network: Sequential | Run,
    data: Dataset | str | Path | Pair,
    *,
    validation: Pair | float | None = None,
    test: Pair | None = None,
    sample_weight: ArrayLike | None = None,
    freeze: Sequence[str] | None = None,
    optimizer: Optimizer | None = None,
    augmentation: Sequence[Augmentation] = (),
    batch_size: int = 50,
    steps: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    patience: int | None = None,
    report_every: int = 1000,
    validate_every: int = 1,
    label_smoothing: float = 0.0,
    class_weights: str | Mapping[str, float] | None = None,
    engine: str | None = None,
    threads: int | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Watch = lambda run: None,
) -> Run:
    """Train a network, and return the run: its weights, its history, ready to evaluate and predict.

    `data` is a Dataset, a name or path as `datasets.load` takes it, or (images, labels); then `validation` and `test`
    are those of `Dataset.from_arrays`: pairs too, or for validation a share of each class, always the same images; that
    share may be held out of a Dataset too, if it has no validation examples. `sample_weight` (N,) says how much each of
    the images counts in the loss of training.
    Given a run in place of a network, a new run starts from its weights, with a new last layer where the classes are
    others. `freeze` names the layers of it that stay as they are, such as ["conv2d_1"], while all others are trained;
    without it those stay that the run had frozen.

    `augmentation` changes each training image a little at each sight: a list such as [augmentation.Shift(0.07),
    augmentation.Rotation(10)]; the same seed gives the same pictures. A Flip is refused on digits and letters.

    Exactly one of `steps` and `epochs` says how long. The other words are those of `Training`. `optimizer` is
    Adam(0.001) unless given; `engine` the fastest engine that runs here; `threads` how many this process uses from now
    on. With `run_dir`, the run is saved there as it goes, with its pictures at the end; with `resume` too, it continues
    from what is saved there, exactly as if it had never stopped. One line on stderr says how far it is, unless
    `progress=False`; `watch(run)` is called after every step.

    Raises InputError and DataError before anything is trained; NumericsError when a loss is no longer a number;
    Stopped (a KeyboardInterrupt) after Ctrl-C, SIGTERM or SIGHUP, when the step is finished and the run saved, with the
    network as trained so far in its `run`; GroupError where another process of the run is lost, when the step is undone
    and the run saved. Whatever else is raised, by `watch` too: the run is saved first, and a note says where.
    """
    if threads is not None:
        limit_threads(threads)
    if isinstance(data, str | Path):
        data = _load(data, network)
    dataset = _dataset(data, validation, test, sample_weight)
    training = Training(
        batch_size, steps, epochs, seed, report_every, validate_every, patience, label_smoothing, class_weights
    )
    initial, said = None, ""
    if isinstance(network, Run):
        network, initial, said = from_run(network, dataset.classes, seed, _names(freeze))
    elif freeze is not None:
        raise InputError(f"freeze={freeze!r}: it goes with a run; of a network, give network.freeze(...) in its place.")
    source = DataSource(dataset.source)
    recipe = Recipe("fit", network, training, optimizer or Adam(), source, augmentation=checked(augmentation))
    folder = Path(run_dir) if run_dir is not None else None
    planned = Experiment(recipe, folder, engine or default_engine(), resume, initial=initial)
    try:
        with _line(progress) as line:
            for note in (*(dataset.collected.notes if dataset.collected else ()), *([said] if said else [])):
                line.say(note)
            return perform(planned, dataset, _both(line, watch), line.preparing)[0]
    except Stopped as stopped:
        _end_in_a_line()
        raise stopped.with_traceback(None) from None  # where between two steps it was is of no interest to anybody


def find_rate(
    network: Sequential,
    data: Dataset | str | Path | Pair,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int = 50,
    seed: int = 0,
    label_smoothing: float = 0.0,
    class_weights: str | Mapping[str, float] | None = None,
    augmentation: Sequence[Augmentation] = (),
    steps: int = STEPS,
    between: tuple[float, float] = (LOWEST, HIGHEST),
    engine: str | None = None,
    threads: int | None = None,
) -> RateCurve:
    """Which learning rate suits this training: the losses along rates that grow from step to step, and a suggestion.

    `data` and the words of training are those of `fit`, and so is what is raised before anything is trained. There are
    at most `steps` rates, from the lowest to the highest of `between`; it ends earlier where the loss diverges. Nothing
    is kept: `fit` starts afresh. `.suggestion` may be None, `.reason` says why, `.plot()` shows the curve.
    """
    if threads is not None:
        limit_threads(threads)
    training = Training(batch_size, steps=1, seed=seed, label_smoothing=label_smoothing, class_weights=class_weights)
    dataset = _dataset(data, None, None, None)
    source = DataSource(dataset.source)
    recipe = Recipe("find_rate", network, training, optimizer or Adam(), source, augmentation=checked(augmentation))
    return try_rates(recipe, dataset, engine=engine, steps=steps, between=between)


def _names(freeze: Sequence[str] | None) -> Sequence[str] | None:
    if freeze is not None and (isinstance(freeze, str) or not isinstance(freeze, Iterable)):
        raise InputError(f"freeze={freeze!r}: expected a list of layers' names, such as ['conv2d_1'].")
    return freeze


def _load(source: str | Path, network: Sequential | Run) -> Dataset:
    """The data set that a name or path stands for; pictures as the network takes them."""
    taker = network.network if isinstance(network, Run) else network
    named = DataSource(str(source))
    return (named.suited_to(taker) if isinstance(taker, Sequential) else named).load()


def _dataset(data: Any, validation: Any, test: Any, sample_weight: Any) -> Dataset:
    if isinstance(data, tuple | list) and len(data) == 2:
        return Dataset.from_arrays(*data, validation=validation, test=test, sample_weight=sample_weight)
    if isinstance(data, Dataset) and isinstance(validation, SHARES) and data.validation is None:
        train, held = split(data.train, float(validation))
        data, validation = replace(data, train=train, validation=held), None
    if validation is not None or test is not None:
        raise InputError("validation, test: they go with data=(images, labels); a data set has parts of its own.")
    if sample_weight is not None:
        raise InputError(
            "sample_weight: it goes with data=(images, labels); a data set has its own, from "
            "Dataset.from_arrays(images, labels, sample_weight=...)."
        )
    if not isinstance(data, Dataset):
        expected = "a Dataset, such as datasets.mnist(), a name or path, or a pair of arrays, (images, labels)"
        raise InputError(f"data={type(data).__name__}: expected {expected}.")
    return data


def _line(progress: bool) -> Any:
    """What shows the run: a line on stderr, or nothing."""
    from convlet.report.terminal import quiet_line  # rich is not needed before something is shown

    return quiet_line.QuietLine() if true_or_false("progress", progress) else quiet_line.Silent()


def _end_in_a_line() -> None:
    from convlet.report.terminal import quiet_line  # likewise

    quiet_line.end_in_a_line()


def _both(line: Watch, watch: Watch) -> Watch:
    def each(run: Run) -> None:
        line(run)
        watch(run)

    return each
