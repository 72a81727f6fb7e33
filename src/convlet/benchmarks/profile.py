"""Where the time of a training step goes in the numba engine: block by block, both ways. Not a comparison."""

import time
from datetime import date
from statistics import median
from typing import Any

from convlet.benchmarks.workloads import Workload, workload
from convlet.engines import engine
from convlet.environment import environment
from convlet.training.batches import with_masks

ROUNDS, STEPS = 5, 10


def profiled(name: str, threads: int, command: str) -> dict[str, Any]:
    """The facts of a profile of a workload, or of a recipe's network, as `--json` prints them."""
    work = workload(name)
    program: Any = engine("numba").compile(work.network, work.network.initial_parameters(seed=0), work.optimizer)
    started, before = time.perf_counter(), program.kernels()
    program.prepare(work.batch_size)
    seconds, kernels = time.perf_counter() - started, program.kernels() - before
    images, labels = work.examples()
    batch = with_masks(work.network, images[: work.batch_size], labels[: work.batch_size], seed=0, step=0)
    rate = work.optimizer.rate(0, 1)
    steps = [_seconds(program, batch, rate) for _ in range(STEPS + 1)][1:]
    return {
        "profile": work.name,
        "date": date.today().isoformat(),
        "command": command,
        "environment": environment(),
        "threads": threads,
        "batch_size": work.batch_size,
        "compile_seconds": round(seconds, 2),
        "kernels_compiled": kernels["compiled"],
        "kernels_found": kernels["found"],  # on disk, compiled before
        "step_ms": _rounded(1e3 * median(steps)),
        "gflops": _rounded(_gflop(work) / median(steps)),
        "stages": [_stage(timing) for timing in program.profile(batch, rate, ROUNDS)],
    }


def _seconds(program: Any, batch: Any, rate: float) -> float:
    started = time.perf_counter()
    program.step(batch, rate)
    return time.perf_counter() - started


def _gflop(work: Workload) -> float:
    return 2e-9 * work.network.training_multiply_adds * work.batch_size


def _stage(timing: Any) -> dict[str, Any]:
    gflop = 2e-9 * timing.multiply_adds
    return {
        "layers": list(timing.layers),
        "computes": timing.computes,
        "pass": timing.what,
        "ms": _rounded(1e3 * timing.seconds),
        "gflops": _rounded(gflop / timing.seconds) if gflop else None,
        "bytes": timing.bytes,
        "kernels": [{"kernel": name, "ms": _rounded(1e3 * seconds)} for name, seconds in timing.kernels],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
