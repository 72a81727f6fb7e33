"""What is to be said of several runs: a list of them, and two beside each other, as `--json` prints it."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from convlet.datasets import Examples
from convlet.errors import DataError
from convlet.report.facts.assessment import Assessment
from convlet.report.facts.network import Facts
from convlet.runs.evaluation import Evaluation
from convlet.runs.listing import ListedRun, differences
from convlet.statistics import mcnemar


def list_json(runs: Sequence[ListedRun]) -> list[Facts]:
    """Each run, and what its recipe says otherwise than those of the other runs on the same data."""
    differ = [
        row
        for _, alike in groupby(runs, lambda run: run.recipe.data.source)
        for row in differences([run.recipe for run in alike])
    ]
    return [
        {
            "run": str(run.folder),
            "data": run.recipe.data.without_place().source,
            "steps": run.steps,
            "weights": run.recipe.weights,
            "validation_accuracy": run.validation,
            "test_accuracy": run.test,
            "test_accuracy_low": run.evaluation["accuracy_low"] if run.evaluation else None,
            "test_accuracy_high": run.evaluation["accuracy_high"] if run.evaluation else None,
            "differs": differs,
        }
        for run, differs in zip(runs, differ, strict=True)
    ]


def pair_json(first: Assessment, second: Assessment) -> Facts:
    """Two runs on the same images: what each reaches, and whether the difference means anything.

    `p` is how probable so large a difference would be, or a larger one, were both equally good: McNemar's exact test of
    the images that one alone has right. Raises DataError where they were not evaluated on the same images.
    """
    check_same_images(first, second)
    one, other = first.evaluation, second.evaluation
    only_first, only_second = one.disagreements(other)
    both = int((one.right & other.right).sum())
    recipes = [assessed.recipe for assessed in (first, second) if assessed.recipe is not None]
    differ: list[dict[str, str] | None] = [*differences(recipes)] if len(recipes) == 2 else [None, None]
    runs = [_run(assessed) | {"differs": differs} for assessed, differs in zip((first, second), differ, strict=True)]
    return {
        "data": first.data.name,
        "part": first.part,
        "images": len(one.labels),
        "runs": runs,
        "both_right": both,
        "only_first": only_first,
        "only_second": only_second,
        "neither_right": len(one.labels) - both - only_first - only_second,
        "p": mcnemar(only_first, only_second),
    }


def _run(assessed: Assessment) -> Facts:
    evaluation = assessed.evaluation
    low, high = evaluation.accuracy_interval
    return {
        "run": str(assessed.run.run_dir),
        "accuracy": evaluation.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "loss": evaluation.loss,
        "calibration_error": evaluation.calibration.error,
        "weights": assessed.run.network.weights,
        "steps": assessed.run.history.steps,
    }


def check_same_images(first: Assessment, second: Assessment) -> None:
    """Raise a DataError unless two runs answered to the same images, in the same order.

    Of pictures that were prepared in different sizes the labels have to agree, and the paths where they are known.
    """
    one, other = first.examples, second.examples
    same = _names(first, first.evaluation) == _names(second, second.evaluation)
    if same and one.image_shape == other.image_shape:
        same = _same_pixels(one, other)
    if same and first.paths and second.paths:
        same = first.paths == second.paths
    if not same:
        raise DataError(
            f"{first.run.run_dir} and {second.run.run_dir} are not tested on the same images, so they cannot be paired:"
            " give --data, which both are evaluated on then."
        )


def _names(assessed: Assessment, evaluation: Evaluation) -> list[str]:
    return [assessed.run.classes[label] for label in evaluation.labels.tolist()]


def _same_pixels(one: Examples, other: Examples, at_once: int = 1000) -> bool:
    """Whether images are the same, a thousand at a time: they need not fit in memory."""
    if one.images is other.images:
        return True
    starts = range(0, len(one), at_once)
    parts = (slice(start, start + at_once) for start in starts)
    return all(np.array_equal(one.batch(part)[0], other.batch(part)[0]) for part in parts)
