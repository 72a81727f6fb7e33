"""What is trained live: one network, or several side by side on the same images, and the time line that they leave.

Each keeps weights at moments, which the page shows again when it is scrubbed; when there are too many, every second
one is let go. Only the worker's thread changes a session; what others read is replaced whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.engines import Program, engine
from convlet.runs.evaluation import evaluate
from convlet.runs.recipe import Recipe
from convlet.training.ahead import Ahead
from convlet.training.batches import batches, prepare
from convlet.training.initial import initial_parameters

Array = NDArray[Any]

MOMENTS = 64  # kept at most
MEMORY = 256 * 2**20  # bytes of weights kept at most
MEASURED = 500  # images that accuracy is measured on, of each kind, each moment


@dataclass(frozen=True)
class Moment:
    """A network after so many steps: its weights, and how good it is. `loss` is the mean since the moment before."""

    step: int
    loss: float
    trained: float  # accuracy on images it trains on
    unseen: float  # accuracy on images it does not
    parameters: Parameters


@dataclass
class Contestant:
    """A network in training. `every` is how many steps lie between two moments."""

    name: str
    recipe: Recipe
    data: Dataset
    program: Program
    ahead: Ahead
    every: int
    total: int
    step: int = 0
    losses: list[float] = field(default_factory=list)
    moments: tuple[Moment, ...] = ()

    @property
    def done(self) -> bool:
        return self.step >= self.total

    def advance(self) -> None:
        """One step; a moment is kept where one is due."""
        loss, _ = self.program.step(self.ahead.next(), self.recipe.optimizer.rate(self.step, self.total))
        self.losses.append(float(loss))
        self.step += 1
        if self.step % self.every == 0 or self.done:
            self.keep()
        if self.done:
            self.ahead.close()

    def keep(self) -> None:
        """Keep this moment; where there are too many, every second one goes, and they come half as often."""
        parameters = self.program.state().parameters
        size = sum(array.nbytes for array in parameters.values())
        most = max(8, min(MOMENTS, MEMORY // max(size, 1)))
        loss = float(np.mean(self.losses)) if self.losses else float("nan")
        self.losses.clear()
        moment = Moment(self.step, loss, self._accuracy("train"), self._accuracy("unseen"), parameters)
        moments = (*self.moments, moment)
        if len(moments) > most:
            moments, self.every = (*moments[:-1:2], moments[-1]), 2 * self.every
        self.moments = moments

    def _accuracy(self, part: str) -> float:
        others = self.data.validation or self.data.test
        examples = self.data.train if part == "train" or others is None else others
        return evaluate(self.program, examples.take(slice(MEASURED))).accuracy


def contestant(
    name: str, recipe: Recipe, data: Dataset, engine_name: str, progress: Callable[[int, int, str], None]
) -> Contestant:
    """A network before its first step, compiled. Raises ConvletError where it cannot be trained here."""
    parameters = initial_parameters(recipe.network, data, recipe.training.seed)
    program = engine(engine_name).compile(recipe.network, parameters, recipe.optimizer)
    prepare(program, recipe, data.train, engine_name, progress)
    total = recipe.training.total_steps(len(data.train))
    ahead = batches(recipe, data.train, range(total), engine=engine_name)
    made = Contestant(name, recipe, data, program, ahead, max(1, total // (MOMENTS - 4)), total)
    made.keep()
    return made


@dataclass
class Session:
    """All that is trained live. `phase` is idle, preparing, running, paused, done or failed."""

    phase: str = "idle"
    plan: str = ""
    contestants: tuple[Contestant, ...] = ()
    prepared: tuple[int, int] = (0, 0)
    kind: str = ""  # of the error where it failed
    number: int = 0  # of this session, so that the page knows a new one

    def begin(
        self, plan: str, wanted: list[tuple[str, Recipe, Dataset]], engine_name: str, begun: Callable[[], None]
    ) -> None:
        """Compile everything, and start; `begun` is called before that. What was trained before is dropped."""
        self.close()
        self.phase, self.plan, self.contestants, self.kind = "preparing", plan, (), ""
        self.number += 1

        def progress(done: int, total: int, part: str) -> None:
            self.prepared = (done, total)

        try:
            begun()
            self.contestants = tuple(contestant(*each, engine_name, progress) for each in wanted)
            self.phase = "running"
        except Exception as error:  # whatever it is, the worker goes on answering
            self.phase, self.kind = "failed", type(error).__name__

    def command(self, action: str) -> None:
        """pause, resume, step or stop; what makes no sense now is not done."""
        match action, self.phase:
            case ("pause", "running"):
                self.phase = "paused"
            case ("resume", "paused"):
                self.phase = "running"
            case ("step", "paused" | "running"):
                self.phase = "paused"
                self._step(keep=True)
            case ("stop", "running" | "paused"):
                for each in self.contestants:
                    if not each.moments or each.moments[-1].step != each.step:
                        each.keep()
                self.close()
                self.phase = "done"

    def advance(self) -> bool:
        """A step, if it runs; whether there is more to do."""
        if self.phase == "running":
            self._step()
        if self.phase == "running" and all(each.done for each in self.contestants):
            self.phase = "done"
        return self.phase == "running"

    def _step(self, *, keep: bool = False) -> None:
        """A step of each that is not done; with `keep` the moment after it is kept in any case."""
        try:
            for each in self.contestants:
                if not each.done:
                    each.advance()
                    if keep and each.moments[-1].step != each.step:
                        each.keep()
        except Exception as error:  # whatever it is, the worker goes on answering
            self.close()
            self.phase, self.kind = "failed", type(error).__name__

    def close(self) -> None:
        """Make no further batch: nothing more is trained of what there is."""
        for each in self.contestants:
            each.ahead.close()
