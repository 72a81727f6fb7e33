"""A run on the terminal while it trains: one line of what it is, then one bar for the whole run, on stderr.

Where stderr is no terminal there is no bar, but a plain line every few seconds. Nothing here slows the run: the
figures are made when they are shown, a few times a second, never at every step. What is said is `Progress`'s.
"""

import time

from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from convlet.datasets import Dataset
from convlet.report.numbers import count, visible
from convlet.report.terminal.progress import COMPILING, Progress
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run

PLAIN_SECONDS = 5.0  # between two plain lines
BAR_SECONDS = 0.1  # between two looks of the bar


class Watcher:
    """Shows a run; call it after every step. Use it as a context manager, so that the bar is taken down at the end."""

    def __init__(self, console: Console, recipe: Recipe, data: Dataset, threads: int, processes: int = 1) -> None:
        self.console, self.recipe, self.data, self.threads = console, recipe, data, threads
        self.processes = processes
        self._progress, self._shown_at = Progress(data), 0.0
        self._bar: Live | None = None
        self._run: Run | None = None
        self._status: Status | None = None

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._status is not None:
            self._status.stop()
        if self._bar is not None and self._run is not None:
            self._show(self._run)  # what stays on the screen is where the run ended
            self._bar.stop()

    def __call__(self, run: Run) -> None:
        now, begins = time.monotonic(), self._run is None
        self._run = run
        if self._status is not None:
            self._status.stop()
            self._status = None
        if begins:
            self._shown_at = now
            self.console.print(self._what(run))
            if kinds := ", ".join(each.describe() for each in self.recipe.augmentation):
                self.console.print(f"Augmented: {kinds}.", highlight=False)
        for sentence in self._progress.news(run, now):
            self.console.print(sentence, highlight=False)
        if begins and self.console.file.isatty() and not self.console.is_dumb_terminal:  # FORCE_COLOR asks for no bar
            self._bar = Live(console=self.console, refresh_per_second=5)
            self._bar.start()
        if now - self._shown_at >= (BAR_SECONDS if self._bar else PLAIN_SECONDS):
            self._shown_at = now
            self._show(run)

    def preparing(self, done: int, total: int, part: str) -> None:
        """One line that says what is being compiled, in place; a plain one, once, where it takes long."""
        if (text := self._progress.compiling(time.monotonic(), done, total, part)) is None:
            return
        if self._status is None:
            self._status = self.console.status("", spinner="line")
            self._status.start()
            if not self.console.is_terminal:
                self.console.print(COMPILING, highlight=False)
        self._status.update(text)

    def _what(self, run: Run) -> Text:
        """What is trained, on what, by what."""
        what = Text.assemble((visible(self.recipe.name), "bold"), f": {len(run.network.layers)} layers, ")
        what.append(f"{count(run.network.weights)} weights · {visible(self.data.name)}, ")
        return what.append(f"{count(len(self.data.train))} training images · {run.engine} engine, {self._workers()}")

    def _workers(self) -> str:
        if self.processes > 1:
            return f"{self.processes} processes"
        return f"{self.threads} thread{'s' * (self.threads != 1)}"

    def _show(self, run: Run) -> None:
        line = self._progress.line(run)
        if self._bar is not None:
            self._bar.update(line)
        else:
            self.console.print(line.plain(), highlight=False)
