"""Learning curves: loss and accuracy over the steps of a run."""

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from convlet.report.figures.style import BLUE, GREEN, VERMILION, blank, message, style
from convlet.report.numbers import count, percent
from convlet.runs.history import Array, History

INTERVALS = 50  # about so many points make a smooth curve
EACH = 2000  # so many steps are drawn one by one; more, as the range within each bin
BINS = 200
MANY = 30  # validations or reports; beyond that their marks would hide each other
OUTLIER = 4.0  # times the highest of the others: a loss that is beyond the picture
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
    losses, means = np.array(history.losses), [row[1] for row in history.intervals(interval_length(history.steps))]
    low, high = loss_range(np.array([*means, *(row[1] for row in history.validations)]))
    usual = losses <= OUTLIER * max(high, losses[0])  # a run begins with a large loss, and that is no outlier
    high = max(high, losses[usual].max())
    if interval_length(history.steps) > 1:
        _faint(axes, losses)
    _smooth(axes, history, column=1, least=low)
    _validations(axes, history, column=1, least=low)
    _scale_loss(axes, low, high)
    worst = int(losses.argmax())
    if losses[worst] > high:
        late = worst > history.steps / 2
        look: dict[str, Any] = {"va": "top", "fontsize": 9, "color": BLUE, "textcoords": "offset points"}
        look |= {"ha": "right" if late else "left", "xytext": (-9 if late else 9, 0)}
        place = (worst + 1, 1.0)
        axes.annotate(f"▲ up to {losses[worst]:.3g}", place, xycoords=axes.get_xaxis_transform(), **look)


def loss_range(losses: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest and highest loss to draw: a loss of 0 and a few outliers may not flatten all the others.

    >>> loss_range(np.array([2.0, 1.0, 482.0, 0.5, 0.0, 0.25]))
    (0.25, 2.0)
    """
    positive = np.sort(losses[losses > 0])
    if not len(positive):
        return 0.0, 1.0
    usual = positive[: max(len(positive) - max(len(positive) // 20, 1), 1)][-1]
    beyond = OUTLIER * max(usual, losses[0])  # a run begins with a large loss, and that is none
    return float(positive[0]), float(positive[positive <= beyond][-1])


def _scale_loss(axes: Axes, low: float, high: float) -> None:
    axes.set_ylabel("loss (cross-entropy)")
    if low > 0 and high / low > 3:
        axes.set_yscale("log")
        ticks = log_ticks(low, high)
        margin = (high / low) ** 0.06
        axes.set_ylim(low / margin, high * margin)
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, 1.1 * high)
        ticks = [float(tick) for tick in MaxNLocator(6).tick_values(0, high)]
    powers = min(tick for tick in ticks if tick > 0) < 1e-3 or max(ticks) >= 1e5
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value) if powers else _plain(value)))


def log_ticks(low: float, high: float) -> list[float]:
    """Where to write the loss on a logarithmic scale: at 1, 2 and 5 of each power of ten, or at some of the powers.

    >>> log_ticks(0.09, 2.4), log_ticks(2.0, 1e5)
    ([0.1, 0.2, 0.5, 1.0, 2.0], [10.0, 100.0, 1000.0, 10000.0, 100000.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = (1, 2, 5) if last - first <= 3 else (1,)
    stride = max(math.ceil((last - first) / 8), 1)
    ticks = [float(f"{digit}e{power}") for power in range(first, last + 1, stride) for digit in digits]
    inside = [tick for tick in ticks if low / 1.1 <= tick <= high * 1.1]
    return inside or [low, high]


def _plain(value: float) -> str:
    return f"{value:,.10f}".rstrip("0").rstrip(".") if value < 1e5 else power_of_ten(value)


def power_of_ten(value: float) -> str:
    """A number by its power of ten.

    >>> power_of_ten(5e-05), power_of_ten(1e4)
    ('5×10⁻⁵', '10⁴')
    """
    digit, _, power = f"{value:.0e}".partition("e")
    ten = "10" + str(int(power)).translate(SUPERSCRIPTS)
    return ten if digit == "1" else f"{digit}×{ten}"


def _faint(axes: Axes, values: NDArray[np.float64]) -> None:
    """Every step: as a line, or where there are too many, as the range from the lowest to the highest."""
    if len(values) <= EACH:
        axes.plot(np.arange(1, len(values) + 1), values, color=BLUE, alpha=0.45, linewidth=0.8, label="each step")
        return
    starts = np.linspace(0, len(values), BINS, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    axes.fill_between(starts + 1, low, high, color=BLUE, alpha=0.28, linewidth=0, label="each step, lowest to highest")


def _smooth(axes: Axes, history: History, column: int, least: float = 0.0) -> None:
    every = interval_length(history.steps)
    rows = np.array(list(history.intervals(every)))
    middle = rows[:, 0] - np.diff(rows[:, 0], prepend=0) / 2 + 0.5  # an interval's mean stands in its middle
    label = "training" if every == 1 else f"training, mean of {count(every)} steps"
    marker = "o" if len(rows) == 1 else ""
    axes.plot(middle, np.maximum(rows[:, column], least), color=BLUE, linewidth=1.8, marker=marker, label=label)


def _validations(axes: Axes, history: History, column: int, least: float = 0.0) -> None:
    """The validations, and a ring around the best."""
    if not history.validations:
        return
    rows = np.array(history.validations)
    marker = "" if len(rows) > MANY else "o"
    values = np.maximum(rows[:, column], least)
    axes.plot(rows[:, 0], values, color=VERMILION, marker=marker, markersize=4, label="validation")
    if history.best:
        (mark,) = axes.plot(
            history.best[0], max(history.best[column], least), "o", color=VERMILION, label="best validation"
        )
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
