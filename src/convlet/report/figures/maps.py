"""What every layer makes of one image: its feature maps, one below the other, down to the classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlet.descriptions.network import Placed, Sequential
from convlet.losses import softmax
from convlet.report import numbers
from convlet.report.figures.mistakes import viewable
from convlet.report.figures.panels import WORDS, Panel, axes_at, draw_panels, in_rows, words
from convlet.report.figures.style import BLUE, style
from convlet.runs.history import Array

IN_A_ROW, MOST = 16, 64  # maps
VALUES, OF_THEM = 64, 256  # numbers in a row, and in all, of a layer whose output is no image
VALUE = 0.13  # inches of one of them
IMAGE, CLASSES = 1.5, 10  # inches of the image itself; rows of bars
NAMES, BAR, BARS = 1.5, 0.2, 5.0  # inches: of the classes' names, from a bar to the next, of the longest


def feature_maps(
    network: Sequential, outputs: Mapping[str, Array], image: Array, classes: Sequence[str], remark: str
) -> Figure:
    """The image (H, W, C), every layer's output of it, each on one scale, and the most probable classes.

    `outputs` holds each layer's for a batch of this image alone, by the layer's name.
    """
    steps = [placed for placed in list(network)[:-1] if not placed.layer.passes_on]
    panels = [_image(image), *(_panel(placed, np.asarray(outputs[placed.name][0], np.float64)) for placed in steps)]
    last = list(network)[-1]
    chances = softmax(np.asarray(outputs[last.name], np.float64))[0]
    bars = BAR * min(len(classes), CLASSES)
    with style():
        figure, top = draw_panels(panels, "What each layer sees", remark, extra=WORDS + bars + 0.1)
        words(figure, top, last.layer.describe(), f"{last.name}: what it is taken for")
        _bars(axes_at(figure, (NAMES, top - WORDS - bars, BARS, bars)), chances, classes)
    return figure


def _image(image: Array) -> Panel:
    if image.ndim == 1:
        return _values("The input", f"{len(image)} numbers", image)
    seen = viewable(image)
    colours = seen if seen.ndim == 3 else np.repeat(seen[..., np.newaxis], 3, axis=-1)
    return Panel("The image", numbers.shape(image.shape), colours[np.newaxis, np.newaxis], IMAGE)


def _panel(placed: Placed, output: Array) -> Panel:
    size = numbers.shape(placed.output_shape)
    if output.ndim == 3:
        count = output.shape[-1]
        some = "" if count <= MOST else f", the first {MOST} shown"
        maps = in_rows(np.moveaxis(output[..., :MOST], -1, 0), IN_A_ROW)
        return Panel(placed.layer.describe(), f"{placed.name}: {size}{some}", maps)
    return _values(placed.layer.describe(), f"{placed.name}: {size} numbers", output)


def _values(name: str, remark: str, values: Array) -> Panel:
    remark += "" if len(values) <= OF_THEM else f", the first {OF_THEM} shown"
    return Panel(name, remark, in_rows(values[:OF_THEM, np.newaxis, np.newaxis], VALUES), VALUE)


def _bars(axes: Axes, chances: Array, classes: Sequence[str]) -> None:
    """The most probable classes, each with a bar as long as it is probable."""
    order = np.argsort(-chances, kind="stable")[:CLASSES]
    places = np.arange(len(order))
    axes.barh(places, chances[order], height=0.72, color=BLUE)
    for place, index in zip(places, order, strict=True):
        chance = numbers.probability(float(chances[index]))
        axes.annotate(
            chance, (chances[index], place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axes.set_yticks(places, [numbers.label(classes[index], 17) for index in order])
    axes.set(xlim=(0, 1), ylim=(len(order) - 0.5, -0.5), xticks=[])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
