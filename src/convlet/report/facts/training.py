"""What is to be said of a finished run, as plain dictionaries: what `--json` prints."""

import math
from typing import Any

from convlet.descriptions.network import Sequential
from convlet.environment import peak_memory_mb
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.evaluation import Evaluation
from convlet.runs.run import Run


def training_json(
    run: Run, evaluation: Evaluation | None, threads: int, processes: int = 1, trained: Sequential | None = None
) -> dict[str, Any]:
    """The figures of a finished run, as `convlet train --json` prints them. What does not exist is None.

    `processes` trained it together: times are this one's, images and steps those of all. `trained` is what network a
    step is of, where several are the run's in the end.
    """
    clock, images = run.clock, run.clock.taken * run.history.batch_size
    state, peak = run.program.state(), peak_memory_mb()
    operations = 2 * (trained or run.network).training_multiply_adds * images
    validated = {step: accuracy for step, _, accuracy in run.history.validations}
    return {
        "test_accuracy": evaluation.accuracy if evaluation else None,
        "test_loss": evaluation.loss if evaluation else None,
        "validation_accuracy": validated.get(state.step),  # of these weights: with patience, the best ones
        "steps": run.history.steps,
        "train_seconds": round(clock.train, 3),
        "compile_seconds": round(clock.compile, 3),
        "waiting_seconds": round(clock.waiting, 3),  # of the training's, for batches that were not yet made
        "ms_per_step": round(1e3 * clock.steps / clock.taken, 3) if clock.taken else None,
        "images_per_second": round(images / clock.steps, 1) if clock.taken else None,
        "gflops": round(1e-9 * operations / clock.steps, 2) if clock.taken else None,
        "peak_memory_mb": round(peak, 1) if math.isfinite(peak) else None,
        "engine": run.engine,
        "threads": threads,
        "processes": processes,
        "seed": run.seed,
        "weights_sha256": weights_sha256(state.parameters),
        "run_dir": str(run.run_dir),
    }
