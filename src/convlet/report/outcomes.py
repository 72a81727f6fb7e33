"""What the terminal shows when a run has ended, and when engines were compared, as rich renderables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.comparison import TOLERANCES, Comparison
from convlet.report.numbers import count, duration, percent


def training_table(results: Mapping[str, Any]) -> RenderableType:
    """The figures of a finished run, as `experiment.results` gives them."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column(style="dim")
    if results["test_accuracy"] is not None:
        table.add_row("test accuracy", percent(results["test_accuracy"], 2), f"loss {results['test_loss']:.4f}")
    if results["validation_accuracy"] is not None:
        table.add_row("validation accuracy", percent(results["validation_accuracy"], 2), "of these weights")
    threads = f"{results['threads']} thread{'s' * (results['threads'] != 1)}"
    if results["processes"] > 1:
        threads = f"{results['processes']} processes"
    table.add_row("steps", count(results["steps"]), f"seed {results['seed']}, {results['engine']} engine, {threads}")
    if results["ms_per_step"] is not None:
        speed = f"{count(round(results['images_per_second']))} images a second, {results['gflops']:.0f} GFLOP/s"
        table.add_row("a step", f"{results['ms_per_step']:.1f} ms", speed)
    compiling = f"and {duration(results['compile_seconds'])} to compile" if results["compile_seconds"] >= 0.5 else ""
    table.add_row("training", duration(results["train_seconds"]), compiling)
    table.add_row("run folder", Text(results["run_dir"], "bold"), "curves, confusion, mistakes, weights")
    return table


def plan_table(rows: Sequence[Mapping[str, str]]) -> RenderableType:
    """How the numba engine computes a network: one row a block of fused layers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*row.values())
    return table


def comparison_table(comparisons: Sequence[Comparison]) -> RenderableType:
    """Each engine's differences from the reference, green within tolerance, red beyond; then the losses."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("compared", no_wrap=True)
    table.add_column("tolerance", justify="right")
    for comparison in comparisons:
        table.add_column(comparison.engine, justify="right", no_wrap=True)
    for row in zip(*(comparison.differences for comparison in comparisons), strict=True):
        first = row[0]
        if first.kind != "loss":
            cells = [_difference(difference.relative, difference.within) for difference in row]
            table.add_row(first.kind, first.name, f"{TOLERANCES[first.kind]:.0e}", *cells)
    remark = "max |a − b| / max |b|, against the numpy engine in float64, on the first batch with the initial weights"
    return Group(table, Text(remark, "dim"), "", Text("Losses of the first steps", "bold"), _losses(comparisons))


def _losses(comparisons: Sequence[Comparison]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("step", "float64", *(name for each in comparisons for name in (each.engine, "off by"))):
        table.add_column(column, justify="right", no_wrap=True)
    rows = [[d for d in comparison.differences if d.kind == "loss"] for comparison in comparisons]
    for step, reference in enumerate(comparisons[0].reference_losses):
        cells: list[str | Text] = []
        for comparison, differences in zip(comparisons, rows, strict=True):
            difference = differences[step]
            cells += [_loss(comparison.losses[step]), _difference(difference.relative, difference.within, 0)]
        table.add_row(str(step + 1), _loss(reference), *cells)
    return table


def _loss(value: float) -> str:
    return f"{value:.6f}" if abs(value) < 1e4 else f"{value:.3e}"


def _difference(relative: float, within: bool, digits: int = 1) -> Text:
    return Text(f"{'✓' if within else '✗'} {relative:.{digits}e}", "green" if within else "bold red")


def comparison_json(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The same as plain numbers; what is not finite is None."""
    return {
        "within": all(comparison.within for comparison in comparisons),
        "tolerances": dict(TOLERANCES),
        "engines": [
            {
                "engine": comparison.engine,
                "within": comparison.within,
                "losses": [_finite(loss) for loss in comparison.losses],
                "differences": [
                    {
                        "kind": difference.kind,
                        "name": difference.name,
                        "largest": _finite(difference.largest),
                        "relative": _finite(difference.relative),
                        "within": difference.within,
                    }
                    for difference in comparison.differences
                ],
            }
            for comparison in comparisons
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
