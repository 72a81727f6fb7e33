"""The one place that prints: every verb says what it has to say through here, on whatever stream it is given.

A stream that is not UTF-8 (Windows with redirected output, `PYTHONIOENCODING=ascii`) takes stand-ins for what it cannot
hold, × as x and á as a, instead of ending the command. On a terminal lines break at spaces alone, so what is to be
copied, a path or a command, stays whole; elsewhere they do not break at all.
"""

import io
import json
import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from convlet.report.numbers import visible
from convlet.report.terminal.stand_ins import STAND_INS
from convlet.report.terminal.stream import Unfailing

if TYPE_CHECKING:  # `convlet --help` waits for nobody's libraries
    from rich.console import Console

SLOW_SECONDS = 2.0
SLOW = "At work."
COMPILING = "The first time on a machine it takes a while: the network is compiled for it."
SCHEMA = 1  # of every JSON object convlet prints


def prepare_streams() -> None:
    """Let stdout and stderr replace what they cannot hold, and stderr lose what it cannot take, whoever writes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=STAND_INS)
    if not isinstance(sys.stderr, Unfailing):
        sys.stderr = cast(TextIO, Unfailing(sys.stderr))


def console(*, err: bool = False, quiet: bool = False) -> "Console":
    """A console on stdout or stderr. rich honours NO_COLOR and FORCE_COLOR by itself."""
    from rich.console import Console

    return Console(stderr=err, soft_wrap=err and not sys.stderr.isatty(), quiet=quiet)


def say(text: str, *commands: str) -> None:
    """A message for people, on stderr; each command that it ends with on a line of its own, never broken."""
    _write(sys.stderr, text, commands)


@contextmanager
def said_if_slow(engine: str) -> Iterator[None]:
    """What takes longer than a breath is said to be at work: the first time, most engines compile for seconds."""
    timer = threading.Timer(SLOW_SECONDS, say, [SLOW if engine == "numpy" else f"{SLOW} {COMPILING}"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def show(as_json: bool, table: dict[str, Any], *shown: Any) -> None:
    """The result, on stdout: one JSON object, or what a person reads, a table or a text."""
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, **table}, allow_nan=False), file=sys.stdout)
        return
    for part in shown:
        if isinstance(part, str):  # rich would take a name such as [red].html for a colour
            show_lines(part)
        else:
            console().print(part)


def show_lines(text: str, *lines: str) -> None:
    """A sentence below a result, and what it ends with, commands or files, on lines of their own."""
    _write(sys.stdout, text, lines)


def show_text(text: str) -> None:
    """The text of a file, as it is."""
    click.echo(text, file=sys.stdout, nl=False)


def _write(stream: TextIO, text: str, commands: Sequence[str]) -> None:
    lines = [visible(text)]
    if stream.isatty():
        width = shutil.get_terminal_size().columns
        lines = textwrap.wrap(lines[0], width, break_long_words=False, break_on_hyphens=False)
    click.echo("\n".join([*lines, *(f"  {visible(command)}" for command in commands)]), file=stream)
