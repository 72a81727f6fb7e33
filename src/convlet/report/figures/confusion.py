"""The confusion matrix, drawn so that the mistakes are what is seen."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convlet.report.figures.style import BLACK, FAINT, INK, MISTAKES, PAPER, blank, style
from convlet.report.numbers import count, label, percent
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import Array

SMALLEST, LARGEST, SIDE = 0.15, 0.6, 7.0  # inches: of a cell, and of all in a row where they can be so small
POINTS = 72  # an inch
LETTER = 0.64  # the width of a digit, of its height
READABLE = 4.5  # points
REMARK_LETTER = 0.083  # inches


def confusion(evaluation: Evaluation, classes: Sequence[str], title: str) -> Figure:
    """How many of each class (row) were taken for each (column), with each class's recall at the right."""
    matrix = evaluation.confusion
    cell = float(np.clip(SIDE / len(classes), SMALLEST, LARGEST))
    names = [label(name) for name in classes]
    with style():
        font = min(10.0, 0.62 * cell * POINTS)
        margin = max(map(len, names)) * font * LETTER / POINTS  # inches, of the longest name
        side, upright = cell * len(classes), margin > 0.9 * cell
        width = max(side + margin + 2.4, 6.0)
        figure = blank(
            width, side + (margin if upright else 0.3) + 0.8, title, _remark(matrix, classes, width), compressed=True
        )
        axes = figure.subplots()
        _draw_cells(axes, matrix, cell)
        _label(axes, names, font, upright)
        _recall(axes, evaluation, font)
    return figure


def _remark(matrix: Array, classes: Sequence[str], width: float) -> str:
    """The most frequent confusions, as many as the width, in inches, has room for."""
    off = _without_diagonal(matrix)
    if not off.any():
        return "no image was taken for another class"
    names = [label(name, 24 if width > 9 else 14) for name in classes]
    text = "most often:"
    for index in np.argsort(-off, axis=None, kind="stable")[:3]:
        i, j = np.unravel_index(index, off.shape)
        more = f" {names[i]} taken for {names[j]} ({count(int(off[i, j]))} ×),"
        if off[i, j] and (len(text) + len(more)) * REMARK_LETTER < width:
            text += more
    return text.rstrip(",:")


def _without_diagonal(matrix: Array) -> Array:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    return off


def _draw_cells(axes: Axes, matrix: Array, cell: float) -> None:
    off = _without_diagonal(matrix)
    shares = off / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(
        np.ma.masked_equal(100 * shares, 0), cmap=MISTAKES, vmin=0, vmax=max(100 * float(shares.max()), 1e-9)
    )
    for i in range(len(matrix)):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor=FAINT, edgecolor="none"))
    edges = np.arange(len(matrix) + 1) - 0.5
    axes.hlines(edges, edges[0], edges[-1], color=FAINT, linewidth=0.5)
    axes.vlines(edges, edges[0], edges[-1], color=FAINT, linewidth=0.5)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _numbers(axes, matrix, shares, cell)
    if off.any():
        bar = axes.figure.colorbar(image, ax=axes, shrink=min(0.9, 3.5 / (cell * len(matrix))), aspect=22, pad=0.02)
        bar.set_label("% of the row")
        bar.outline.set_visible(False)


def _numbers(axes: Axes, matrix: Array, shares: Array, cell: float) -> None:
    font = min(10.0, cell * POINTS * 0.9 / (LETTER * len(count(int(matrix.max())))))
    if font < READABLE:
        return
    dark = shares > 0.8 * shares.max()
    for i, j in np.argwhere(matrix > 0):
        colour = INK if i == j else PAPER if dark[i, j] else BLACK
        axes.text(j, i, count(int(matrix[i, j])), ha="center", va="center_baseline", fontsize=font, color=colour)


def _label(axes: Axes, names: Sequence[str], font: float, upright: bool) -> None:
    places = np.arange(len(names))
    axes.set_xticks(places, names, fontsize=font, rotation=90 if upright else 0)
    axes.set_yticks(places, names, fontsize=font)
    axes.set_xlabel("taken for")
    axes.set_ylabel("label")


def _recall(axes: Axes, evaluation: Evaluation, font: float) -> None:
    side = axes.secondary_yaxis("right")
    places = np.arange(len(evaluation.recall))
    side.set_yticks(places, [percent(share) for share in evaluation.recall], fontsize=font)
    side.tick_params(length=0, labelcolor=INK)
    side.spines[:].set_visible(False)
    axes.text(1.01, 1.01, "recall", transform=axes.transAxes, color=INK, fontsize=max(font, 8))
