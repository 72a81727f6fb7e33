"""What the terminal shows of a run while it trains: one line that fits, however narrow the terminal is."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from convlet.report.numbers import count, duration
from convlet.runs.run import Run

GAP = "  "
WARM_UP = 3  # steps that say nothing of the speed: caches fill, the clock rises
SHORTEST = 8  # letters of a bar; a shorter one says too little


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
