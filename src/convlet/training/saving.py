"""When a run in training is saved: after each validation, at least once a minute, when it stops, and at the end.

A process that is killed (SIGKILL, a power cut) saves nothing more: its last save stands, whole (`runs.files`). One that
is stopped is saved by `ending`, and drawn by `experiment`.
"""

import time
from contextlib import suppress
from dataclasses import replace

from convlet.engines import State
from convlet.errors import NumericsError
from convlet.runs.checkpoint import Checkpoint, check_finite, load_checkpoint, save_checkpoint
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run

SECONDS = 60.0  # no more work than this is lost to a crash


class Checkpoints:
    """Saves a run to `last.safetensors` and, when a validation was the best so far, to `best.safetensors`.

    Where the run has no folder, only the best weights are kept, in memory.
    """

    def __init__(self, run: Run, recipe: Recipe) -> None:
        self._run, self._saved_at = run, time.monotonic()
        self._recipe = replace(recipe, data=recipe.data.without_place()).to_toml() if run.run_dir else ""
        self._best: State | None = None

    def save(self, *, best: bool = False) -> None:
        """Save now; where it is the `best` so far, there too, without the optimizer's state, which nobody needs there.

        The best is written first: a history that praises a validation is on disk only with the weights it praises.
        Only the first time there is a last one before it, as it was before its validation: best weights alone are what
        is left of a run that lost its last ones. Raises NumericsError, leaving the last good checkpoint, where a weight
        is NaN or infinite.
        """
        checkpoint, folder = replace(self._run.checkpoint(), recipe=self._recipe), self._run.run_dir
        check_finite(checkpoint.state)
        if best:
            self._best = weights = State(checkpoint.state.parameters, step=checkpoint.state.step)
            if folder:
                if not (folder / "last.safetensors").exists():
                    save_checkpoint(folder / "last.safetensors", _before_validation(checkpoint))
                save_checkpoint(folder / "best.safetensors", replace(checkpoint, state=weights))
        if folder:
            save_checkpoint(folder / "last.safetensors", checkpoint)
        self._saved_at = time.monotonic()

    def save_if_due(self) -> None:
        """Save if the last time was long ago; but no weight that is NaN or infinite.

        That is for a loss or validation to tell, whichever shows it: at the same step, however often a run was saved.
        """
        if time.monotonic() - self._saved_at > SECONDS:
            self._saved_at = time.monotonic()  # where it fails too: the next time is not the next step
            with suppress(NumericsError):
                self.save()

    def restore_best(self) -> None:
        """Give the program the best weights there were, if it was ever validated."""
        if self._best is None and self._run.run_dir and (path := self._run.run_dir / "best.safetensors").exists():
            self._best = load_checkpoint(path).state
        if self._best is not None:
            self._run.program.restore(self._best)


def _before_validation(checkpoint: Checkpoint) -> Checkpoint:
    history, step = checkpoint.history, checkpoint.state.step
    earlier = [validation for validation in history.validations if validation[0] < step]
    return replace(checkpoint, history=replace(history, validations=earlier))
