"""What was measured, as plain numbers: medians, spreads, and ratios that are paired round by round."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median
from typing import Any, Literal

from convlet.benchmarks.competitors import BASELINE, SGEMM, Competitor
from convlet.benchmarks.peers.sgemm import GFLOP
from convlet.benchmarks.selection import Selection
from convlet.benchmarks.workloads import Workload
from convlet.environment import environment


@dataclass(frozen=True)
class Plan:
    """How to measure: `rounds` turns of each competitor, `seconds` long, on so many threads; `pause` between turns."""

    rounds: int = 5
    seconds: float = 1.0
    threads: int = 1
    pause: float = 0.3


Status = Literal["measured", "skipped", "failed", "wrong"]  # wrong: it computes something else
DIGITS = 5  # significant


@dataclass(frozen=True)
class Measured:
    """One competitor on one workload: seconds of a step in each round; or why there are none."""

    competitor: Competitor
    status: Status
    reason: str = ""
    version: str = ""
    difference: float | None = None
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """All competitors on one workload."""

    workload: Workload
    measured: tuple[Measured, ...]

    @property
    def complete(self) -> bool:
        """Whether nobody failed, or computed something else."""
        return all(each.status in ("measured", "skipped") for each in self.measured)

    def facts(self) -> dict[str, Any]:
        """All of it as `--json` prints it."""
        by_name = {each.competitor.name: each for each in self.measured if each.status == "measured"}
        return {
            "workload": self.workload.name,
            "title": self.workload.title,
            "task": self.workload.task,
            "batch_size": self.workload.batch_size,
            "value": self.workload.value,
            "gflop": _rounded(self.workload.gflop),
            "competitors": [_facts(self.workload, each, by_name) for each in self.measured],
        }


def _facts(workload: Workload, it: Measured, measured: dict[str, Measured]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": it.competitor.name,
        "label": it.competitor.label,
        "status": it.status,
        "reason": it.reason,
        "version": it.version,
        "difference": it.difference,
    }
    if it.status != "measured":
        return facts
    gflop = GFLOP if it.competitor.name == SGEMM else workload.gflop
    speeds = [gflop / seconds for seconds in it.seconds]
    times = _spread([1e3 * seconds for seconds in it.seconds])
    facts |= {"ms": times, "rounds_ms": [_rounded(1e3 * seconds) for seconds in it.seconds]}
    facts |= {"gflops": _rounded(median(speeds)), "ratio": None, "of_sgemm": None}
    if it.competitor.name == SGEMM:
        return facts
    facts["images_per_second"] = _rounded(workload.batch_size / median(it.seconds))
    if BASELINE in measured:
        facts["ratio"] = _spread(_paired(it.seconds, measured[BASELINE].seconds))
    if SGEMM in measured:
        peak = [GFLOP / seconds for seconds in measured[SGEMM].seconds]
        facts["of_sgemm"] = _rounded(median(_paired(speeds, peak)))
    return facts


def _paired(values: Sequence[float], by: Sequence[float]) -> list[float]:
    """The quotients, round by round."""
    return [value / other for value, other in zip(values, by, strict=True)]


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": _rounded(median(values)), "low": _rounded(min(values)), "high": _rounded(max(values))}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def document(outcomes: Sequence[Outcome], selection: Selection, plan: Plan, command: str) -> dict[str, Any]:
    """Everything a benchmark found, with where it comes from: machine, versions, day and command."""
    return {
        "date": date.today().isoformat(),
        "command": command,
        "environment": environment(),
        "plan": asdict(plan),
        "sweep": selection.facts(),
        "workloads": [outcome.facts() for outcome in outcomes],
    }
