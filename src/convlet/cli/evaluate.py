"""`convlet evaluate`."""

from pathlib import Path
from typing import Any

import click

from convlet.cli.printing import said_if_slow, show
from convlet.cli.shared import (
    PARTS,
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    images_for,
    json_option,
    reading_options,
    threads_option,
)
from convlet.datasets import part_of
from convlet.environment import limit_threads
from convlet.report.facts.assessment import assess
from convlet.report.terminal.evaluation import confusion_table, evaluation_table
from convlet.runs.run import load as load_run


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
    images = images_for(run, trained, data, "evaluate", data_changed, reading)
    part_of(images, part)
    with said_if_slow(trained.engine):
        assessed = assess(trained, images, part)
    show(
        as_json,
        {"run": str(run), **assessed.facts()},
        evaluation_table(assessed.evaluation, trained.classes, assessed.linear),
        "",
        confusion_table(assessed.evaluation, trained.classes),
    )
