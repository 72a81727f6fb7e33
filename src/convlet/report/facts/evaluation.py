"""What is to be said of an evaluation and of predictions, as plain dictionaries: what `--json` prints."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.report.facts.network import Facts
from convlet.runs.evaluation import Evaluation

Array = NDArray[Any]
MISTAKES = 20


def evaluation_json(evaluation: Evaluation, classes: Sequence[str], mistakes: int = MISTAKES) -> Facts:
    """An evaluation's numbers: overall, class by class, the confusion matrix, and the worst mistakes.

    A precision or recall of which there is nothing to take a share is None.
    """
    images, right = len(evaluation.labels), int(evaluation.confusion.trace())
    low, high = interval(right, images)
    return {
        "images": images,
        "right": right,
        "accuracy": evaluation.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "loss": evaluation.loss,
        "classes": [_class_facts(evaluation, classes, index) for index in range(len(classes))],
        "confusion": evaluation.confusion.tolist(),
        "mistakes": [_mistake(evaluation, classes, int(index)) for index in evaluation.mistakes()[:mistakes]],
    }


def interval(right: int, images: int) -> tuple[float, float]:
    """Between which shares the true accuracy lies, 95 times of 100, when `right` of `images` were right.

    Source: Wilson, "Probable inference", JASA 1927.

    >>> [round(bound, 4) for bound in interval(9831, 10_000)]
    [0.9804, 0.9854]
    """
    z = 1.96
    share, scale = right / images, 1 + z**2 / images
    middle = share + z**2 / (2 * images)
    reach = z * math.sqrt(share * (1 - share) / images + (z / (2 * images)) ** 2)
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)


def _class_facts(evaluation: Evaluation, classes: Sequence[str], index: int) -> Facts:
    row = evaluation.confusion[index].copy()
    images, row[index] = int(row.sum()), 0
    most = int(row.argmax())
    return {
        "class": classes[index],
        "images": images,
        "precision": _or_none(evaluation.precision[index]),
        "recall": _or_none(evaluation.recall[index]),
        "most_often_taken_for": classes[most] if row[most] else None,
        "times": int(row[most]),
    }


def _or_none(share: float) -> float | None:
    return None if math.isnan(share) else float(share)


def _mistake(evaluation: Evaluation, classes: Sequence[str], index: int) -> Facts:
    prediction = int(evaluation.predictions[index])
    return {
        "index": index,
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
