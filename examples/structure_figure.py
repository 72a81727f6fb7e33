"""The figure of `structure.py`: accuracy against training images, and against weights per training image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from convlet.report.figures.style import BLUE, GREEN, QUIET, VERMILION, blank, style, to_bytes

Row = dict[str, Any]
COLOURS = {"shuffled": QUIET, "dense": VERMILION, "local": GREEN, "convolution": BLUE}
NAMES = {"shuffled": "shuffled pixels", "dense": "dense", "local": "local", "convolution": "convolution"}
TITLE = "Reusing weights: more is learnt from the same images"
REMARK = "MNIST digits. Points: one training each. Lines: their mean. The scale of accuracy stretches towards 100 %."
TICKS = [0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99]


def draw(rows: list[Row], path: Path) -> None:
    """Write the figure as `path`.svg and `path`.png; each row is one training, as `structure.train` returns it."""
    with style():
        figure = blank(10, 5, TITLE, REMARK)
        left, right = figure.subplots(1, 2, sharey=True)
        for kind in COLOURS:
            own = [row for row in rows if row["kind"] == kind]
            curve(left, kind, own, lambda row: row["images"], train=False)
            curve(right, kind, own, lambda row: row["weights"] / row["images"], train=kind != "shuffled")
        finish(left, right)
        for kind in ("svg", "png"):
            path.with_suffix(f".{kind}").write_bytes(to_bytes(figure, kind))


def curve(axes: Axes, kind: str, rows: list[Row], across: Callable[[Row], float], *, train: bool) -> None:
    """The test accuracies of one kind; with `train`, those on the training images too, and what lies between."""
    places = sorted({across(row) for row in rows})
    groups = [[row for row in rows if across(row) == place] for place in places]
    means = {part: stretched([np.mean([row[part] for row in group]) for group in groups]) for part in ("test", "train")}
    look = {"color": COLOURS[kind], "linewidth": 2}
    line = (0, (4, 2)) if kind == "shuffled" else "solid"
    axes.plot(places, means["test"], **look, linestyle=line, label=NAMES[kind])
    axes.plot([across(row) for row in rows], stretched([row["test"] for row in rows]), ".", **look, alpha=0.5)
    if train:
        axes.plot(places, means["train"], **look, linestyle=(0, (1, 1.5)))
        axes.fill_between(places, means["test"], means["train"], color=COLOURS[kind], alpha=0.1, linewidth=0)


def stretched(accuracy: Any) -> Any:
    """Accuracies on the scale of their errors' logarithm, which tells 98 from 99 % as well as 80 from 90 %."""
    return -np.log10(np.maximum(1 - np.asarray(accuracy, float), 2e-3))


def finish(left: Axes, right: Axes) -> None:
    """Scales, titles and names."""
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yticks(stretched([*TICKS, 1.0]), [f"{100 * tick:.0f} %" for tick in TICKS] + ["≥ 99.8 %"])
        axes.tick_params(which="both", length=0)
    left.tick_params(labelleft=True)
    left.set(xlabel="training images", title="Accuracy on test images")
    left.set_xticks([100, 300, 1_000, 3_000, 10_000, 55_000], ["100", "300", "1,000", "3,000", "10,000", "55,000"])
    left.minorticks_off()
    left.legend(loc="upper left", reverse=True)
    right.set(xlabel="weights for each training image", title="On training (dotted) and on test images")
    right.set_xticks([10.0**power for power in range(-1, 5)], ["0.1", "1", "10", "100", "1,000", "10,000"])
    right.minorticks_off()
