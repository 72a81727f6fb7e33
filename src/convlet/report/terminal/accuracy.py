"""How long training took to an accuracy, competitor by competitor, from the facts of `convlet bench --accuracy`."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.report.numbers import NOT_MEASURED, duration, percent
from convlet.report.terminal.benchmark import MARKS, OURS

Facts = Mapping[str, Any]


def accuracy_table(facts: Facts) -> RenderableType:
    """Who reached the accuracy, soonest first; who was skipped or failed, and why; machine, versions, command."""
    able = [each for each in facts["competitors"] if each["status"] == "measured"]
    others = [each for each in facts["competitors"] if each["status"] != "measured"]
    seeds = f"{facts['seeds']} seed{'s' * (facts['seeds'] != 1)}"
    title = f"{facts['recipe']}: training to {percent(facts['target'], 2)} of the validation images, {seeds}"
    marks = [Text.assemble((f"{MARKS[it['status']][0]} ", MARKS[it["status"]][1]), _said(it)) for it in others]
    return Group(Text(title, "bold"), _table(able, facts["seeds"]), "", *marks, *_origin(facts, able))


def _said(it: Facts) -> str:
    return f"{it['label']}: {it['reason']}"


def _table(able: list[Facts], seeds: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in ("reached\nafter", "by\n", "training\nin all", "accuracy\nat the end", "compiling,\nfirst step"):
        table.add_column(column, justify="right", no_wrap=True)
    for it in sorted(able, key=_soonest):
        reached, spread = it["reached"], it["accuracy"]["sd"]
        accuracy = percent(it["accuracy"]["mean"], 2) + ("" if spread is None else f" ± {100 * spread:.2f}")
        after = NOT_MEASURED if reached["median"] is None else duration(reached["median"])
        cells = (after, f"{reached['count']} of {seeds}", duration(it["seconds"]), accuracy, duration(it["prepared"]))
        table.add_row(it["label"], *cells, style="bold" if it["name"] == OURS else "")
    return table


def _soonest(it: Facts) -> tuple[float, float]:
    return math.inf if it["reached"]["median"] is None else it["reached"]["median"], it["seconds"]


def _origin(facts: Facts, able: list[Facts]) -> list[Text]:
    machine = facts["environment"]
    threads = f"{facts['threads']} thread{'s' * (facts['threads'] != 1)}"
    versions = sorted({part for it in able for part in it["version"].split(", ")})
    return [
        Text(line, "dim")
        for line in (
            f"{machine['processor']}, {threads}; medians; mean ± standard deviation; validating is not timed",
            f"Python {machine['python']} on {machine['system']}; {', '.join(versions)}",
            f"{facts['date']}: {facts['command']}",
        )
    ]
