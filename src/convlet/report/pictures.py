"""The pictures of a run, and all that a run folder shows of it. Every figure is a function of what it is given.

A figure is returned, not shown: `figure.savefig("curves.png")` writes it, and a notebook displays it.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from convlet.datasets import Examples
from convlet.evaluation import Evaluation
from convlet.history import History
from convlet.network import Parameters, Sequential
from convlet.report.confusion import confusion
from convlet.report.curves import curves
from convlet.report.images import kernels, mistakes
from convlet.report.style import to_bytes
from convlet.storage import write_file

__all__ = ["confusion", "curves", "draw_run", "history_json", "kernels", "metrics_csv", "mistakes", "to_bytes"]

COLUMNS = ("step", "loss", "accuracy", "validation_loss", "validation_accuracy", "batch_accuracy")
SCHEMA = 1


def draw_run(
    folder: Path,
    *,
    history: History,
    network: Sequential,
    parameters: Parameters,
    classes: Sequence[str],
    evaluation: Evaluation | None = None,
    examples: Examples | None = None,
    title: str,
) -> list[Path]:
    """Write what there is to see of a run into its folder, each file whole. Returns their paths. Raises StorageError.

    Always metrics.csv, history.json and curves.svg; confusion.svg with an evaluation, mistakes.png with its examples
    too, kernels.png where the network has a convolution.
    """
    write_file(folder / "metrics.csv", metrics_csv(history).encode())
    write_file(folder / "history.json", history_json(history).encode())
    figures: dict[str, Callable[[], Figure | None]] = {
        "curves.svg": partial(curves, history, f"{title}: learning curves"),
        "kernels.png": partial(kernels, network, parameters),
    }
    if evaluation is not None:
        figures["confusion.svg"] = partial(confusion, evaluation, classes, f"{title}: confusion matrix")
        if examples is not None:
            figures["mistakes.png"] = partial(mistakes, evaluation, examples, classes)
    written = [folder / "metrics.csv", folder / "history.json"]
    for name, draw in figures.items():
        figure = draw()
        if figure is not None:
            write_file(folder / name, to_bytes(figure, name.rpartition(".")[2]))
            written.append(folder / name)
    return written


def metrics_csv(history: History, every: int = 100) -> str:
    """The history as a table, one row for each step at which something was measured; other cells are empty.

    step                    how many steps came before
    loss, accuracy          of training: means over the steps since the last multiple of `every`
    validation_loss, …      on the validation examples
    batch_accuracy          on the next step's batch, without dropout
    """
    rows: dict[int, dict[str, float]] = {}
    for step, loss, accuracy in history.intervals(every):
        rows.setdefault(step, {}).update(loss=loss, accuracy=accuracy)
    for step, loss, accuracy in history.validations:
        rows.setdefault(step, {}).update(validation_loss=loss, validation_accuracy=accuracy)
    for step, accuracy in history.reports:
        rows.setdefault(step, {}).update(batch_accuracy=accuracy)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"step": step, **row} for step, row in sorted(rows.items()))
    return text.getvalue()


def history_json(history: History) -> str:
    """The whole history: each step's loss and number of right answers, each validation and report."""
    table = {
        "schema": SCHEMA,
        "batch_size": history.batch_size,
        "steps": history.steps,
        "losses": history.losses,
        "correct": history.correct,
        "validations": [dict(zip(("step", "loss", "accuracy"), row, strict=True)) for row in history.validations],
        "reports": [dict(zip(("step", "accuracy"), row, strict=True)) for row in history.reports],
    }
    return json.dumps(table, allow_nan=False) + "\n"
