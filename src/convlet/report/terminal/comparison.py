"""What the terminal shows when engines were compared."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.comparison import TOLERANCES, Comparison


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
    said = [remark, *(_elsewhere(each) for each in comparisons if each.batch > 1)]
    remarks = [Text(each, "dim") for each in said]
    return Group(table, *remarks, "", Text("Losses of the first steps", "bold"), _losses(comparisons))


def _elsewhere(comparison: Comparison) -> str:
    """Why gradients were not compared on the first batch."""
    return (
        f"{comparison.engine}: gradients on batch {comparison.batch}, since before it one jumps within rounding: some"
        " ReLU's input is next to 0, or two in a pooling window are next to equal"
    )


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
