"""The command line. Results go to stdout, progress and messages to stderr; this is the only place that prints.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped by Ctrl-C or SIGTERM, after saving.
"""

import errno
import json
import shlex
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from convlet import __version__, experiment, storage
from convlet import recipe as recipes
from convlet.benchmarks.accuracy import time_to_accuracy
from convlet.benchmarks.results import Plan, document
from convlet.benchmarks.rounds import measure
from convlet.benchmarks.selection import select
from convlet.benchmarks.workloads import SWEEPS
from convlet.comparison import compare as compare_engines
from convlet.datasets import Dataset, Examples, load
from convlet.datasets.pictures import light_background, read_picture
from convlet.engines import ENGINES, use_backend
from convlet.engines import plan as plan_of
from convlet.errors import ConvletError, InputError
from convlet.experiment import SCHEMA
from convlet.progress import Watcher
from convlet.recipe import Recipe
from convlet.report import outcomes, tables
from convlet.report.benchmark import benchmark_table
from convlet.report.benchmark_pictures import benchmark_figure
from convlet.report.style import to_bytes
from convlet.run import load as load_run
from convlet.stopping import Stopped
from convlet.threads import limit_threads

DEFAULT_RECIPE = "deep-mnist"


class _Commands(click.Group):
    """The group that turns our errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Stopped as stopped:
            sys.exit(128 + stopped.signal)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(128 + signal.SIGINT)
        except ConvletError as error:
            click.echo(f"convlet: {error}", err=True)
            sys.exit(2 if isinstance(error, InputError) else 1)
        except MemoryError as error:
            click.echo(f"convlet: not enough memory: {error or 'none is left'}. Try a smaller --batch-size.", err=True)
            sys.exit(1)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has left: click ends quietly
                raise
            click.echo(f"convlet: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="convlet")
def main() -> None:
    """Small convolutional networks: train, look inside, take along."""
    warnings.formatwarning = lambda message, *_, **__: f"convlet: {message}\n"


def _console(*, err: bool = False) -> Console:
    """A console on stdout or stderr. rich honours NO_COLOR and FORCE_COLOR by itself."""
    return Console(stderr=err, soft_wrap=err)


def _print(as_json: bool, table: dict[str, Any], *shown: Any) -> None:
    """The result: one JSON object, or what a person reads."""
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, **table}, allow_nan=False))
        return
    for part in shown:
        _console().print(part)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
engine_option = click.option("--engine", type=click.Choice(ENGINES), help="Default: the fastest that runs here.")
backend_option = click.option(
    "--backend", type=click.Choice(["tensorflow", "jax", "torch"]), help="What the keras engine computes with."
)
threads_option = click.option("--threads", type=click.IntRange(1), help="Default: one for each processor.")


@main.command()
@click.argument("recipe", required=False)
@click.option("--data", help="'mnist', a folder of IDX files, or an .npz; in place of the recipe's.")
@engine_option
@click.option("--steps", type=click.IntRange(1), help="How many steps in all.")
@click.option("--epochs", type=click.IntRange(1), help="How many passes over the training images, in place of steps.")
@click.option("--batch-size", type=click.IntRange(1), help="Images a step.")
@click.option("--learning-rate", type=float, help="A constant rate, in place of the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Same seed, same run, bit by bit.")
@click.option("--patience", type=click.IntRange(1), help="Stop after so many epochs without a better validation.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where to keep the run. Default: runs/RECIPE-NUMBER.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue the run in this folder.")
@backend_option
@threads_option
@json_option
def train(
    recipe: str | None,
    data: str | None,
    engine: str | None,
    backend: str | None,
    run_dir: Path | None,
    resume: Path | None,
    threads: int | None,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train a network, evaluate it on the test images, and keep everything in a run folder.

    RECIPE is a .toml file or a built-in: deep-mnist (the default), first-kernels or lenet-5.
    """
    used = limit_threads(threads)
    if backend is not None and engine not in (None, "keras"):
        raise InputError(f"--backend={backend} with --engine={engine}: only the keras engine has backends.")
    if backend is not None:
        use_backend(backend)
    engine = engine or (backend and "keras")
    if resume is not None:
        planned = _resumed(resume, recipe, data, run_dir, engine, overrides)
        images = planned.recipe.data.load()
    else:
        chosen = _overridden(recipes.load(recipe or DEFAULT_RECIPE), data, overrides)
        images = chosen.data.load()
        planned = experiment.new(chosen, images, run_dir, engine)
    with Watcher(_console(err=True), planned.recipe, images, used) as watch:
        try:
            run, evaluation = experiment.perform(planned, images, watch, watch.preparing)
        except Stopped:
            click.echo(f"Stopped and saved. Go on with: convlet train --resume {_quoted(planned.run_dir)}", err=True)
            raise
    results = experiment.results(run, evaluation, used)
    if as_json:
        click.echo(json.dumps(results, allow_nan=False))
    else:
        _console().print(outcomes.training_table(results))
        folder = _quoted(planned.run_dir)
        click.echo(f"Next: convlet evaluate {folder} · convlet summary {folder}")


