"""What the terminal shows of a network, an evaluation and predictions, as rich renderables.

They fit themselves to the console's width, from 80 columns on, and lose nothing where it has no colour. The numbers
are those of `facts`; the functions that end in `_json` are passed on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.bar import Bar
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from convlet.evaluation import Evaluation
from convlet.network import Sequential
from convlet.report.facts import Facts, evaluation_json, prediction_json, summary_json
from convlet.report.numbers import NOT_MEASURED, count, label, percent, ratio, shape, short, size
from convlet.report.sentences import explain_sharing

__all__ = [
    "confusion_table",
    "evaluation_json",
    "evaluation_table",
    "prediction_json",
    "prediction_table",
    "summary_json",
    "summary_table",
]

WIDE = 100  # columns from which a summary has room for the layers' names
WORST = 5
PAIRS = 12
SHORTEST = 5  # letters to which a class's name may be cut at the head of a column
TOP = 3


def _table(*columns: str, right: Sequence[str] = (), flexible: str = "") -> Table:
    """A table without a frame. The columns in `right` hold numbers; only the `flexible` one gives way, by wrapping."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    tall = any("\n" in column for column in columns)
    for column in columns:
        side: Literal["right", "left"] = "right" if column in right else "left"
        header = column if "\n" in column or not tall else f"\n{column}"
        table.add_column(header, justify=side, header_style="bold", no_wrap=column != flexible)
    return table


