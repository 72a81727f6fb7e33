"""Learning curves: loss and accuracy over the steps of a run."""

import math

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from convlet.report.figures.style import BLUE, GREEN, VERMILION, blank, message, style
from convlet.report.numbers import count, percent
from convlet.runs.history import Array, History

INTERVALS = 50  # about so many points make a smooth curve
EACH = 2000  # so many steps are drawn one by one; more, as the range within each bin
BINS = 200
MANY = 30  # validations or reports; beyond that their marks would hide each other
STRETCH = 0.005  # distance from 100 % where the stretched scale stops stretching
STRETCHED_FROM = 0.9  # the best accuracy from which differences near 100 % are what matters
TICKS = (0, 50, 80, 90, 95, 98, 99, 99.5, 100)


def curves(history: History, title: str) -> Figure:
    """Loss (log scale) and accuracy over the steps: training, validation with the best marked, reports."""
    with style():
        if not history.steps:
            return message(title, "No step has been taken yet.")
        figure = blank(8, 6.3, title, _remark(history))
        loss, accuracy = figure.subplots(2, 1, sharex=True)
        _draw_loss(loss, history)
        _draw_accuracy(accuracy, history)
        accuracy.set_xlabel(f"steps (of {count(history.batch_size)} images)")
        accuracy.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
        accuracy.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
        accuracy.set_xlim(*_span(history.steps))
        figure.align_ylabels()
        _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """One for both, below them, where it hides nothing."""
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3)


def _span(steps: int) -> tuple[float, float]:
    margin = max(0.02 * steps, 0.2)
    return -margin, steps + margin


def _remark(history: History) -> str:
    best = history.best
    if best is None:
        return f"{_steps(history.steps)}, without validation"
    step, loss, accuracy = best
    return f"best validation: {percent(accuracy, 2)} right, loss {loss:.4f}, after {_steps(step)}"


def _steps(steps: int) -> str:
    return "1 step" if steps == 1 else f"{count(steps)} steps"


def interval_length(steps: int) -> int:
    """How many steps a point of the smooth curve is the mean of: 1, 2, 5, 10, 20, 50, …

    >>> interval_length(20), interval_length(500), interval_length(100_000)
    (1, 10, 2000)
    """
    wanted = max(steps / INTERVALS, 1)
    power = 10 ** math.floor(math.log10(wanted))
    return int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted))


def _draw_loss(axes: Axes, history: History) -> None:
    losses = np.array(history.losses)
    if interval_length(history.steps) > 1:
        _faint(axes, losses)
    _smooth(axes, history, column=1)
    _validations(axes, history, column=1)
    if losses.min() > 0 and losses.max() / losses.min() > 3:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel("loss (cross-entropy)")


def _faint(axes: Axes, values: NDArray[np.float64]) -> None:
    """Every step: as a line, or where there are too many, as the range from the lowest to the highest."""
    if len(values) <= EACH:
        axes.plot(np.arange(1, len(values) + 1), values, color=BLUE, alpha=0.3, linewidth=0.8, label="each step")
        return
    starts = np.linspace(0, len(values), BINS, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    axes.fill_between(starts + 1, low, high, color=BLUE, alpha=0.2, linewidth=0, label="each step, lowest to highest")


def _smooth(axes: Axes, history: History, column: int) -> None:
    every = interval_length(history.steps)
    rows = np.array(list(history.intervals(every)))
    middle = rows[:, 0] - np.diff(rows[:, 0], prepend=0) / 2 + 0.5  # an interval's mean stands in its middle
    label = "training" if every == 1 else f"training, mean of {count(every)} steps"
    marker = "o" if len(rows) == 1 else ""
    axes.plot(middle, rows[:, column], color=BLUE, linewidth=1.8, marker=marker, label=label)


def _validations(axes: Axes, history: History, column: int) -> None:
    """The validations, and a ring around the best where there is a choice."""
    if not history.validations:
        return
    rows = np.array(history.validations)
    marker = "" if len(rows) > MANY else "o"
    axes.plot(rows[:, 0], rows[:, column], color=VERMILION, marker=marker, markersize=4, label="validation")
    if history.best and len(rows) > 1:
        (mark,) = axes.plot(history.best[0], history.best[column], "o", color=VERMILION, label="best validation")
        mark.set(markersize=11, markerfacecolor="none", markeredgewidth=1.6)


def _draw_accuracy(axes: Axes, history: History) -> None:
    _smooth(axes, history, column=2)
    _validations(axes, history, column=2)
    if history.reports:
        steps, shares = zip(*history.reports, strict=True)
        (marks,) = axes.plot(steps, shares, "D", color=GREEN, label="current batch, without dropout")
        marks.set(markersize=3 if len(steps) > MANY else 6, markerfacecolor="none", markeredgewidth=1.4)
    best = max(row[2] for row in [*history.validations, *history.intervals(interval_length(history.steps))])
    _scale_accuracy(axes, stretched=best >= STRETCHED_FROM)


def _scale_accuracy(axes: Axes, stretched: bool) -> None:
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(-0.02, 1.02)
    if stretched:
        axes.set_yscale("function", functions=(_stretch, _unstretch))
        axes.set_ylim(-0.15, 1 + STRETCH / 4)
        axes.yaxis.set_major_locator(FixedLocator([tick / 100 for tick in TICKS]))
        axes.set_ylabel("accuracy, % (stretched near 100)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))


def _stretch(share: Array) -> Array:
    """Near 100 %, each halving of the mistakes is the same distance."""
    return -np.log(np.maximum(1 + STRETCH - np.asarray(share), STRETCH / 10))


def _unstretch(height: Array) -> Array:
    return 1 + STRETCH - np.exp(-np.asarray(height))
