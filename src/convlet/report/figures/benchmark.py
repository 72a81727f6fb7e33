"""A benchmark's picture: bars where frameworks are compared, lines where one thing grows. Of the facts in `--json`."""

from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from convlet.report.figures.style import BLUE, GREEN, INK, QUIET, VERMILION, blank, message, style
from convlet.report.terminal.benchmark import OURS, Facts, measured, milliseconds

SKY, GREY = "#5A9BCB", "#8A93A0"  # convlet's other engines, and everybody else
FAR = 8.0  # a bar longer than so many times the fastest's is cut, so that the others can be told apart
WORDS = 0.36  # of the longest bar: the width of the words at a bar's end
ROW, AROUND, WIDTH = 0.3, 0.85, 6.2  # inches: of a bar, of what stands around a panel's bars, of a panel
LINES = (VERMILION, GREEN, QUIET)
DASHES = (0, (4, 2))


def benchmark_figure(facts: Facts) -> Figure:
    """One panel for each workload; for a sweep, the times and how many times the numba engine's they are."""
    with style():
        workloads = [workload for workload in facts["workloads"] if _shown(workload)]
        if not workloads:
            return message("convlet bench", "Nothing could be measured.")
        if facts["sweep"] is not None:
            return _sweep(facts, workloads)
        return _bars(facts, workloads)


def _shown(workload: Facts) -> list[Facts]:
    return [each for each in measured(workload) if each["name"] != "sgemm"]


def _remark(facts: Facts) -> str:
    plan, day = facts["plan"], date.fromisoformat(facts["date"])
    threads = f"{plan['threads']} thread{'s' * (plan['threads'] != 1)}"
    when = f"{day.day} {day:%B %Y}"
    return f"{facts['environment']['processor']}, {threads}; medians of {plan['rounds']} interleaved rounds; {when}"


def _bars(facts: Facts, workloads: list[Facts]) -> Figure:
    columns = min(2, len(workloads))
    rows = [workloads[start : start + columns] for start in range(0, len(workloads), columns)]
    heights = [AROUND + ROW * max(len(_shown(workload)) for workload in row) for row in rows]
    title = "Milliseconds of a step or a call: shorter is faster"
    figure = blank(WIDTH * columns + 0.6, sum(heights) + 0.5, title, _remark(facts))
    if isinstance(layout := figure.get_layout_engine(), ConstrainedLayoutEngine):
        layout.set(h_pad=0.1)
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    floors = [_panel(axes, workload) for axes, workload in zip(grid.flat, workloads, strict=False)]
    for axes in list(grid.flat)[len(workloads) :]:
        axes.set_axis_off()
    figure.legend(handles=_legend(any(floors)), loc="outside lower center", ncols=2 if columns > 1 else 1)
    return figure


def _legend(floor_is_drawn: bool) -> list[Line2D]:
    floor = "all its arithmetic, dense, at the speed of NumPy's sgemm in the same rounds"
    spread = "from the fastest round to the slowest · 3.4 ×: so many times the numba engine's time"
    dashed = Line2D([], [], color=VERMILION, linewidth=1.2, linestyle=DASHES, label=floor)
    return [*([dashed] if floor_is_drawn else []), Line2D([], [], color=INK, linewidth=1.1, label=spread)]


def _panel(axes: Axes, workload: Facts) -> bool:
    """The bars of a workload; whether the time of all its arithmetic is among them, as a line."""
    competitors = _shown(workload)
    fastest = competitors[0]["ms"]["median"]
    # room for the medians: one slow round, of somebody else's doing, must not squeeze the bars
    limit = 1.1 * max(each["ms"]["median"] for each in competitors if each["ms"]["median"] <= FAR * fastest)
    ends = [_bar(axes, place, each, limit) for place, each in enumerate(competitors)]
    floor = _floor(workload)
    has_floor = floor is not None and floor < limit
    if floor is not None and has_floor:
        _draw_floor(axes, floor, [place for place, end in enumerate(ends) if not end <= floor < end + WORDS * limit])
    axes.set_xlim(0, 1.42 * limit)
    axes.set_ylim(len(competitors) - 0.45, -0.55)
    axes.set_yticks(range(len(competitors)), [each["label"] for each in competitors])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_title(workload["title"])
    for tick, each in zip(axes.get_yticklabels(), competitors, strict=True):
        tick.set_fontweight("bold" if each["name"] == OURS else "normal")
    return has_floor


