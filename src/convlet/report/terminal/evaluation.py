"""What the terminal shows of an evaluation and of predictions, as rich renderables.

They fit themselves to the console's width, from 80 columns on, and lose nothing where it has no colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.bar import Bar
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from convlet.report.facts.evaluation import evaluation_json, prediction_json
from convlet.report.facts.network import Facts
from convlet.report.numbers import NOT_MEASURED, count, ending, label, percent, probability
from convlet.report.terminal.layout import apart, class_name, pairs, plain_table, titled
from convlet.runs.evaluation import Evaluation

WORST = 5
PAIRS = 12
SIGNIFICANT = 0.05
SHORTEST = 5  # letters to which a class's name may be cut at the head of a column
TOP = 3
LONGEST = 26  # letters of a path


def evaluation_table(
    evaluation: Evaluation, classes: Sequence[str], linear: Evaluation | None = None, paths: Sequence[str] = ()
) -> RenderableType:
    """Accuracy beside what needs no network, how well each class is known, and the worst mistakes, by their files."""
    facts = evaluation_json(evaluation, classes, WORST, linear, paths)
    return apart(_overall(facts), _classes(facts), *([_mistakes(facts)] if facts["mistakes"] else []))


def _overall(facts: Facts) -> Table:
    low, high = percent(facts["accuracy_low"], 2), percent(facts["accuracy_high"], 2)
    commonest, linear = facts["baselines"]["commonest"], facts["baselines"]["linear"]
    calibration = facts["calibration"]
    rows = [
        (
            "accuracy",
            percent(facts["accuracy"], 2),
            f"{count(facts['right'])} of {count(facts['images'])} images right",
        ),
        ("", "", f"between {low} and {high} at 95 % confidence"),
        ("balanced accuracy", percent(facts["balanced_accuracy"], 2), "mean of the classes' recalls"),
        ("loss", f"{facts['loss']:.4f}", "cross-entropy, mean of all images"),
        (
            "calibration error",
            percent(calibration["error"], 2),
            f"ECE: it is {percent(calibration['mean_confidence'])} sure on average",
        ),
        ("commonest class", percent(commonest["accuracy"], 2), f"right by always saying {label(commonest['class'])}"),
    ]
    if linear is not None:
        rows.append(("linear baseline", percent(linear["accuracy"], 2), _beside(linear["p"])))
    return pairs(*rows)


def _beside(p: float) -> str:
    """What the linear baseline is, and whether the difference from it may be chance."""
    may_be = f"; the difference may be chance (p = {p:.2g})" if p >= SIGNIFICANT else ""
    return f"softmax regression on the same images{may_be}"


def _classes(facts: Facts) -> Group:
    numbers = ("images", "recall", "precision", "F1")
    table = plain_table("class", *numbers, "most often taken for", right=numbers, flexible="most often taken for")
    for row in facts["classes"]:
        shares = [_share(row[name]) for name in ("recall", "precision", "f1")]
        taken = f"{label(row['most_often_taken_for'])} ({count(row['times'])} ×)" if row["times"] else ""
        table.add_row(class_name(row["class"]), count(row["images"]), *shares, Text(taken))
    remark = "recall: found, of its images · precision: right, of those taken for it"
    return Group(table, Text(remark, "dim"))


def _share(share: float | None) -> str:
    return NOT_MEASURED if share is None else percent(share)


def _mistakes(facts: Facts) -> Group:
    of_files = "path" in facts["mistakes"][0]
    numbers = ("probability",) if of_files else ("image", "probability")
    table = plain_table("image", "label", "", "prediction", "probability", right=numbers)
    for row in facts["mistakes"]:
        chance = probability(row["probability"])
        image = ending(row["path"], LONGEST) if of_files else count(row["index"])
        table.add_row(Text(image), class_name(row["label"]), "→", class_name(row["prediction"]), chance)
    return titled("Worst mistakes, by their loss", table)


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
        return titled("Labels (rows), and what they were taken for (columns)", table)

    def cell(self, i: int, j: int) -> Text:
        number = int(self.matrix[i, j])
        if i == j:
            return Text(count(number), style="dim")
        share = number / max(self.matrix[i].sum(), 1)
        return Text(count(number) if number else "·", style="bold red" if share >= 0.01 else "" if number else "dim")

    def most_frequent(self) -> Group:
        """For more classes than there are columns: the confusions that happened most."""
        pairs = [(int(n), i, j) for (i, j), n in np.ndenumerate(self.matrix) if i != j and n]
        table = plain_table("label", "", "taken for", "times", right=("times",))
        for times, i, j in sorted(pairs, key=lambda row: -row[0])[:PAIRS]:
            table.add_row(class_name(self.classes[i]), "→", class_name(self.classes[j]), count(times))
        return titled("The most frequent confusions", table)


def confusion_table(evaluation: Evaluation, classes: Sequence[str]) -> RenderableType:
    """Which classes are taken for which: the matrix where it fits the console, else its largest entries."""
    return _Confusion(evaluation.confusion, classes)


def prediction_table(paths: Sequence[str | Path], probabilities: NDArray[Any], classes: Sequence[str]) -> Table:
    """Each image's most probable classes. `probabilities` is (N, classes)."""
    table = plain_table("image", "class", "probability", "", right=("probability",))
    for row in prediction_json(paths, probabilities, classes):
        for i, (name, chance) in enumerate(list(row["probabilities"].items())[:TOP]):
            style = "" if i else "bold"
            image = "" if i else Text(ending(row["image"], LONGEST), style)
            table.add_row(
                image, Text(label(name, 20), style), Text(probability(chance), style), Bar(1, 0, chance, width=16)
            )
    return table
