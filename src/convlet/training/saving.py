"""When a run in training is saved: after each validation, at least once a minute, when it stops, and at the end."""

import time
from dataclasses import replace

import numpy as np

from convlet.engines import State
from convlet.errors import NumericsError
from convlet.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from convlet.runs.run import Run

SECONDS = 60.0  # no more work than this is lost to a crash


class Checkpoints:
    """Saves a run to `last.safetensors` and, when a validation was the best so far, to `best.safetensors`.

    Where the run has no folder, only the best weights are kept, in memory.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._saved_at = run, time.monotonic()
        self._best: State | None = None

    def save(self, *, best: bool = False) -> None:
        """Save now; where it is the `best` so far, there too, without the optimizer's state, which nobody needs there.

        The best is written first: a history that praises a validation is on disk only with the weights it praises.
        Raises NumericsError, leaving the last good checkpoint, where a weight is NaN or infinite.
        """
        checkpoint, folder = self._checkpoint(), self._run.run_dir
        if best:
            self._best = weights = State(checkpoint.state.parameters, step=checkpoint.state.step)
            if folder:
                save_checkpoint(folder / "best.safetensors", replace(checkpoint, state=weights))
        if folder:
            save_checkpoint(folder / "last.safetensors", checkpoint)
        self._saved_at = time.monotonic()

    def save_if_due(self) -> None:
        """Save if the last time was long ago."""
        if time.monotonic() - self._saved_at > SECONDS:
            self.save()

    def _checkpoint(self) -> Checkpoint:
        checkpoint = self._run.checkpoint()
        for name, array in checkpoint.state.parameters.items():
            if not np.isfinite(array).all():
                raise NumericsError(
                    f"step {checkpoint.state.step}: {name} has a weight that is NaN or infinite. "
                    "Try a lower learning rate."
                )
        return checkpoint

    def restore_best(self) -> None:
        """Give the program the best weights there were, if it was ever validated."""
        if self._best is None and self._run.run_dir and (path := self._run.run_dir / "best.safetensors").exists():
            self._best = load_checkpoint(path).state
        if self._best is not None:
            self._run.program.restore(self._best)
