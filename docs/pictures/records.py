"""The picture of `docs/records.md`: what each recipe still gets wrong, against the seconds that it has trained.

convlet train quick --seed 0 --json --run-dir runs/records/quick > runs/records/quick.json     # likewise the others
python docs/pictures/records.py runs/records/quick.json runs/records/standard.json …
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from convlet.report.figures.style import BLUE, GREEN, QUIET, VERMILION, blank, style, to_bytes

COLOURS = (QUIET, BLUE, GREEN, VERMILION)
WINDOW = 43  # steps, a fifth of an epoch, whose batches' errors are averaged
TIMES = {0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min"}
ERRORS = {50: "50 %", 20: "20 %", 10: "10 %", 5: "5 %", 2: "2 %", 1: "1 %", 0.5: "0.5 %", 0.2: "0.2 %"}


def records(results: list[dict[str, Any]]) -> Figure:
    """A line and its points for each recipe: of `convlet train --json`, and of its run folder's history."""
    remark = (
        "Small points: of 5,000 validation images, after each epoch of the first network; large ones: of all networks"
        " together,\nat the end. Lines: of the batches trained on, augmented where the recipe says so. Seed 0, 2 cores"
    )
    figure = blank(8.6, 5.0, "What is wrong, by seconds of training", remark)
    axes = figure.subplots()
    for colour, result in zip(COLOURS, results, strict=False):
        _draw(axes, result, colour)
    axes.set(xscale="log", yscale="log", ylim=(80, 0.15), xlim=(0.1, 1100), xlabel="training", ylabel="wrong")
    for axis, ticks in ((axes.xaxis, TIMES), (axes.yaxis, ERRORS)):
        axis.set(major_locator=FixedLocator(list(ticks)), minor_locator=NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _, ticks=ticks: ticks.get(round(value, 3), "")))
    axes.legend(loc="lower right")
    return figure


def _draw(axes: Axes, result: dict[str, Any], colour: str) -> None:
    folder = Path(result["run_dir"])
    history = json.loads((folder / "history.json").read_text())
    networks = max(1, len(list(folder.glob("network-*"))))
    steps, second = history["steps"] // networks, result["train_seconds"] / history["steps"]
    wrong = 100 - 100 * np.array(history["correct"][:steps]) / history["batch_size"]
    ends = np.arange(WINDOW, steps + 1, WINDOW)
    axes.plot(ends * second, [wrong[end - WINDOW : end].mean() for end in ends], color=colour, linewidth=0.8, alpha=0.6)
    points = [(each["step"] * second, 100 - 100 * each["accuracy"]) for each in history["validations"]]
    axes.plot(*zip(*points[: len(points) // networks], strict=True), "o", color=colour, markersize=3)
    last = result["train_seconds"], 100 - 100 * result["validation_accuracy"]
    label = f"{folder.name}: {100 * result['validation_accuracy']:.2f} % right after {result['train_seconds']:.3g} s"
    axes.plot(*last, "o", color=colour, markersize=8, label=label)


if __name__ == "__main__":
    with style():
        drawn = records([json.loads(Path(path).read_text()) for path in sys.argv[1:]])
        (Path(__file__).parent / "records.svg").write_bytes(to_bytes(drawn, "svg"))
