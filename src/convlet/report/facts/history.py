"""A history as files: `metrics.csv` and `history.json` of a run folder."""

import csv
import io
import json

from convlet.runs.history import History

COLUMNS = ("step", "loss", "accuracy", "validation_loss", "validation_accuracy", "batch_accuracy")
SCHEMA = 1


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
