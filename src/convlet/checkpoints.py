"""When a run in training is saved: after each validation, at least once a minute, when it stops, and at the end."""

import time
from dataclasses import replace

import numpy as np

from convlet import storage
from convlet.engines import State
from convlet.errors import NumericsError
from convlet.run import Run

SECONDS = 60.0  # no more work than this is lost to a crash


class Checkpoints:
    """Saves a run to `last.safetensors` and, when a validation was the best so far, to `best.safetensors`.

    Where the run has no folder, only the best state is kept, in memory.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._saved_at, self._best = run, time.monotonic(), run.program.state()
        if run.run_dir and (run.run_dir / "best.safetensors").exists():
            self._best = storage.load_checkpoint(run.run_dir / "best.safetensors").state

    def save(self) -> None:
        """Save now. Raises NumericsError, leaving the last good checkpoint, where a weight is NaN or infinite."""
        checkpoint = self._checkpoint()
        if self._run.run_dir:
            storage.save_checkpoint(self._run.run_dir / "last.safetensors", checkpoint)
        self._saved_at = time.monotonic()

    def save_if_due(self) -> None:
        """Save if the last time was long ago."""
        if time.monotonic() - self._saved_at > SECONDS:
            self.save()

    def save_best(self) -> None:
        """Save as the best so far; its optimizer state is left out, since nobody trains on from it.

        It comes before `save`: a history that knows of this validation is on disk only with the weights it praises.
        """
        checkpoint = self._checkpoint()
        self._best = State(checkpoint.state.parameters, step=checkpoint.state.step)
        if self._run.run_dir:
            storage.save_checkpoint(self._run.run_dir / "best.safetensors", replace(checkpoint, state=self._best))

    def _checkpoint(self) -> storage.Checkpoint:
        checkpoint = self._run.checkpoint()
        for name, array in checkpoint.state.parameters.items():
            if not np.isfinite(array).all():
                raise NumericsError(
                    f"step {checkpoint.state.step}: {name} has a weight that is NaN or infinite. "
                    "Try a lower learning rate."
                )
        return checkpoint

    def restore_best(self) -> None:
        """Give the program the best weights there were."""
        self._run.program.load(self._best)
