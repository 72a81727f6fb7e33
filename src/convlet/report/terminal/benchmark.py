"""What a benchmark shows: a table for the terminal, bars for workloads, lines for a sweep.

All take the plain facts that `convlet bench --json` prints, so a picture can be drawn again from a file of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.report.numbers import NOT_MEASURED, count, percent, ratio

Facts = Mapping[str, Any]
OURS = "numba"
MARKS = {"skipped": ("–", "dim"), "failed": ("✗ failed", "bold red"), "wrong": ("✗ wrong", "bold red")}


def benchmark_table(facts: Facts) -> RenderableType:
    """Every workload, fastest first, or a sweep; who was skipped or failed, and why; machine, versions, command."""
    blocks: list[RenderableType] = []
    if facts["sweep"] is not None:
        blocks += [_sweep_table(facts), ""]
    else:
        for workload in facts["workloads"]:
            blocks += [Text(workload["title"], "bold"), _workload_table(workload), ""]
    remarks = _remarks(facts["workloads"])
    if remarks:
        blocks += [*remarks, ""]
    return Group(*blocks, *_origin(facts))


def milliseconds(value: float) -> str:
    """A time with three digits, or every digit before the point.

    >>> milliseconds(16.184), milliseconds(0.3096), milliseconds(3.2), milliseconds(1082.3)
    ('16.2', '0.310', '3.20', '1,082')
    """
    return f"{value:#.3g}" if value < 99.95 else f"{value:,.0f}"


def measured(workload: Facts) -> list[Facts]:
    """Those with figures, fastest first; the machine's own speed is no competitor and stands last."""
    able = [each for each in workload["competitors"] if each["status"] == "measured"]
    return sorted(able, key=lambda each: (each["name"] == "sgemm", each["ms"]["median"]))


def _workload_table(workload: Facts) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    unit = "ms a\nstep" if workload["task"] == "training" else "ms a\ncall"
    for column in (unit, "fastest –\nslowest", "×\nnumba", "\nGFLOP/s", "of\nsgemm"):  # 80 columns are enough
        table.add_column(column, justify="right", no_wrap=True)
    for each in measured(workload):
        spread = f"{milliseconds(each['ms']['low'])} – {milliseconds(each['ms']['high'])}"
        times = f"{each['ratio']['median']:.2f}" if each["ratio"] else ""
        share = percent(each["of_sgemm"], 0) if each["of_sgemm"] else ""
        style = "bold" if each["name"] == OURS else "dim" if each["name"] == "sgemm" else ""
        cells = (milliseconds(each["ms"]["median"]), spread, times, ratio(each["gflops"]), share)
        table.add_row(each["label"], *cells, style=style)
    return table


def _sweep_table(facts: Facts) -> Table:
    """A row for each value, and for each competitor its time and its ratio."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(facts["sweep"]["axis"], justify="right")
    labels = _labels(facts)
    for name, label in labels.items():
        table.add_column(f"{label}, ms", justify="right")
        if name != OURS:
            table.add_column("× numba", justify="right")
    for workload in facts["workloads"]:
        by_name = {each["name"]: each for each in measured(workload)}
        cells = []
        for name in labels:
            each = by_name.get(name)
            cells.append(milliseconds(each["ms"]["median"]) if each else NOT_MEASURED)
            if name != OURS:
                cells.append(f"{each['ratio']['median']:.2f}" if each and each["ratio"] else NOT_MEASURED)
        table.add_row(count(workload["value"]), *cells)
    return table


def _labels(facts: Facts) -> dict[str, str]:
    """All competitors of a sweep, by name, without the machine's own speed."""
    return {
        each["name"]: each["label"]
        for workload in facts["workloads"]
        for each in workload["competitors"]
        if each["name"] != "sgemm"
    }


def _remarks(workloads: Sequence[Facts]) -> list[Text]:
    """Who has no figures and why, each reason once, with the workloads it holds for."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for workload in workloads:
        for each in workload["competitors"]:
            if each["status"] != "measured":
                key = (each["status"], each["label"], each["reason"])
                reasons.setdefault(key, []).append(workload["workload"])
    lines = []
    for (status, label, reason), names in reasons.items():
        mark, style = MARKS[status]
        where = f" on {', '.join(names)}" if len(names) < len(workloads) else ""
        lines.append(Text.assemble((f"{mark} ", style), f"{label}{where}: {reason}"))
    return lines


def _origin(facts: Facts) -> list[Text]:
    """Where the figures come from: they never travel alone."""
    machine, plan = facts["environment"], facts["plan"]
    said = (each["version"].split(", ") for workload in facts["workloads"] for each in measured(workload))
    versions = sorted({version for parts in said for version in parts})
    threads = f"{plan['threads']} thread{'s' * (plan['threads'] != 1)}"
    turns = f"medians of {plan['rounds']} round{'s' * (plan['rounds'] != 1)} in turns of {plan['seconds']:g} s"
    check = "each first gave the numpy engine's losses or logits"
    lines = (
        f"{machine['processor']}, {threads}; {turns}; {check}",
        f"Python {machine['python']} on {machine['system']}; {', '.join(versions)}",
        f"{facts['date']}: {facts['command']}",
    )
    return [Text(line, "dim") for line in lines]
