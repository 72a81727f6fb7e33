"""What is to be said of an evaluation and of predictions, as plain dictionaries: what `--json` prints."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.report.facts.network import Facts
from convlet.runs.evaluation import Evaluation
from convlet.statistics import mcnemar

Array = NDArray[Any]
MISTAKES = 20


def evaluation_json(
    evaluation: Evaluation,
    classes: Sequence[str],
    mistakes: int = MISTAKES,
    linear: Evaluation | None = None,
    paths: Sequence[str] = (),
) -> Facts:
    """An evaluation's numbers: overall, beside what needs no network, class by class, the confusion matrix, how well
    it knows what it knows, and the worst mistakes.

    A precision, recall or F1 of which there is nothing to take a share is None. `linear` is what the linear baseline
    answers to the same images, `paths` the file of each, where they are of files.
    """
    images, right = len(evaluation.labels), int(evaluation.right.sum())
    low, high = evaluation.accuracy_interval
    return {
        "images": images,
        "right": right,
        "accuracy": evaluation.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "loss": evaluation.loss,
        "baselines": _baselines(evaluation, classes, linear),
        "calibration": _calibration(evaluation),
        "classes": [_class_facts(evaluation, classes, index) for index in range(len(classes))],
        "confusion": evaluation.confusion.tolist(),
        "mistakes": [_mistake(evaluation, classes, int(index), paths) for index in evaluation.mistakes()[:mistakes]],
    }


def _baselines(evaluation: Evaluation, classes: Sequence[str], linear: Evaluation | None) -> Facts:
    """The accuracy of answering the commonest class always, and of a linear classifier; None where there is none.

    `p` is how probable the difference from the linear one would be, were both equally good (McNemar's test).
    """
    counts = evaluation.confusion.sum(axis=1)
    commonest = int(counts.argmax())
    facts = {"commonest": {"class": classes[commonest], "accuracy": float(counts[commonest] / counts.sum())}}
    if linear is None:
        return {**facts, "linear": None}
    return {**facts, "linear": {"accuracy": linear.accuracy, "p": mcnemar(*evaluation.disagreements(linear))}}


def _calibration(evaluation: Evaluation) -> Facts:
    """The expected calibration error, the mean certainty, and what is in each bin of it; of an empty one None."""
    found = evaluation.calibration
    columns = zip(found.images.tolist(), found.confidence.tolist(), found.accuracy.tolist(), strict=True)
    bins = [
        {"images": images, "confidence": _or_none(sure), "accuracy": _or_none(right)} for images, sure, right in columns
    ]
    sure = float(evaluation.probabilities.max(axis=1).mean(dtype=np.float64))
    return {"error": found.error, "mean_confidence": sure, "bins": bins}


def _class_facts(evaluation: Evaluation, classes: Sequence[str], index: int) -> Facts:
    row = evaluation.confusion[index].copy()
    images, row[index] = int(row.sum()), 0
    most = int(row.argmax())
    return {
        "class": classes[index],
        "images": images,
        "precision": _or_none(evaluation.precision[index]),
        "recall": _or_none(evaluation.recall[index]),
        "f1": _or_none(evaluation.f1[index]),
        "most_often_taken_for": classes[most] if row[most] else None,
        "times": int(row[most]),
    }


def _or_none(share: float) -> float | None:
    return None if math.isnan(share) else float(share)


def _mistake(evaluation: Evaluation, classes: Sequence[str], index: int, paths: Sequence[str]) -> Facts:
    prediction = int(evaluation.predictions[index])
    return {
        "index": index,
        **({"path": paths[index]} if paths else {}),
        "label": classes[int(evaluation.labels[index])],
        "prediction": classes[prediction],
        "probability": float(evaluation.probabilities[index, prediction]),
    }


def prediction_json(paths: Sequence[str | Path], probabilities: Array, classes: Sequence[str]) -> list[Facts]:
    """Each image's class and all classes' probabilities, the most probable first."""
    return [_prediction(path, row, classes) for path, row in zip(paths, probabilities, strict=True)]


def _prediction(path: str | Path, row: Array, classes: Sequence[str]) -> Facts:
    order = np.argsort(-row, kind="stable")
    ranked: Mapping[str, float] = {classes[index]: float(row[index]) for index in order}
    return {
        "image": str(path),
        "class": classes[order[0]],
        "probability": float(row[order[0]]),
        "probabilities": ranked,
    }
