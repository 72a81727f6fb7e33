"""`convlet evaluate`."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convlet.cli.printing import said_if_slow, show
from convlet.cli.shared import (
    INSISTS,
    PARTS,
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    json_option,
    other_data,
    own_data,
    reading_options,
    threads_option,
)
from convlet.datasets import Dataset, part_of
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.report.facts.evaluation import evaluation_json
from convlet.report.terminal.evaluation import confusion_table, evaluation_table
from convlet.runs.run import load as load_run
from convlet.training.baseline import baseline_of


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Which part of the data.")
@data_changed_option
@reading_options
@engine_option
@backend_option
@threads_option
@json_option
def evaluate(
    run: Path,
    data: str | None,
    part: str,
    data_changed: str | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Accuracy, a row for each class, the confusion matrix, and the worst mistakes of the run in folder RUN.

    DATA is what `train --data` takes; by default the data the run was trained on. Of other data nothing is held out:
    what has no parts is all evaluated. Its pictures are prepared as the run's own were, its classes known by name.

    Accuracy stands beside that of always naming the commonest class, and of a linear classifier of the pixels.
    """
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    if data and data_changed:
        raise InputError(
            f"--data-changed {data_changed} with DATA: it is for the run's own data; leave one of them out."
        )
    remedy = f"Give DATA: convlet evaluate {shlex.quote(str(run))} DATA."
    given = {name: value for name, value in reading.items() if value is not None}
    own: Dataset | None = None
    if not data:
        source = trained.data and replace(trained.data, **given)
        own = own_data(run, source, remedy, changed=bool(data_changed), insists=INSISTS)
    images = own or other_data(trained, str(data), **given)
    examples = part_of(images, part)
    with said_if_slow(trained.engine):
        evaluation = trained.evaluate(examples)
        baseline = baseline_of(trained, own)
        linear = baseline.evaluate(examples) if baseline else None
    show(
        as_json,
        {
            "run": str(run),
            "data": images.name,
            "part": part,
            **evaluation_json(evaluation, trained.classes, linear=linear),
        },
        evaluation_table(evaluation, trained.classes, linear),
        "",
        confusion_table(evaluation, trained.classes),
    )
