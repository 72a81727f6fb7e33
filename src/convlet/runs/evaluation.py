"""How good a network is: loss, accuracy, which classes it confuses, and its worst mistakes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Examples
from convlet.engines import Program
from convlet.losses import cross_entropies, softmax
from convlet.showing import shown
from convlet.statistics import Calibration, calibration, wilson_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
BATCH = 1000  # images at a time, as the tutorial evaluates its test set


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What a network said of some examples: logits (N, classes), and what it should have said: labels (N,).

    `classes` are the names of the classes, where they are known.

    >>> evaluation = Evaluation(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), np.array([0, 1, 1]))
    >>> round(evaluation.accuracy, 3), evaluation.confusion.tolist(), evaluation.mistakes().tolist()
    (0.667, [[1, 0], [1, 1]], [2])
    """

    logits: Array
    labels: Array
    classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The two figures that sum it up."""
        return f"<Evaluation of {len(self.labels):,} images: accuracy {self.accuracy:.4f}, loss {self.loss:.4f}>"

    def _repr_html_(self) -> str:
        """Accuracy and confusion matrix, for a notebook."""
        return str(shown("html.notebook", "evaluation_html", self))

    def plot(self) -> "Figure":
        """The confusion matrix: a matplotlib Figure."""
        figure: Figure = shown("figures.confusion", "confusion", self, self.names, "Confusion matrix")
        return figure

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers where nobody has named them."""
        return self.classes or tuple(map(str, range(self.logits.shape[1])))

    @cached_property
    def losses(self) -> Array:
        """Each example's cross-entropy (N,)."""
        return cross_entropies(self.logits, self.labels)

    @cached_property
    def probabilities(self) -> Array:
        """(N, classes)."""
        return softmax(self.logits)

    @cached_property
    def predictions(self) -> Array:
        """The most probable class of each (N,); the first of equal ones."""
        return self.logits.argmax(axis=1)

    @property
    def loss(self) -> float:
        """The mean loss over all examples (not a mean of batches' means)."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def accuracy(self) -> float:
        """The share of examples whose most probable class is their label."""
        return float(self.right.mean())

    @property
    def right(self) -> NDArray[np.bool_]:
        """Of each example, whether its most probable class is its label (N,)."""
        return np.asarray(self.predictions == self.labels)

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Between which shares the accuracy lies at 95 % confidence, on examples such as these (Wilson's interval)."""
        return wilson_interval(int(self.right.sum()), len(self.labels))

    @property
    def balanced_accuracy(self) -> float:
        """The mean of the recalls of those classes that have examples: all classes count alike, the rare ones too."""
        return float(np.nanmean(self.recall))

    @cached_property
    def calibration(self) -> Calibration:
        """Whether the network is right as often as it is sure, in 15 bins of equal width; `.error` is the ECE."""
        return calibration(self.probabilities.max(axis=1), self.right)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes): how many examples of class `row` were taken for class `column`."""
        classes = self.logits.shape[1]
        return np.bincount(self.labels * classes + self.predictions, minlength=classes**2).reshape(classes, classes)

    @property
    def recall(self) -> Array:
        """Of each class's examples, the share that was found (classes,); NaN where there are none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> Array:
        """Of the examples taken for each class, the share that was right (classes,); NaN where there are none."""
        return _share(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def f1(self) -> Array:
        """The harmonic mean of each class's precision and recall (classes,); NaN where it neither is nor was said."""
        return _share(2 * self.confusion.diagonal(), self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    def disagreements(self, other: "Evaluation") -> tuple[int, int]:
        """How many of the same examples this one alone has right, and how many the other alone."""
        return int((self.right & ~other.right).sum()), int((other.right & ~self.right).sum())

    def mistakes(self) -> NDArray[np.int64]:
        """The indices of the wrongly classified, the most confident mistake first."""
        wrong = np.flatnonzero(~self.right)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")]


def commonest(labels: NDArray[np.int64]) -> float:
    """The accuracy of one answer for all images, the commonest class: what a network that learnt nothing may reach.

    >>> commonest(np.array([2, 0, 2, 2]))
    0.75
    """
    return float(np.bincount(labels).max() / len(labels))


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def evaluate(program: Program, examples: Examples, poll: Callable[[], None] = lambda: None) -> Evaluation:
    """The program's answers to all examples, in order. `poll` is called between batches, and may raise to stop."""
    logits = []
    for start in range(0, len(examples), BATCH):
        poll()
        images, _ = examples.batch(slice(start, start + BATCH))
        logits.append(program.predict(images))
    return Evaluation(np.concatenate(logits), np.asarray(examples.labels), examples.classes)