def _pairs(*rows: tuple[str, str, str]) -> Table:
    """What it is, how much, and a remark."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column(style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def _apart(*blocks: RenderableType) -> Group:
    """Blocks with an empty line between."""
    return Group(*[part for block in blocks for part in ("", block)][1:])


def _titled(title: str, table: Table) -> Group:
    return Group(Text(title, "bold"), table)


@dataclass(frozen=True)
class _Summary:
    facts: Facts
    custom_names: frozenset[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.layers(named=options.max_width >= WIDE)
        yield ""
        yield self.totals()
        yield ""
        yield Text(explain_sharing(self.facts))

    def layers(self, named: bool) -> Table:
        numbers = ("weights", "uses of\neach", "multiply-\nadds", "output's\nmemory")
        table = _table(*(["name"] if named else []), "layer", "output", *numbers, right=numbers, flexible="layer")
        for row in self.facts["layers"]:
            alias = f"{row['name']}: " if row["name"] in self.custom_names and not named else ""
            table.add_row(*([row["name"]] if named else []), alias + row["kind"], *_layer_cells(row))
        return table

    def totals(self) -> Table:
        facts, images = self.facts, self.facts["training_images"]
        rows = [("weights", count(facts["weights"]), "numbers to learn")]
        if images is not None:
            rows.append(("training images", count(images), ""))
        if images:
            rows.append(("weights per training image", ratio(facts["weights_per_training_image"]), ""))
        for row in facts["layers"]:
            if "unshared_weights" in row:
                name = f"a dense layer for {row['name']}"
                rows.append((name, count(row["unshared_weights"]), f"weights in place of {count(row['weights'])}"))
        return _pairs(
            *rows,
            ("multiply-adds", short(facts["multiply_adds"]), "an image, forward"),
            ("memory", size(facts["weights_and_adam_bytes"]), "of weights and Adam's moments, float32"),
        )


def _layer_cells(row: Facts) -> list[str]:
    uses = count(row["uses"]) if row["uses"] else ""
    weights = count(row["weights"]) if row["weights"] else ""
    products = short(row["multiply_adds"]) if row["multiply_adds"] else ""
    return [shape(row["output_shape"]), weights, uses, products, size(row["output_bytes"])]


def summary_table(network: Sequential, training_images: int | None) -> RenderableType:
    """Layer by layer: shapes, weights, how often each is used on an image, costs; then weights against images."""
    named = {row["name"] for row in network.to_table()["layers"] if "name" in row}
    return _Summary(summary_json(network, training_images), frozenset(named))


def evaluation_table(evaluation: Evaluation, classes: Sequence[str]) -> RenderableType:
    """Accuracy and loss, how well each class is known, and the worst mistakes."""
    facts = evaluation_json(evaluation, classes, WORST)
    low, high = percent(facts["accuracy_low"], 2), percent(facts["accuracy_high"], 2)
    overall = _pairs(
        (
            "accuracy",
            percent(facts["accuracy"], 2),
            f"{count(facts['right'])} of {count(facts['images'])} images right",
        ),
        ("", "", f"between {low} and {high} at 95 % confidence"),
        ("loss", f"{facts['loss']:.4f}", "cross-entropy, mean of all images"),
    )
    return _apart(overall, _classes(facts), *([_mistakes(facts)] if facts["mistakes"] else []))


def _classes(facts: Facts) -> Group:
    numbers = ("images", "recall", "precision")
    table = _table("class", *numbers, "most often taken for", right=numbers, flexible="most often taken for")
    for row in facts["classes"]:
        recall, precision = (_share(row[name]) for name in ("recall", "precision"))
        taken = f"{label(row['most_often_taken_for'])} ({count(row['times'])} ×)" if row["times"] else ""
        table.add_row(_name(row["class"]), count(row["images"]), recall, precision, Text(taken))
    remark = "recall: found, of its images · precision: right, of the images taken for it"
    return Group(table, Text(remark, "dim"))


def _share(share: float | None) -> str:
    return NOT_MEASURED if share is None else percent(share)


def _name(name: str) -> Text:
    return Text(label(name))


def _mistakes(facts: Facts) -> Group:
    table = _table("image", "label", "", "prediction", "probability", right=("image", "probability"))
    for row in facts["mistakes"]:
        chance = percent(row["probability"])
        table.add_row(count(row["index"]), _name(row["label"]), "→", _name(row["prediction"]), chance)
    return _titled("Worst mistakes, by their loss", table)


@dataclass(frozen=True)
class _Confusion:
    matrix: NDArray[Any]
    classes: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [label(name, 20) for name in self.classes]
        longest = max(map(len, names))
        needed = max(len(count(int(self.matrix.max()))), min(longest, SHORTEST)) + 1
        cell = min((options.max_width - longest) // len(names), max(needed, longest + 1))
        yield self.square(names, cell) if cell >= needed else self.most_frequent()

    def square(self, names: Sequence[str], cell: int) -> Group:
        table = Table(box=None, padding=0, pad_edge=False)
        table.add_column("", style="bold", no_wrap=True)
        for name in names:
            table.add_column(Text(label(name, cell - 1)), justify="right", width=cell, no_wrap=True)
        for i, name in enumerate(names):
            table.add_row(Text(name), *(self.cell(i, j) for j in range(len(names))))
        return _titled("Labels (rows), and what they were taken for (columns)", table)

    def cell(self, i: int, j: int) -> Text:
        number = int(self.matrix[i, j])
        if i == j:
            return Text(count(number), style="dim")
        share = number / max(self.matrix[i].sum(), 1)
        return Text(count(number) if number else "·", style="bold red" if share >= 0.01 else "" if number else "dim")

    def most_frequent(self) -> Group:
        """For more classes than there are columns: the confusions that happened most."""
        pairs = [(int(n), i, j) for (i, j), n in np.ndenumerate(self.matrix) if i != j and n]
        table = _table("label", "", "taken for", "times", right=("times",))
        for times, i, j in sorted(pairs, key=lambda row: -row[0])[:PAIRS]:
            table.add_row(_name(self.classes[i]), "→", _name(self.classes[j]), count(times))
        return _titled("The most frequent confusions", table)


def confusion_table(evaluation: Evaluation, classes: Sequence[str]) -> RenderableType:
    """Which classes are taken for which: the matrix where it fits the console, else its largest entries."""
    return _Confusion(evaluation.confusion, classes)


def prediction_table(paths: Sequence[str | Path], probabilities: NDArray[Any], classes: Sequence[str]) -> Table:
    """Each image's most probable classes. `probabilities` is (N, classes)."""
    table = _table("image", "class", "probability", "", right=("probability",))
    for row in prediction_json(paths, probabilities, classes):
        for i, (name, chance) in enumerate(list(row["probabilities"].items())[:TOP]):
            style = "" if i else "bold"
            image = "" if i else Text(_end(row["image"]), style)
            table.add_row(
                image, Text(label(name, 20), style), Text(percent(chance), style), Bar(1, 0, chance, width=16)
            )
    return table


def _end(path: str, longest: int = 26) -> str:
    """A path's end: the part that tells images apart."""
    return path if len(path) <= longest else f"…{path[1 - longest :]}"
