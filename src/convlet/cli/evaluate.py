"""`convlet evaluate`."""

from pathlib import Path
from typing import Any

import click

from convlet.cli.assessing import assessed, assessing_options
from convlet.cli.printing import show
from convlet.cli.shared import PARTS
from convlet.report.terminal.evaluation import confusion_table, evaluation_table


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Which part of the data.")
@assessing_options
def evaluate(
    run: Path,
    data: str | None,
    part: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Accuracy, a row for each class, the confusion matrix, and the worst mistakes of the run in folder RUN.

    DATA is what `train --data` takes; by default the data the run was trained on. Of other data nothing is held out:
    what has no parts is all evaluated. Its pictures are prepared as the run's own were, its classes known by name.

    Accuracy stands beside that of always naming the commonest class, and of a linear classifier of the pixels.
    """
    found = assessed("evaluate", run, data, part, **options)
    show(
        as_json,
        {"run": str(run), **found.facts()},
        evaluation_table(found.evaluation, found.run.classes, found.linear, found.paths),
        "",
        confusion_table(found.evaluation, found.run.classes),
    )
