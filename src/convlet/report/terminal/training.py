"""What the terminal shows when a run has ended."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from convlet.report.numbers import count, duration, percent, ratio


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
        speed = f"{count(round(results['images_per_second']))} images a second, {ratio(results['gflops'])} GFLOP/s"
        table.add_row("a step", f"{results['ms_per_step']:.1f} ms", speed)
    compiling = f"and {duration(results['compile_seconds'])} to compile" if results["compile_seconds"] >= 0.5 else ""
    table.add_row("training", duration(results["train_seconds"]), compiling)
    return table
