"""A run on the terminal while it trains: one line of what it is, then one bar for the whole run, on stderr.

Where stderr is no terminal there is no bar, but a plain line every few seconds. Nothing here slows the run: the
figures are made when they are shown, a few times a second, never at every step.
"""

import time

from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from convlet.datasets import Dataset
from convlet.engines import kept
from convlet.report.numbers import count, epochs, visible
from convlet.report.terminal.progress import Pace, ProgressLine
from convlet.runs.evaluation import commonest
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run

PLAIN_SECONDS = 5.0  # between two plain lines
BAR_SECONDS = 0.1  # between two looks of the bar
PREPARING_SECONDS = 2.0  # of preparing; less is not compiling but reading the cache, and not worth a word


class Watcher:
    """Shows a run; call it after every step. Use it as a context manager, so that the bar is taken down at the end."""

    def __init__(self, console: Console, recipe: Recipe, data: Dataset, threads: int, processes: int = 1) -> None:
        self.console, self.recipe, self.data, self.threads = console, recipe, data, threads
        self.processes = processes
        self._pace, self._shown_at = Pace(), 0.0
        self._begun, self._validations = False, -1
        self._bar: Live | None = None
        self._run: Run | None = None
        self._status: Status | None = None
        self._prepared_at = 0.0

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._status is not None:
            self._status.stop()
        if self._bar is not None and self._run is not None:
            self._show(self._run)  # what stays on the screen is where the run ended
            self._bar.stop()

    def __call__(self, run: Run) -> None:
        now, self._run = time.monotonic(), run
        if self._status is not None:
            self._status.stop()
            self._status = None
        if not self._begun:
            self._begin(run, now)
        self._pace.note(run, now)
        if len(run.history.validations) > self._validations:
            self._validations = len(run.history.validations)
            self._say_validation(run)
        if now - self._shown_at >= (BAR_SECONDS if self._bar else PLAIN_SECONDS):
            self._shown_at = now
            self._show(run)

    def preparing(self, done: int, total: int, part: str) -> None:
        """One line that says what is being compiled, in place; a plain one, once, where it takes long."""
        now = time.monotonic()
        self._prepared_at = self._prepared_at or now
        if self._status is None and now - self._prepared_at > PREPARING_SECONDS:
            self._status = self.console.status("", spinner="line")
            self._status.start()
            if not self.console.is_terminal:  # a line that stays promises nothing: the disk may yet be full
                self.console.print("Compiling for this machine.", highlight=False)
        if self._status is not None:
            promise = " (the next run starts at once)" if kept() else ""
            self._status.update(f"Compiling for this machine, {done + 1} of {total}: {part}{promise}")

    def _begin(self, run: Run, now: float) -> None:
        """Say what it is, where it begins, and put up the bar."""
        before = run.history.steps - run.clock.taken
        self._begun, self._validations, self._shown_at = True, len(run.history.validations), now
        what = Text.assemble((visible(self.recipe.name), "bold"), f": {len(run.network.layers)} layers, ")
        what.append(f"{count(run.network.weights)} weights · {visible(self.data.name)}, ")
        what.append(f"{count(len(self.data.train))} training images · {run.engine} engine, {self._workers()}")
        self.console.print(what)
        if self.recipe.augmentation:
            kinds = ", ".join(each.describe() for each in self.recipe.augmentation)
            self.console.print(f"Augmented: {kinds}.", highlight=False)
        if before:
            self.console.print(f"Resumed at step {count(before)} of {count(run.total_steps)}.", highlight=False)
        if self.console.file.isatty() and not self.console.is_dumb_terminal:  # FORCE_COLOR asks for colour, not a bar
            self._bar = Live(console=self.console, refresh_per_second=5)
            self._bar.start()

    def _workers(self) -> str:
        if self.processes > 1:
            return f"{self.processes} processes"
        return f"{self.threads} thread{'s' * (self.threads != 1)}"

    def _show(self, run: Run) -> None:
        line = ProgressLine.of(run, self._pace.seconds_left(run))
        if self._bar is not None:
            self._bar.update(line)
        else:
            self.console.print(line.plain(), highlight=False)

    def _say_validation(self, run: Run) -> None:
        step, loss, accuracy = run.history.validations[-1]
        passed = step * run.history.batch_size / len(self.data.train)
        remark = "  best so far" if run.history.best == run.history.validations[-1] else ""
        if self.data.validation is not None and accuracy <= commonest(self.data.validation.labels):
            remark = "  no better than a guess"
        self.console.print(
            f"epoch {epochs(passed)}, step {count(step)}: validation accuracy {accuracy:.4f}, loss {loss:.4f}{remark}",
            highlight=False,
        )