def _quoted(path: Path) -> str:
    """The path as a shell takes it."""
    return shlex.quote(str(path))


def _resumed(
    resume: Path,
    recipe: str | None,
    data: str | None,
    run_dir: Path | None,
    engine: str | None,
    overrides: dict[str, Any],
) -> experiment.Experiment:
    """A run continues as it began: only how far, on which engine and with how many threads can be said anew."""
    fixed = {"RECIPE": recipe, "--data": data, "--run-dir": run_dir}
    fixed |= {f"--{name.replace('_', '-')}": value for name, value in overrides.items() if name != "steps"}
    for name, value in fixed.items():
        if value is not None:
            raise InputError(f"{name}={value} with --resume: a run continues as it began; leave {name} out.")
    return experiment.resumed(resume, engine, steps=overrides["steps"])


def _overridden(recipe: Recipe, data: str | None, overrides: dict[str, Any]) -> Recipe:
    """The recipe with what the command line says in place of its own."""
    given = {name: value for name, value in overrides.items() if value is not None}
    if data is not None:
        recipe = replace(recipe, data=replace(recipe.data, source=data))
    if (rate := given.pop("learning_rate", None)) is not None:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=rate))
    if "steps" in given and "epochs" not in given:
        given["epochs"] = None
    elif "epochs" in given and "steps" not in given:
        given["steps"] = None
    return replace(recipe, training=replace(recipe.training, **given))


def _part(data: Dataset, name: str) -> Examples:
    part: Examples | None = getattr(data, name)
    if part is None:
        raise InputError(f"--part={name}: {data.name} has no such part.")
    return part


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(["test", "validation", "train"]), default="test", show_default=True)
@engine_option
@threads_option
@json_option
def evaluate(run: Path, data: str | None, part: str, engine: str | None, threads: int | None, as_json: bool) -> None:
    """Accuracy, a row for each class, the confusion matrix, and the worst mistakes of the run in folder RUN.

    DATA is what `train --data` takes; by default the data the run was trained on.
    """
    limit_threads(threads)
    trained = load_run(run, engine_name=engine)
    images = load(data) if data else storage.recipe_of(trained.run_dir or run).data.load()
    evaluation = trained.evaluate(_part(images, part))
    _print(
        as_json,
        {"run": str(run), "data": images.name, "part": part, **tables.evaluation_json(evaluation, trained.classes)},
        tables.evaluation_table(evaluation, trained.classes),
        "",
        tables.confusion_table(evaluation, trained.classes),
    )


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
@click.option("--digit", is_flag=True, help="Bring a drawn or photographed digit into MNIST's form first.")
@engine_option
@json_option
def predict(run: Path, images: tuple[Path, ...], digit: bool, engine: str | None, as_json: bool) -> None:
    """The class of each IMAGE, with probabilities, by the run in folder RUN."""
    trained = load_run(run, engine_name=engine)
    pixels = [read_picture(path, trained.network.input_shape, digit=digit) for path in images]
    if not digit and trained.network.input_shape == (28, 28, 1) and any(light_background(image) for image in pixels):
        hint = "The background is light, but MNIST's digits are light on dark: --digit brings an image into that form."
        click.echo(hint, err=True)
    probabilities = trained.predict(np.stack(pixels))
    names = [str(path) for path in images]
    _print(
        as_json,
        {"run": str(run), "predictions": tables.prediction_json(names, probabilities, trained.classes)},
        tables.prediction_table(names, probabilities, trained.classes),
    )


