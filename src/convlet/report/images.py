"""Pictures made of small images: the worst mistakes, and the kernels of the first convolution."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convlet.datasets import Examples
from convlet.evaluation import Evaluation
from convlet.history import Array
from convlet.layers import Conv2D
from convlet.network import Parameters, Placed, Sequential
from convlet.report import numbers
from convlet.report.style import AROUND_ZERO, FAINT, QUIET, blank, message, style

COLUMNS = 6  # of mistakes
MOST_KERNELS = 64
TILE, GAP = 0.86, 0.1  # a kernel in inches, and what is between two of them, in kernels
GREYS = "gray"


def mistakes(evaluation: Evaluation, examples: Examples, classes: Sequence[str], count: int = 24) -> Figure:
    """The worst mistakes, the highest loss first: the image, its label, what it was taken for and how surely.

    `examples` are those that were evaluated, in the same order.
    """
    wrong = evaluation.mistakes()
    everything = numbers.count(len(evaluation.labels))
    with style():
        if not len(wrong):
            return message("Worst mistakes", f"There are none:\nall {everything} images are classified correctly.")
        shown = wrong[:count]
        names = [numbers.label(name, 17) for name in classes]
        columns = COLUMNS if len(shown) > COLUMNS / 2 else COLUMNS // 2
        rows, lines = math.ceil(len(shown) / columns), 1 if max(map(len, names)) < 6 else 2
        remark = f"{_which(len(shown), len(wrong))} {everything} images: label → prediction, its probability"
        figure = blank(1.6 * columns, (1.75 + 0.18 * lines) * rows, "Worst mistakes", remark, compressed=True)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(shown) :]:
            axes.set_axis_off()
        for axes, index in zip(grid.flat, shown, strict=False):
            axes.imshow(viewable(examples.batch([index])[0][0]), cmap=GREYS, vmin=0, vmax=1)
            _caption(axes, evaluation, names, int(index), lines)
            _bare(axes)
    return figure


def _which(shown: int, wrong: int) -> str:
    if shown < wrong:
        return f"the {shown} of highest loss among {numbers.count(wrong)} mistakes in"
    return f"all {shown} mistakes in" if shown > 1 else "the only mistake in"


def _caption(axes: Axes, evaluation: Evaluation, names: Sequence[str], index: int, lines: int) -> None:
    label, prediction = int(evaluation.labels[index]), int(evaluation.predictions[index])
    chance = numbers.percent(float(evaluation.probabilities[index, prediction]), 0)
    text = f"{names[label]} → {names[prediction]}" if lines == 1 else f"{names[label]}\n→ {names[prediction]}"
    axes.set_title(text, fontsize=11 if lines == 1 else 8.5)
    axes.set_xlabel(f"{chance} · image {numbers.count(index)}", fontsize=8, color=QUIET, loc="left")


def viewable(image: Array) -> Array:
    """An image (H, W, C) as matplotlib draws it: (H, W) grey, or (H, W, 3) where it has three channels or more."""
    image = np.clip(image, 0, 1)
    return image[..., :3] if image.shape[-1] >= 3 else image.mean(axis=-1)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=FAINT)


def kernels(network: Sequential, parameters: Parameters) -> Figure | None:
    """The kernels of the first convolution as images, on one scale; None where there is no convolution.

    Over three channels they are shown in colour, with 0 in the middle; over any other number but one, as their mean.
    """
    first = next((placed for placed in network if isinstance(placed.layer, Conv2D)), None)
    if first is None:
        return None
    weights = np.asarray(parameters[f"{first.name}/kernel"], np.float64)  # (KH, KW, C, F)
    reach = float(np.abs(weights).max()) or 1.0
    with style():
        return _draw_kernels(first, weights[..., :MOST_KERNELS], reach)


def _draw_kernels(first: Placed, weights: Array, reach: float) -> Figure:
    height, width, channels, kernels = weights.shape
    columns = min(8, max(kernels, 6))
    rows = math.ceil(kernels / columns)
    title, remark = f"Kernels of {first.name}", _kernels_remark(first, kernels, numbers.shape(weights.shape[:3]))
    gap = GAP * max(height, width)
    inch = TILE / max(height, width)  # of one weight
    across, down = columns * (width + gap), max(rows * (height + gap), 0.8 / inch)
    figure = blank(max(across * inch + 1.4, 6.5), max(down * inch + 0.1, 1.5), title, remark, compressed=True)
    norm, colours = Normalize(-reach, reach), GREYS if channels == 3 else AROUND_ZERO
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, across), ylim=(down, 0), aspect="equal")
    for index, kernel in enumerate(np.moveaxis(weights, -1, 0)):
        row, column = divmod(index, columns)
        left, top = column * (width + gap), row * (height + gap)
        pixels = norm(kernel) if channels == 3 else norm(kernel.mean(axis=-1))
        place = (left, left + width, top + height, top)
        axes.imshow(pixels, cmap=colours, vmin=0, vmax=1, extent=place)
        axes.add_patch(Rectangle((left, top), width, height, facecolor="none", edgecolor=FAINT))
    _scale(figure, axes, norm, colours, channels)
    return figure


def _kernels_remark(first: Placed, shown: int, size: str) -> str:
    filters = first.output_shape[-1]
    which = (
        "one kernel"
        if filters == 1
        else f"{filters} kernels"
        if shown == filters
        else f"the first {shown} of {filters} kernels"
    )
    channels = first.input_shape[2]
    colours = {1: "", 3: "; in colour, grey is 0"}.get(channels, f"; means of {channels} channels")
    return f"{which} of {size} weights, each used at {numbers.count(first.uses)} positions{colours}"


def _scale(figure: Figure, axes: Axes, norm: Normalize, colours: str | Colormap, channels: int) -> None:
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=25, fraction=0.05)
    bar.set_label("weight" if channels in (1, 3) else "mean weight")
    bar.outline.set_visible(False)
