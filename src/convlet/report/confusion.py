"""The confusion matrix, drawn so that the mistakes are what is seen."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convlet.evaluation import Evaluation
from convlet.history import Array
from convlet.report.numbers import count, label, percent
from convlet.report.style import FAINT, INK, MISTAKES, PAPER, QUIET, blank, heading, style

SMALLEST, LARGEST = 0.15, 0.55  # inches, of a cell
SIDE = 15.0  # inches: the side that the cells may fill together
POINTS = 72  # an inch
LETTER = 0.64  # the width of a digit, of its height
READABLE = 4.5  # points


def confusion(evaluation: Evaluation, classes: Sequence[str], title: str) -> Figure:
    """How many of each class (row) were taken for each (column), with each class's recall at the right."""
    matrix = evaluation.confusion
    cell = float(np.clip(7 / len(classes), SMALLEST, LARGEST))
    names = [label(name) for name in classes]
    letters = max(map(len, names))
    with style():
        font = min(10.0, 0.62 * cell * POINTS)
        margin = letters * font * LETTER / POINTS
        side = cell * len(classes)
        figure = blank(max(side + margin + 2.4, 5.2), side + (margin if letters > 2 else 0.3) + 1.5)
        heading(figure, title, _remark(matrix, names))
        axes = figure.subplots()
        _draw_cells(axes, matrix, cell)
        _label(axes, names, font)
        _recall(axes, evaluation, font)
    return figure


def _remark(matrix: Array, names: Sequence[str]) -> str:
    off = _without_diagonal(matrix)
    if not off.any():
        return "no image was taken for another class"
    worst = np.argsort(-off, axis=None, kind="stable")[:2]
    pairs = [np.unravel_index(index, off.shape) for index in worst if off.flat[index]]
    return "most often: " + ", ".join(f"{names[i]} taken for {names[j]} ({count(int(off[i, j]))} ×)" for i, j in pairs)


def _without_diagonal(matrix: Array) -> Array:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    return off


def _draw_cells(axes: Axes, matrix: Array, cell: float) -> None:
    off = _without_diagonal(matrix)
    shares = off / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(100 * shares, cmap=MISTAKES, vmin=0, vmax=max(100 * float(shares.max()), 1e-9))
    for i in range(len(matrix)):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor=FAINT, edgecolor="none"))
    axes.set_xticks(np.arange(len(matrix) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(matrix) + 1) - 0.5, minor=True)
    axes.grid(visible=False, which="major")
    axes.grid(visible=True, which="minor", color=FAINT, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    _numbers(axes, matrix, shares, cell)
    if off.any():
        bar = axes.figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, pad=0.02)
        bar.set_label("taken for another, % of the row's images")
        bar.outline.set_visible(False)


def _numbers(axes: Axes, matrix: Array, shares: Array, cell: float) -> None:
    font = min(10.0, cell * POINTS * 0.9 / (LETTER * len(count(int(matrix.max())))))
    if font < READABLE:
        return
    dark = shares > 0.8 * shares.max()
    for i, j in np.argwhere(matrix > 0):
        colour = QUIET if i == j else PAPER if dark[i, j] else INK
        axes.text(j, i, count(int(matrix[i, j])), ha="center", va="center_baseline", fontsize=font, color=colour)


def _label(axes: Axes, names: Sequence[str], font: float) -> None:
    places = np.arange(len(names))
    upright = max(map(len, names)) > 2
    axes.set_xticks(places, names, fontsize=font, rotation=90 if upright else 0)
    axes.set_yticks(places, names, fontsize=font)
    axes.set_xlabel("taken for")
    axes.set_ylabel("label")


def _recall(axes: Axes, evaluation: Evaluation, font: float) -> None:
    side = axes.secondary_yaxis("right")
    places = np.arange(len(evaluation.recall))
    side.set_yticks(places, [percent(share) for share in evaluation.recall], fontsize=font)
    side.tick_params(length=0, labelcolor=QUIET)
    side.spines[:].set_visible(False)
    axes.text(1.01, 1.01, "recall", transform=axes.transAxes, color=QUIET, fontsize=max(font, 8))
