"""Where the time of a step goes: every job of it, run by itself and timed, block by block.

What this is not: a step's time. Jobs that would run beside each other run one after the other here, and each waits for
all threads; a step takes a little less than the sum.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

from convlet.engines import Batch
from convlet.engines.numba.assembly.passes import Passes, Stage
from convlet.engines.numba.running import threads
from convlet.engines.numba.running.worklist import Job, Worklist


@dataclass(frozen=True)
class Timing:
    """What one stage takes: the seconds of each job by its kernel's name, and the bytes of all arrays it works on."""

    layers: tuple[str, ...]  # none: the loss, or the optimizer's step
    what: str
    computes: str
    kernels: tuple[tuple[str, float], ...]
    multiply_adds: int  # of all images, dense count
    bytes: int

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.kernels)


def profile(passes: Passes, batch: Batch, rounds: int) -> list[Timing]:
    """Each stage of a pass over a batch, in order; times are medians over so many rounds, after one that warms up.

    A stage's jobs are timed one by one, not in chains with those of others: together they take longer than the pass.
    """
    passes.train(batch)
    stages = passes.stages(len(batch))
    worklists = [[Worklist([job]) for job in stage.jobs] for stage in stages]
    taken = [[list(_times(stage)) for stage in worklists] for _ in range(rounds)]
    return [_timing(stage, len(batch), taken, i) for i, stage in enumerate(stages)]


def _times(worklists: list[Worklist]) -> Iterator[float]:
    for worklist in worklists:
        started = time.perf_counter()
        threads.run(worklist)
        yield time.perf_counter() - started


def _timing(stage: Stage, N: int, taken: list[list[list[float]]], i: int) -> Timing:
    names = [job.label.split(": ")[-1] for job in stage.jobs]
    seconds = [median(times) for times in zip(*(one[i] for one in taken), strict=True)]
    layers = stage.block.names if stage.block is not None else ()
    computes = stage.block.explain()[0] if stage.block is not None else stage.what
    kernels = tuple(zip(names, seconds, strict=True))
    return Timing(layers, stage.what, computes, kernels, N * _multiply_adds(stage), _bytes(stage.jobs))


def _multiply_adds(stage: Stage) -> int:
    """Of one image: as many for each gradient as on the way forward."""
    if stage.block is None:
        return 0
    forward = sum(placed.multiply_adds for placed in stage.block.layers)
    return forward if stage.what == "forward" else forward * stage.gradients


def _bytes(jobs: list[Job]) -> int:
    """Of all different arrays that the jobs are given: what passes through memory at least once."""
    arrays = [argument for job in jobs for argument in job.arguments if isinstance(argument, np.ndarray)]
    return sum({(array.ctypes.data, array.nbytes): array.nbytes for array in arrays}.values())
