"""A table of the terminal, printed where somebody asks an object to show itself: `network.summary()`."""

import io
import sys
from shutil import get_terminal_size

from rich.console import Console, RenderableType

from convlet.report.terminal.stand_ins import held_by

MARGIN = 1  # columns: Windows wraps a line that reaches the last one


def print_plain(table: RenderableType) -> None:
    """Print the table on stdout in plain text, as wide as the terminal: the same in a script and in a notebook.

    What the stream cannot hold has stand-ins.
    """
    page, width = io.StringIO(), max(get_terminal_size((100, 24)).columns - MARGIN, 40)
    Console(file=page, width=width, force_terminal=False, force_jupyter=False).print(table)
    for line in page.getvalue().splitlines():
        print(held_by(sys.stdout, line.rstrip()))  # noqa: T201 (whoever calls it asks for just that)