def _draw_floor(axes: Axes, floor: float, places: list[int]) -> None:
    """A dashed line, but in the rows whose words it would cross out."""
    for place in places:
        axes.plot([floor, floor], [place - 0.5, place + 0.5], color=VERMILION, linewidth=1.2, linestyle=DASHES)


def _bar(axes: Axes, place: int, each: Facts, limit: float) -> float:
    """The median as a bar, fastest to slowest as a whisker; its value, and how many times the numba engine's.

    Returns where its words begin.
    """
    times = each["ms"]
    cut = times["median"] > limit
    end = limit if cut else min(times["high"], limit)
    axes.barh(place, min(times["median"], limit), height=0.68, color=_colour(each["name"]))
    if not cut:
        axes.hlines(place, times["low"], end, color=INK, linewidth=1.1, zorder=4)
    text = milliseconds(times["median"]) + (" →" if cut else "")
    if each["ratio"] and each["name"] != OURS:
        text += f"   {each['ratio']['median']:.1f} ×"
    weight = "bold" if each["name"] == OURS else "normal"
    place_of_text: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points", "va": "center_baseline"}
    axes.annotate(text, (end, place), **place_of_text, fontsize=9, color=INK, fontweight=weight, zorder=5)
    return float(end)


def _colour(name: str) -> str:
    return BLUE if name == OURS else SKY if name in ("numpy", "keras") else GREY


def _floor(workload: Facts) -> float | None:
    """Milliseconds of all the arithmetic, dense, at the speed of the machine's own sgemm."""
    peak = next((each["gflops"] for each in measured(workload) if each["name"] == "sgemm"), None)
    return 1e3 * workload["gflop"] / peak if peak else None


# ------------------------------------------------------------------------------------------------------------ sweeps


def _sweep(facts: Facts, workloads: list[Facts]) -> Figure:
    axis = facts["sweep"]["axis"]
    figure = blank(9.5, 4.0, facts["sweep"]["title"], _remark(facts))
    times, ratios = figure.subplots(1, 2, width_ratios=[1.25, 1])
    names = {each["name"]: each["label"] for workload in workloads for each in _shown(workload)}
    others = iter(LINES * len(names))
    for name, label in names.items():
        colour = BLUE if name == OURS else next(others)
        _line(times, workloads, name, "ms", colour=colour, label=label)
        if name != OURS:
            _line(ratios, workloads, name, "ratio", colour=colour, label=label)
    ratios.axhline(1, color=BLUE, linewidth=1.8)
    times.set_yscale("log")
    times.set_ylabel("milliseconds a step")
    ratios.set_ylabel("times the numba engine's")
    ratios.set_ylim(bottom=0)
    for axes in (times, ratios):
        _values(axes, [workload["value"] for workload in workloads], axis)
    times.legend(loc="upper left")
    return figure


def _line(axes: Axes, workloads: list[Facts], name: str, key: str, *, colour: str, label: str) -> None:
    """The medians as a line, fastest to slowest as a band."""
    points = [(w["value"], each[key]) for w in workloads for each in measured(w) if each["name"] == name and each[key]]
    if not points:
        return
    values = [value for value, _ in points]
    low, middle, high = ([spread[part] for _, spread in points] for part in ("low", "median", "high"))
    axes.plot(values, middle, "o-", color=colour, markersize=4, linewidth=1.8, label=label)
    axes.fill_between(values, low, high, color=colour, alpha=0.18, linewidth=0)


def _values(axes: Axes, values: list[int], label: str) -> None:
    """The values themselves as ticks, evenly spaced where each is about twice the one before."""
    if len(values) > 1 and values[-1] >= 4 * values[0]:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(label)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
