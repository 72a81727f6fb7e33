"""What happened during training, step by step: enough to draw every curve, and to go on after a stop as if there
had been none. It holds no times: two runs that did the same have equal histories.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convlet.errors import InputError
from convlet.showing import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


@dataclass(repr=False)
class History:
    """One number a step, and one row a validation or report.

    `losses` and `correct` are each step's mean loss and number of right answers, while training, before the step.
    `validations` are (step, loss, accuracy) on the validation examples; `reports` are (step, accuracy) on the step's
    own batch, without dropout, as the tutorial prints every 1,000 steps. A row's step is how many steps came before.
    """

    batch_size: int
    losses: list[float] = field(default_factory=list)
    correct: list[int] = field(default_factory=list)
    validations: list[tuple[int, float, float]] = field(default_factory=list)
    reports: list[tuple[int, float]] = field(default_factory=list)

    def __repr__(self) -> str:
        """How far it goes, and how good that is."""
        if not self.losses:
            return "<History before the first step>"
        loss, accuracy = self.recent()
        best = f"; best validation accuracy {self.best[2]:.4f}, after step {self.best[0]:,}" if self.best else ""
        return f"<History of {self.steps:,} steps: loss {loss:.4f}, accuracy {accuracy:.4f} of late{best}>"

    def _repr_html_(self) -> str:
        """The learning curves, for a notebook."""
        return str(shown("html.notebook", "history_html", self))

    def plot(self) -> "Figure":
        """The learning curves, loss and accuracy: a matplotlib Figure. Raises InputError before the first step."""
        if not self.losses:
            raise InputError("history: it has no step yet, so there is nothing to draw. Train first.")
        return shown("figures.curves", "curves", self, "Learning curves")

    @property
    def steps(self) -> int:
        """How many steps have been taken."""
        return len(self.losses)

    def record(self, loss: float, correct: int) -> None:
        """One more step was taken."""
        self.losses.append(loss)
        self.correct.append(correct)

    def report(self, right: NDArray[np.bool_]) -> None:
        """The next step's batch, without dropout: which of its images the network has right."""
        self.reports.append((self.steps, float(right.mean())))

    def recent(self, count: int = 100) -> tuple[float, float]:
        """Mean loss and accuracy of the last `count` steps; NaN before the first."""
        if not self.losses:
            return float("nan"), float("nan")
        losses, correct = self.losses[-count:], self.correct[-count:]
        return sum(losses) / len(losses), sum(correct) / len(correct) / self.batch_size

    @property
    def best(self) -> tuple[int, float, float] | None:
        """The validation with the highest accuracy; of equal ones the lowest loss, then the earliest."""
        return max(self.validations, key=lambda row: (row[2], -row[1], -row[0]), default=None)

    def waited(self) -> int:
        """How many validations have passed since the best one."""
        return len(self.validations) - 1 - self.validations.index(self.best) if self.best else 0

    def intervals(self, every: int = 100) -> Iterator[tuple[int, float, float]]:
        """(step, mean loss, accuracy) of each `every` steps, the last interval as long as it is."""
        for start in range(0, self.steps, every):
            losses, correct = self.losses[start : start + every], self.correct[start : start + every]
            yield start + len(losses), sum(losses) / len(losses), sum(correct) / len(correct) / self.batch_size

    def to_arrays(self) -> dict[str, Array]:
        """The history as arrays, for a checkpoint."""
        return {
            "losses": np.array(self.losses, np.float64),
            "correct": np.array(self.correct, np.int64),
            "validations": np.array(self.validations, np.float64).reshape(-1, 3),
            "reports": np.array(self.reports, np.float64).reshape(-1, 2),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], batch_size: int) -> "History":
        """The history that `to_arrays` gave. Raises InputError, or KeyError, where these cannot be such arrays."""
        expected = cls(batch_size).to_arrays()
        for name, array in arrays.items():
            if array.dtype != expected[name].dtype or array.shape[1:] != expected[name].shape[1:] or array.ndim == 0:
                raise InputError(f"history/{name}: {array.dtype} {array.shape}")
        losses, correct = arrays["losses"].tolist(), arrays["correct"].tolist()
        if len(losses) != len(correct):
            raise InputError(f"history: {len(losses)} losses, but {len(correct)} counts of right answers")
        validations = [(int(step), float(loss), float(accuracy)) for step, loss, accuracy in arrays["validations"]]
        reports = [(int(step), float(accuracy)) for step, accuracy in arrays["reports"]]
        return cls(batch_size, losses, correct, validations, reports)
