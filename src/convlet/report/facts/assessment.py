"""A run, what it answered to one part of some data, and what a linear classifier answers: what a report speaks of."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import ALL, ByPart, Dataset, Examples, part_of
from convlet.engines import engine
from convlet.errors import ConvletError
from convlet.inspection import Inspection
from convlet.report.facts.evaluation import evaluation_json
from convlet.report.facts.network import Facts
from convlet.report.numbers import count
from convlet.runs.checkpoint import recipe_at
from convlet.runs.evaluation import Evaluation
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.training.baseline import baseline_of

Array = NDArray[Any]
SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Assessment:
    """A run and its evaluation on one part of a data set, which are the run's own data, or are not.

    `recipe` is None where the run does not say how it was trained, `linear` where there is no linear baseline,
    `inspection` where nobody looked for what is wrong with the data.
    """

    run: Run
    recipe: Recipe | None
    data: Dataset | ByPart
    part: str
    evaluation: Evaluation
    linear: Evaluation | None = None
    inspection: Inspection | None = None

    @property
    def examples(self) -> Examples:
        """The images that were answered, in order."""
        return part_of(self.data, self.part)

    def facts(self) -> Facts:
        """What `convlet evaluate --json` prints of it."""
        facts = evaluation_json(self.evaluation, self.run.classes, linear=self.linear, paths=self.paths)
        return {"data": self.data.name, "part": self.part, **facts}

    def to_json(self) -> bytes:
        """The same as a file."""
        return (json.dumps({"schema": SCHEMA, **self.facts()}, allow_nan=False) + "\n").encode()

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The path of each image's file, in order; none where they are not of files."""
        if self.data.collected is None:
            return ()
        parts = self.data.parts if self.part == ALL else (self.part,)
        return tuple(path for part in parts for path in self.data.collected.paths(part))

    def name(self, index: int) -> str:
        """What an image is called: the path of its file, or its number."""
        return self.paths[index] if self.paths else f"image {count(index)}"

    @cached_property
    def own(self) -> Dataset | None:
        """The data, where they are those that the run was trained on."""
        known = self.run.data.sha256 if self.run.data else None
        return self.data if isinstance(self.data, Dataset) and self.data.sha256 == known else None

    @cached_property
    def trained_counts(self) -> NDArray[np.int64] | None:
        """How many training images each class had (classes,); None where these are not the data it was trained on."""
        return None if self.own is None else self.own.train.labelled_by(self.run.classes).class_counts


def assess(
    run: Run,
    data: Dataset | ByPart,
    part: str,
    evaluation: Evaluation | None = None,
    *,
    beside: bool = True,
    keep: bool = False,
) -> Assessment:
    """Evaluate a run on a part of a data set, if that is not done yet, and `beside` it its linear baseline.

    With `keep`, that stays in the run's folder, and is not trained again.

    Raises what `run.evaluate` does.
    """
    if evaluation is None:
        evaluation = run.evaluate(part_of(data, part))
    baseline = baseline_of(run, data, keep=keep) if beside else None
    linear = baseline.evaluate(part_of(data, part)) if baseline else None
    return Assessment(run, _recipe(run), data, part, evaluation, linear)


def _recipe(run: Run) -> Recipe | None:
    """How a run was trained, if its folder says so."""
    with suppress(ConvletError):
        return recipe_at(run.run_dir) if run.run_dir else None
    return None


def saliency(run: Run, images: Array, classes: Array) -> Array:
    """Where each image (N, H, W, C) would have to change a little to change the logit of its class the most: (N, H, W).

    The largest gradient of the channels, without its sign, smoothed a little, from 0 to 1. On the numpy engine: for a
    few images that is faster than to compile for them.
    Source: Simonyan et al., "Deep inside convolutional networks", 2013, section 3.
    """
    program = engine("numpy").compile(run.network, run.program.state().parameters)
    found = np.abs(program.input_gradients(images, classes)).max(axis=-1)
    for _ in range(max(images.shape[1] // 14, 1)):
        found = _smoothed(_smoothed(found, 1), 2)
    peaks = found.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(found, peaks, out=np.zeros_like(found), where=peaks > 0))


def _smoothed(maps: Array, axis: int) -> Array:
    """Each value as the mean of itself and its two neighbours along an axis, itself twice; the border is repeated."""
    before = np.concatenate([maps.take([0], axis), maps.take(range(maps.shape[axis] - 1), axis)], axis)
    after = np.concatenate([maps.take(range(1, maps.shape[axis]), axis), maps.take([-1], axis)], axis)
    return np.asarray((before + 2 * maps + after) / 4)
