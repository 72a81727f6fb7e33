"""A picture of the worst mistakes."""

import math
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlet.datasets import Examples
from convlet.report import numbers
from convlet.report.figures.style import FAINT, QUIET, blank, message, style
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import Array

COLUMNS = 6  # of mistakes
GREYS = "gray"


def mistakes(
    evaluation: Evaluation, examples: Examples, classes: Sequence[str], count: int = 24, paths: Sequence[str] = ()
) -> Figure:
    """The worst mistakes, the highest loss first: the image, its label, what it was taken for and how surely.

    `examples` are those that were evaluated, in the same order, and so are the `paths` of their files, if any.
    """
    wrong = evaluation.mistakes()
    everything = numbers.count(len(evaluation.labels))
    with style():
        if not len(wrong):
            return message("Worst mistakes", f"There are none:\nall {everything} images are classified correctly.")
        shown = wrong[:count]
        names = [numbers.label(name, 17) for name in classes]
        columns = COLUMNS if len(shown) > COLUMNS / 2 else COLUMNS // 2
        rows, lines = math.ceil(len(shown) / columns), 1 if _are_short(names) else 2
        remark = f"{_which(len(shown), len(wrong))} {everything} images: label → prediction, its probability"
        figure = blank(1.6 * columns, (1.75 + 0.18 * lines) * rows, "Worst mistakes", remark, compressed=True)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(shown) :]:
            axes.set_axis_off()
        for axes, index in zip(grid.flat, shown, strict=False):
            axes.imshow(viewable(examples.batch([index])[0][0]), cmap=GREYS, vmin=0, vmax=1)
            called = numbers.ending(PurePath(paths[index]).name, 17) if paths else f"image {numbers.count(int(index))}"
            _caption(axes, evaluation, names, int(index), called)
            bare(axes)
    return figure


def _which(shown: int, wrong: int) -> str:
    if shown < wrong:
        return f"the {shown} of highest loss among {numbers.count(wrong)} mistakes in"
    return f"all {shown} mistakes in" if shown > 1 else "the only mistake in"


def _are_short(names: Sequence[str]) -> bool:
    """Whether two of them fit into a line above a picture."""
    return max(map(len, names)) < 6


def _caption(axes: Axes, evaluation: Evaluation, names: Sequence[str], index: int, called: str) -> None:
    label, prediction = int(evaluation.labels[index]), int(evaluation.predictions[index])
    chance = numbers.probability(float(evaluation.probabilities[index, prediction]), 0)
    short = _are_short(names)
    text = f"{names[label]} → {names[prediction]}" if short else f"{names[label]}\n→ {names[prediction]}"
    axes.set_title(text, fontsize=11 if short else 8.5)
    axes.set_xlabel(f"{chance} · {called}", fontsize=8, color=QUIET, loc="left")


def viewable(image: Array) -> Array:
    """An image (H, W, C) as matplotlib draws it: (H, W) grey, or (H, W, 3) where it has three channels or more."""
    image = np.clip(image, 0, 1)
    return image[..., :3] if image.shape[-1] >= 3 else image.mean(axis=-1)


def bare(axes: Axes) -> None:
    """Leave of the axes only a faint frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=FAINT)
