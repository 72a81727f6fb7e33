"""`convlet evaluate`."""

import shlex
from pathlib import Path

import click

from convlet.cli.printing import said_if_slow, show
from convlet.cli.shared import backend_option, chosen_engine, engine_option, json_option, threads_option
from convlet.datasets import Dataset, Examples, load
from convlet.environment import limit_threads
from convlet.errors import DataError, InputError
from convlet.report.facts.evaluation import evaluation_json
from convlet.report.terminal.evaluation import confusion_table, evaluation_table
from convlet.runs.run import Run
from convlet.runs.run import load as load_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(["test", "validation", "train"]), default="test", show_default=True)
@engine_option
@backend_option
@threads_option
@json_option
def evaluate(
    run: Path,
    data: str | None,
    part: str,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Accuracy, a row for each class, the confusion matrix, and the worst mistakes of the run in folder RUN.

    DATA is what `train --data` takes; by default the data the run was trained on.
    """
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    images = load(data) if data else _own_data(run, trained)
    with said_if_slow():
        evaluation = trained.evaluate(_part(images, part))
    show(
        as_json,
        {"run": str(run), "data": images.name, "part": part, **evaluation_json(evaluation, trained.classes)},
        evaluation_table(evaluation, trained.classes),
        "",
        confusion_table(evaluation, trained.classes),
    )


def _own_data(run: Path, trained: Run) -> Dataset:
    """What the run was trained on; where that cannot be had, the message says what to type."""
    try:
        if trained.data is None:
            raise DataError(f"{run}: it does not say what it was trained on.")
        return trained.data.load()
    except (DataError, InputError) as error:
        raise type(error)(f"{error} Give DATA: convlet evaluate {shlex.quote(str(run))} DATA.") from None


def _part(data: Dataset, name: str) -> Examples:
    if name not in data.parts:
        raise InputError(f"--part={name}: {data.name} has no such part; it has {' and '.join(data.parts)}.")
    return data.parts[name]
