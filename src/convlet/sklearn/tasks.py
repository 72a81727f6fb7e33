"""Training in the terms of scikit-learn's callbacks: one task a fit, in it one an epoch, after which one may end it."""

from typing import Any

from convlet.runs.recipe import Recipe
from convlet.runs.run import Run


class EnoughError(Exception):
    """A callback has asked for the end of training."""


class Tasks:
    """Follows a run: tells the estimator's callbacks of each epoch. With no callbacks it does nothing.

    `given` are X, y and metadata as `fit` was given them. Raises EnoughError where a callback wants no more.
    """

    def __init__(self, estimator: Any, recipe: Recipe, images: int, given: dict[str, Any]) -> None:
        self._estimator, self._given, self._images = estimator, given, images
        self._batch_size = recipe.training.batch_size
        self.run: Run  # from the first step on
        steps = len(recipe.members) * recipe.training.total_steps(images)
        epochs = -(-steps * self._batch_size // images)
        self._fit = estimator._init_callback_context(max_subtasks=epochs)
        self._fit.call_on_fit_task_begin(estimator=estimator, **given)
        self._epochs, self._epoch = 0, self._begin()  # how many are over, and the one that is not

    def __call__(self, run: Run) -> None:
        """After a step: where it completes an epoch, that task ends and the next begins."""
        self.run = run
        if run.history.steps * self._batch_size // self._images > self._epochs:
            self._epochs += 1
            epoch, self._epoch = self._epoch, None
            if self._end(epoch, run):
                raise EnoughError
            if run.history.steps < run.total_steps:
                self._epoch = self._begin()

    def end(self, run: Run) -> None:
        """Training is over, perhaps within an epoch."""
        if self._epoch is not None:
            self._end(self._epoch, run)
        self._end(self._fit, run)

    def _begin(self) -> Any:
        return self._fit.subcontext(task_name="epoch").call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def _end(self, task: Any, run: Run) -> bool:
        """Whether a callback wants training to end. Whoever asks for a fitted classifier gets one of this moment."""
        fitted = lambda: self._estimator._fitted(run)  # noqa: E731 (made only where a callback asks for it)
        return bool(
            task.call_on_fit_task_end(estimator=self._estimator, reconstruction_attributes=fitted, **self._given)
        )