@main.command()
@click.argument("subject", required=False, metavar="[RECIPE|RUN]")
@click.option("--engine", type=click.Choice(ENGINES), help="Show how this engine computes it, block by block.")
@json_option
def summary(subject: str | None, engine: str | None, as_json: bool) -> None:
    """Layers, shapes, weights, how often each is used, multiply-adds and memory of a recipe's or a run's network."""
    folder = Path(subject) if subject else None
    recipe = storage.recipe_of(folder) if folder and folder.is_dir() else recipes.load(subject or DEFAULT_RECIPE)
    if engine is not None:
        rows = plan_of(engine, recipe.network)
        _print(as_json, {"engine": engine, "blocks": rows}, outcomes.plan_table(rows))
        return
    images = len(recipe.data.load().train)
    _print(
        as_json,
        tables.summary_json(recipe.network, images),
        tables.summary_table(recipe.network, images),
    )


@main.command()
@click.argument("recipe", required=False)
@click.option("--engines", default="numpy,numba", show_default=True, help="Which, separated by commas.")
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True, help="Of training, to compare losses.")
@click.option("--data", help="In place of the recipe's.")
@backend_option
@threads_option
@json_option
def compare(
    recipe: str | None,
    engines: str,
    steps: int,
    data: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Engine against engine on real images: outputs, gradients, first losses. Exits with 1 beyond tolerance."""
    limit_threads(threads)
    if backend is not None:
        use_backend(backend)
    chosen = _overridden(recipes.load(recipe or DEFAULT_RECIPE), data, {})
    comparisons = compare_engines(chosen, chosen.data.load(), _names(engines) or [], steps=steps)
    _print(as_json, outcomes.comparison_json(comparisons), outcomes.comparison_table(comparisons))
    if not all(comparison.within for comparison in comparisons):
        sys.exit(1)


@main.command()
@click.option("--workloads", help="Which, separated by commas. Default: all.")
@click.option("--competitors", help="Which, separated by commas. Default: all that are installed.")
@click.option("--sweep", type=click.Choice(list(SWEEPS)), help="How a step's time grows, in place of the workloads.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each competitor.")
@click.option("--seconds", type=click.FloatRange(0.01), default=1.0, show_default=True, help="Length of a turn.")
@click.option("--train", "recipe", is_flag=False, flag_value=DEFAULT_RECIPE, metavar="[RECIPE]")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw the result too, as .svg or .png.")
@threads_option
@json_option
def bench(
    workloads: str | None,
    competitors: str | None,
    sweep: str | None,
    recipe: str | None,
    picture: Path | None,
    threads: int | None,
    as_json: bool,
    **turns: Any,
) -> None:
    """Step time against every framework installed here, each checked first. Exits with 1 if one of them failed.

    --train also trains a recipe, deep-mnist unless one is named, and says when it reached which accuracy.
    """
    kind, trained = _picture_kind(picture), recipes.load(recipe) if recipe else None
    selection = select(_names(workloads), _names(competitors), sweep)
    plan = Plan(**turns, threads=limit_threads(threads))
    measured = [measure(each, selection.competitors, plan, _tell) for each in selection.workloads]
    facts = document(measured, selection, plan, shlex.join(["convlet", *sys.argv[1:]]))
    if trained is not None:
        facts["training"] = time_to_accuracy(trained)
    _print(as_json, facts, benchmark_table(facts))
    if picture is not None:
        storage.write_file(picture, to_bytes(benchmark_figure(facts), kind))
    if not all(outcome.complete for outcome in measured):
        sys.exit(1)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _picture_kind(path: Path | None) -> str:
    kind = path.suffix.lstrip(".").lower() if path else "svg"
    if kind not in ("svg", "png"):
        raise InputError(f"--picture={path}: expected a name that ends in .svg or .png.")
    return kind


if __name__ == "__main__":
    main()
