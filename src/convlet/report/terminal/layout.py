"""Tables without frames, and blocks with an empty line between: the one look of all that the terminal shows."""

from collections.abc import Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from convlet.report.numbers import label


def plain_table(*columns: str, right: Sequence[str] = (), flexible: str = "") -> Table:
    """A table without a frame. The columns in `right` hold numbers; only the `flexible` one gives way, by wrapping."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    tall = any("\n" in column for column in columns)
    for column in columns:
        side: Literal["right", "left"] = "right" if column in right else "left"
        header = column if "\n" in column or not tall else f"\n{column}"
        table.add_column(header, justify=side, header_style="bold", no_wrap=column != flexible)
    return table


def pairs(*rows: tuple[str, str, str]) -> Table:
    """What it is, how much, and a remark."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column(style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def apart(*blocks: RenderableType) -> Group:
    """Blocks with an empty line between."""
    return Group(*[part for block in blocks for part in ("", block)][1:])


def titled(title: str, table: Table) -> Group:
    """A table under its title."""
    return Group(Text(title, "bold"), table)


def class_name(name: str) -> Text:
    """A class's name as a cell: without control characters, cut where it is very long."""
    return Text(label(name))
