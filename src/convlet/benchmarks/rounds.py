"""A B C A B C …: everyone takes turns, so that what the machine does meanwhile is shared by all.

One process computes at a time. Between two turns there is a pause, since some frameworks' threads go on spinning for a
while after their work is done; a turn begins with a step that does not count.
"""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from convlet.benchmarks.competitors import Competitor
from convlet.benchmarks.process import Process, write_arrays
from convlet.benchmarks.results import Measured, Outcome, Plan
from convlet.benchmarks.validation import agree, reference
from convlet.benchmarks.workloads import Array, Workload
from convlet.errors import EngineError, NumericsError

Say = Callable[[str], None]
WARM, TRIED = 2, 3  # steps before the first turn: not looked at, and to see how many fill a turn


@dataclass
class _Contender:
    """A competitor that is in the running, until something goes wrong."""

    process: Process
    measured: Measured
    steps: int = 1

    @property
    def running(self) -> bool:
        return self.measured.status == "measured"

    def attempt(self, act: Callable[["_Contender"], None]) -> None:
        """Do it, and note what goes wrong."""
        try:
            act(self)
        except NumericsError as error:
            self.measured = replace(self.measured, status="wrong", reason=str(error), seconds=())
        except EngineError as error:
            self.measured = replace(self.measured, status="failed", reason=str(error), seconds=())


def measure(workload: Workload, competitors: Sequence[Competitor], plan: Plan, say: Say = lambda text: None) -> Outcome:
    """Every competitor on one workload, in turns. Whoever is absent, fails or computes something else is named."""
    plan = replace(plan, threads=workload.threads or plan.threads)
    able = [competitor for competitor in competitors if workload.task in competitor.tasks]
    skipped = [Measured(each, "skipped", reason) for each in able if (reason := each.missing())]
    absent = {each.competitor.name for each in skipped}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convlet-bench-")))
        parameters = workload.network.initial_parameters(seed=0)
        file = write_arrays(workload, parameters, folder)
        expected = reference(workload, parameters)
        contenders = []
        for competitor in able:
            if competitor.name not in absent:
                say(f"{workload.name}: preparing and checking {competitor.label}")
                process = stack.enter_context(Process(competitor, plan.threads))
                contenders.append(_Contender(process, Measured(competitor, "measured")))
                contenders[-1].attempt(lambda it: _prepare(it, workload, file, expected, plan))
        _take_turns(workload, contenders, plan, say)
        measured = [contender.measured for contender in contenders] + skipped
    order = [competitor.name for competitor in able]
    return Outcome(workload, tuple(sorted(measured, key=lambda each: order.index(each.competitor.name))))


def _prepare(it: _Contender, workload: Workload, file: Path, expected: Array, plan: Plan) -> None:
    """Make it, check it, and find out how many steps fill a turn."""
    it.process.load(workload, file)
    version, found = it.process.check()
    difference = agree(found, expected) if it.measured.competitor.checked else None
    it.measured = replace(it.measured, version=version, difference=difference)
    it.process.measure(WARM)
    it.steps = math.ceil(plan.seconds / it.process.measure(TRIED))


def _take_turns(workload: Workload, contenders: Sequence[_Contender], plan: Plan, say: Say) -> None:
    for number in range(1, plan.rounds + 1):
        say(f"{workload.name}: round {number} of {plan.rounds}")
        for contender in contenders:
            if contender.running:
                time.sleep(plan.pause)
                contender.attempt(_take_turn)


def _take_turn(it: _Contender) -> None:
    it.process.measure(1)
    it.measured = replace(it.measured, seconds=(*it.measured.seconds, it.process.measure(it.steps)))
