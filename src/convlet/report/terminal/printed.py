"""A table of the terminal as a value: it prints as the terminal shows it, and a notebook shows it too."""

import html
import io
from dataclasses import dataclass
from shutil import get_terminal_size

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

MARGIN = 1  # columns: Windows wraps a line that reaches the last one


@dataclass(frozen=True, repr=False)
class Printed:
    """A table that prints: `print(network.summary())`, or by itself at a prompt and in a notebook."""

    table: RenderableType

    def __str__(self) -> str:
        """The table in plain text, as wide as the terminal."""
        return self._text(max(get_terminal_size((100, 24)).columns - MARGIN, 40))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre style='white-space: pre; line-height: 1.3'>{html.escape(self._text(120))}</pre>"

    def _text(self, width: int) -> str:
        page = io.StringIO()
        Console(file=page, width=width, force_terminal=False, force_jupyter=False).print(self.table)
        return "\n".join(line.rstrip() for line in page.getvalue().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.table
