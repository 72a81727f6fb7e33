"""The learning rate over a run. A schedule is a function of how far the run has come, so it fits runs of any length.

A plain number is the constant schedule. `at(progress)` takes step / steps, in [0, 1).
"""

import math
from dataclasses import dataclass
from typing import Protocol

from convlet.checks import number, whole_number
from convlet.descriptions.tables import kinds, set_canonical

__all__ = ["Cosine", "OneCycle", "Schedule", "Steps"]


class Schedule(Protocol):
    """Gives the learning rate at each moment of a run."""

    def at(self, progress: float) -> float:
        """The rate when this share of the run is behind, in [0, 1)."""
        ...


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Cosine:
    """From `start` down to `end` along half a cosine. Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5."""

    start: float
    end: float = 0.0

    def __post_init__(self) -> None:
        set_canonical(self, start=number("start", self.start, low=0, open_low=True), end=number("end", self.end, low=0))

    def at(self, progress: float) -> float:
        return _cosine(self.start, self.end, progress)


@dataclass(frozen=True)
class OneCycle:
    """Up to `peak` during the first `warmup` of the run, then down to almost nothing, both along half a cosine.

    It starts at peak / 25 and ends at peak / 10,000. Source: Smith and Topin, "Super-convergence", 2017, section 3.
    """

    peak: float
    warmup: float = 0.3

    def __post_init__(self) -> None:
        set_canonical(self, peak=number("peak", self.peak, low=0, open_low=True))
        set_canonical(self, warmup=number("warmup", self.warmup, low=0, high=1))

    def at(self, progress: float) -> float:
        if progress < self.warmup:
            return _cosine(self.peak / 25, self.peak, progress / self.warmup)
        return _cosine(self.peak, self.peak / 10_000, (progress - self.warmup) / (1 - self.warmup))


@dataclass(frozen=True)
class Steps:
    """`start`, multiplied by `factor` at each of `drops` equal parts of the run after the first.

    >>> [Steps(0.1, factor=0.5, drops=1).at(progress) for progress in (0.0, 0.49, 0.5)]
    [0.1, 0.1, 0.05]
    """

    start: float
    factor: float = 0.1
    drops: int = 2

    def __post_init__(self) -> None:
        set_canonical(self, start=number("start", self.start, low=0, open_low=True))
        set_canonical(self, factor=number("factor", self.factor, low=0, open_low=True))
        set_canonical(self, drops=whole_number("drops", self.drops))

    def at(self, progress: float) -> float:
        part = int(progress * (self.drops + 1) + 1e-9)  # 1e-9: 1/49 × 49 is a little less than 1 in floats
        return float(self.start * self.factor**part)


SCHEDULES = kinds(Cosine, OneCycle, Steps)
