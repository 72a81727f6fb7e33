"""One quiet line of a run in training, on stderr: for scripts, threads and notebooks.

On a terminal and in a notebook it is rewritten in place; elsewhere there is a plain line now and then. It needs no
terminal, no widgets and no thread of its own, and a line that cannot be written stops nothing. The last one of a script
that is stopped is here too.
"""

import sys
import time
from shutil import get_terminal_size
from types import TracebackType
from typing import TextIO

from convlet.datasets import Dataset
from convlet.report.terminal.progress import COMPILING, Progress
from convlet.report.terminal.stream import Unfailing
from convlet.runs.run import Run
from convlet.signals import Stopped

IN_PLACE_SECONDS, PLAIN_SECONDS = 0.2, 10.0  # between two looks


class QuietLine:
    """Shows a run; call it after every step. Use it as a context manager, so that its last line ends."""

    def __init__(self, data: Dataset, stream: TextIO | None = None) -> None:
        stream = stream or sys.stderr  # None in a process without a console
        self._stream, self._in_place = Unfailing(stream), _rewrites(stream)
        self._progress, self._shown_at = Progress(data), time.monotonic()
        self._run: Run | None = None
        self._open, self._told, self._compiling = 0, False, False

    def __enter__(self) -> "QuietLine":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._run is not None and self._told:
            self._show(self._run)
        self._end()

    def __call__(self, run: Run) -> None:
        now, self._run = time.monotonic(), run
        for sentence in self._progress.news(run, now):
            self.say(sentence)
        if now - self._shown_at >= (IN_PLACE_SECONDS if self._in_place else PLAIN_SECONDS):
            self._shown_at = now
            self._show(run)

    def preparing(self, done: int, total: int, part: str) -> None:
        """Say what is being compiled, where it takes long; where lines stay, once."""
        text = self._progress.compiling(time.monotonic(), done, total, part)
        if text is not None and (self._in_place or not self._compiling):
            self._write(text if self._in_place else COMPILING)
            self._compiling = True

    def say(self, text: str) -> None:
        """A line that stays, in place of what is shown of the run until there is more."""
        self._write(text)
        self._end()

    def _show(self, run: Run) -> None:
        line = self._progress.line(run)
        width = get_terminal_size((100, 24)).columns - 1
        self._write(line.fitted(width).plain if self._in_place else line.plain())

    def _write(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._open}}" if self._in_place else f"{text}\n")
        self._stream.flush()
        self._open, self._told = len(text) if self._in_place else 0, True

    def _end(self) -> None:
        """Leave the line that is open as it is."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
        self._open = 0


class Silent(QuietLine):
    """Shows nothing."""

    def __call__(self, run: Run) -> None:
        pass

    def preparing(self, done: int, total: int, part: str) -> None:
        pass

    def _write(self, text: str) -> None:
        pass


def end_in_a_line() -> None:
    """Let a script that catches no Stopped end with its message alone, and with 128 + its signal, as shells count.

    Where errors are shown in another way, in a notebook, at a prompt or by somebody's own hook, it stays so.
    """
    show = sys.excepthook
    if show is not sys.__excepthook__ or hasattr(sys, "ps1") or sys.flags.interactive:
        return

    def said(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, Stopped):
            show(kind, error, trace)
            return
        Unfailing(sys.stderr).write(f"convlet: {error}\n")
        sys.exit(128 + error.signal)

    sys.excepthook = said


def _rewrites(stream: TextIO | None) -> bool:
    """Whether a line can be written over: on a terminal, and in a notebook's cell."""
    return Unfailing(stream).isatty() or type(stream).__module__.startswith("ipykernel")
