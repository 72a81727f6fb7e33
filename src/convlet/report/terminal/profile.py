"""A profile of a training step, as a table: a row for each block and pass."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.report.numbers import percent, ratio, size
from convlet.report.terminal.benchmark import milliseconds


def profile_table(facts: Mapping[str, Any]) -> RenderableType:
    """What each stage takes, in the order in which they are computed."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("layers", "pass"):
        table.add_column(column, overflow="fold")
    for column in ("ms", "of all", "GFLOP/s", "memory"):
        table.add_column(column, justify="right", no_wrap=True)
    total = sum(stage["ms"] for stage in facts["stages"])
    for stage in facts["stages"]:
        speed = ratio(stage["gflops"]) if stage["gflops"] else ""
        layers = " + ".join(stage["layers"]) or "–"
        row = (milliseconds(stage["ms"]), percent(stage["ms"] / total, 1), speed, size(stage["bytes"]))
        table.add_row(layers, stage["pass"], *row)
    step = f"{milliseconds(facts['step_ms'])} ms a step of {facts['batch_size']} images"
    title = f"{facts['profile']}: {step}, {ratio(facts['gflops'])} GFLOP/s in the dense count"
    lines = (
        f"Stages were timed one by one, {milliseconds(total)} ms in all; memory is that of all arrays a stage works on",
        f"{facts['environment']['processor']}, {facts['threads']} threads; {_compiled(facts)}",
        f"{facts['date']}: {facts['command']}",
    )
    return Group(Text(title, "bold"), table, "", *(Text(line, "dim") for line in lines))


def _compiled(facts: Mapping[str, Any]) -> str:
    new, kept = facts["kernels_compiled"], facts["kernels_found"]
    work = ([f"compile {new} kernels"] if new or not kept else []) + ([f"read {kept} that were kept"] if kept else [])
    return f"{facts['compile_seconds']:g} s to {' and to '.join(work)}"
