"""What there is to say of a run while it trains: what is news, each once, and one line that fits, however narrow.

What this is not: it shows nothing, and decides nothing about where or how often (`cli.progress`, `quiet_line`).
"""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from convlet.datasets import Dataset
from convlet.engines import kept
from convlet.report.numbers import count, duration, epochs
from convlet.runs.evaluation import commonest
from convlet.runs.run import Run

GAP = "  "
WARM_UP = 3  # steps that say nothing of the speed: caches fill, the clock rises
SHORTEST = 8  # letters of a bar; a shorter one says too little
PREPARING_SECONDS = 2.0  # of preparing; less is not compiling but reading the cache, and not worth a word
COMPILING = "Compiling for this machine."  # where lines stay: it promises nothing, for the disk may yet be full


class Pace:
    """How long a run will still take, by the steps since it was warm."""

    def __init__(self) -> None:
        self._warm_at, self._warm_steps, self._noted_at = 0.0, -1, 0.0

    def note(self, run: Run, now: float) -> None:
        """A step was taken at `now`, in seconds of a monotonic clock."""
        self._noted_at = now
        if run.clock.taken == WARM_UP:
            self._warm_at, self._warm_steps = now, run.history.steps

    def seconds_left(self, run: Run) -> float | None:
        """As things stood at the last step; None as long as nothing can be said."""
        done = run.history.steps - self._warm_steps
        if self._warm_steps < 0 or done <= 0:
            return None
        return (self._noted_at - self._warm_at) / done * (run.total_steps - run.history.steps)


@dataclass(frozen=True)
class ProgressLine:
    """How far a run is. As the terminal becomes narrower, the images a second go first, then the bar, then the loss and
    the accuracy; the step and the time that is left always stay.
    """

    step: int
    steps: int
    loss: str
    accuracy: str
    speed: str
    left: str

    @classmethod
    def of(cls, run: Run, seconds_left: float | None) -> "ProgressLine":
        """Where a run is now."""
        loss, accuracy = run.history.recent()
        speed = run.clock.taken * run.history.batch_size / run.clock.steps if run.clock.steps else 0
        return cls(
            run.history.steps,
            run.total_steps,
            loss=f"loss {loss:.4f}",
            accuracy=f"accuracy {accuracy:.3f}",
            speed=f"{count(round(speed))} images/s",
            left=f"{duration(seconds_left)} left" if seconds_left else "",
        )

    def plain(self) -> str:
        """All of it but the bar."""
        return GAP.join(self._words(self.loss, self.accuracy, self.speed))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.fitted(options.max_width)

    def fitted(self, width: int) -> Text:
        """As much of it as `width` columns have room for."""
        some = (self.loss, self.accuracy)
        for figures, bar in (((*some, self.speed), SHORTEST), (some, SHORTEST), (some, 0), ((self.accuracy,), 0)):
            words = self._words(*figures)
            room = width - len(GAP.join(words))
            if bar and room >= len(GAP) + bar:
                return Text(GAP, no_wrap=True).join([Text(words[0]), self._bar(room - len(GAP)), *map(Text, words[1:])])
            if not bar and room >= 0:
                return Text(GAP.join(words), no_wrap=True)
        return Text(GAP.join(self._words()), overflow="fold")

    def _words(self, *figures: str) -> list[str]:
        where = f"step {count(self.step):>{len(count(self.steps))}} of {count(self.steps)}"  # always as wide
        return [where, *figures, *([self.left] if self.left else [])]

    def _bar(self, width: int) -> Text:
        """What is done in one letter and what is to come in another: it can be read without colours."""
        done = width * self.step // max(self.steps, 1)
        return Text.assemble(("━" * done, "bold blue"), ("·" * (width - done), "dim"))


class Progress:
    """How a run goes, in words: who shows them asks after every step."""

    def __init__(self, data: Dataset) -> None:
        self._data, self._pace = data, Pace()
        self._validations: int | None = None  # that were told of; None before the first step
        self._prepared_at: float | None = None
        self._turn = (1, 1)  # of the network that was last told of

    def compiling(self, now: float, done: int, total: int, part: str) -> str | None:
        """What is being compiled, and whether that is once for all; None as long as it is not worth a word."""
        self._prepared_at = now if self._prepared_at is None else self._prepared_at
        if now - self._prepared_at <= PREPARING_SECONDS:
            return None
        promise = " (the next run starts at once)" if kept() else ""
        return f"Compiling for this machine, {done + 1} of {total}: {part}{promise}"

    def news(self, run: Run, now: float) -> list[str]:
        """What is to be said for the first time: where the run goes on, which network begins, and each validation."""
        self._pace.note(run, now)
        said, there = [], len(run.history.validations)
        if self._validations is None:
            self._validations = there
            if before := run.history.steps - run.clock.taken:
                said.append(f"Resumed at step {count(before)} of {count(run.total_steps)}.")
        if run.turn != self._turn:
            self._turn = run.turn
            said.append(f"Network {run.turn[0]} of {run.turn[1]}.")
        if there > self._validations:
            self._validations = there
            said.append(self._validation(run))
        return said

    def line(self, run: Run) -> ProgressLine:
        """Where the run is, and how long it will take from here."""
        return ProgressLine.of(run, self._pace.seconds_left(run))

    def _validation(self, run: Run) -> str:
        step, loss, accuracy = run.history.validations[-1]
        passed = step * run.history.batch_size / len(self._data.train)
        remark = "  best so far" if run.history.best == run.history.validations[-1] else ""
        if self._data.validation is not None and accuracy <= commonest(self._data.validation.labels):
            remark = "  no better than a guess"
        return (
            f"epoch {epochs(passed)}, step {count(step)}: validation accuracy {accuracy:.4f}, loss {loss:.4f}{remark}"
        )
