"""A drawing of a network: what each layer gives, as sheets or as a column, with the layers on the arrows between.

A feature map is a sheet, as high and wide as it is beside the image; a row of numbers is a column of cells. Where a
layer is not given what is drawn before it, or more than that, its arrow is dashed, and names what it is given.
"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from convlet.checks import Shape
from convlet.descriptions.network import IMAGE, Placed, Sequential
from convlet.report.figures.style import BLUE, FAINT, INK, PAPER, QUIET, VERMILION, blank, style
from convlet.report.numbers import count
from convlet.report.numbers import shape as written

A_ROW = 5  # layers beside each other
STEP, HEIGHT = 2.25, 2.5  # inches from one drawing to the next, and of a row
LARGEST = 1.0  # inches of the largest sheet
SHEETS, CELLS = 7, 10  # as many are drawn at most
SHIFT = 0.055  # inches from one sheet to the next


def network_figure(network: Sequential) -> Figure:
    """The network, from the image to its logits, row by row."""
    layers = list(network)
    rows = [layers[start : start + A_ROW] for start in range(0, len(layers), A_ROW)]
    largest = max([1, *(max(placed.input_shape[:2]) for placed in layers if len(placed.input_shape) == 3)])
    title = f"{count(network.weights)} weights in {count(len(layers))} layers"
    shapes = f"from {written(network.input_shape)} to {written(network.output_shape)}"
    width = STEP * min(len(layers), A_ROW) + 1.5
    with style():
        figure = blank(width, HEIGHT * len(rows), title, f"{shapes}; each bar is a layer's share of the weights")
        axes = figure.subplots(len(rows), squeeze=False)[:, 0]
        for row, (axis, placed) in enumerate(zip(axes, rows, strict=True)):
            _canvas(axis, width)
            before = layers[row * A_ROW - 1].name if row else IMAGE
            _row(axis, placed, largest, network.weights, before)
    return figure


def _canvas(axes: Axes, width: float) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(-0.62 * HEIGHT, 0.38 * HEIGHT), aspect="equal")


def _row(axes: Axes, layers: Sequence[Placed], largest: int, total: int, before: str) -> None:
    """What goes in, and each layer's arrow and what it gives. `before` names what is drawn before."""
    first = before == IMAGE
    right = _draw(axes, layers[0].input_shape, 0.65, largest, QUIET if first else BLUE)
    _words(axes, 0.65, [written(layers[0].input_shape), "image" if first else "from above"])
    for place, placed in enumerate(layers, 1):
        middle = 0.65 + STEP * place
        colour = VERMILION if placed.weights else BLUE
        left = middle - _half(placed.output_shape, largest)
        between, straight = (right + left) / 2, placed.inputs == (before,)
        axes.add_patch(_arrow(right + 0.08, left - 0.06, "-" if straight else "--"))
        _label(axes, between, placed)
        if not straight:
            axes.text(between, -0.09, " +\n".join(placed.inputs), ha="center", va="top", fontsize=7, color=QUIET)
        before = placed.name
        right = _draw(axes, placed.output_shape, middle, largest, colour)
        _words(axes, middle, [written(placed.output_shape), placed.name])
        if placed.weights:
            _weights(axes, middle, placed.weights, total)


def _arrow(start: float, end: float, line: str) -> FancyArrowPatch:
    ends = (start, 0), (end, 0)
    return FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=11, color=QUIET, linewidth=1.1, linestyle=line)


def _label(axes: Axes, x: float, placed: Placed) -> None:
    """What the layer is, in short lines above its arrow."""
    name, _, rest = placed.layer.describe().partition(" ")
    lines = [
        name.replace("Pooling2D", "\nPooling2D").replace("BatchN", "Batch\nN"),
        *([rest.replace(" same", "\nsame").replace(", ", ",\n")] if rest else []),
    ]
    axes.text(x, 0.09, "\n".join(lines), ha="center", va="bottom", fontsize=8, color=INK, linespacing=1.25)


def _words(axes: Axes, x: float, lines: Sequence[str]) -> None:
    axes.text(x, -0.76, lines[0], ha="center", va="top", fontsize=10, fontweight="bold", color=INK)
    axes.text(x, -0.96, lines[1], ha="center", va="top", fontsize=8, color=QUIET)


def _weights(axes: Axes, x: float, weights: int, total: int) -> None:
    """How many weights, and a bar as long as their share of all."""
    axes.add_patch(Rectangle((x - 0.5, -1.25), 1.0, 0.07, facecolor=FAINT, linewidth=0))
    axes.add_patch(Rectangle((x - 0.5, -1.25), max(weights / total, 0.012), 0.07, facecolor=VERMILION, linewidth=0))
    axes.text(x, -1.29, f"{count(weights)} weights", ha="center", va="top", fontsize=8, color=INK)


def _half(shape: Shape, largest: int) -> float:
    """Half of a drawing's width, in inches."""
    return (_side(shape[1], largest) + SHIFT * (_sheets(shape[2]) - 1)) / 2 if len(shape) == 3 else 0.09


def _side(pixels: int, largest: int) -> float:
    return max(LARGEST * math.sqrt(pixels / largest), 0.1)  # by area, or a map of 3 pixels would be a dot


def _sheets(channels: int) -> int:
    return min(channels, SHEETS)


def _draw(axes: Axes, shape: Shape, x: float, largest: int, colour: str) -> float:
    """Sheets for maps, cells for numbers, around (x, 0). Returns where the drawing ends on the right."""
    half = _half(shape, largest)
    if len(shape) == 3:
        height, width, sheets = _side(shape[0], largest), _side(shape[1], largest), _sheets(shape[2])
        for sheet in range(sheets):  # the first one lies furthest back
            back = SHIFT * (sheets - 1 - sheet)
            corner = (x - half + back, -height / 2 - SHIFT * (sheets - 1) / 2 + back)
            axes.add_patch(Rectangle(corner, width, height, facecolor=_tint(colour), edgecolor=colour, linewidth=0.9))
        return x + half
    cells = min(shape[0], CELLS)
    side = min(0.12, 1.3 / (cells + 2))
    for cell in range(cells):
        gap = side * 1.6 if shape[0] > CELLS and cell >= cells // 2 else 0.0  # some are left out in the middle
        top = side * cells / 2 - side * cell - gap / 2 + (side * 0.8 if gap == 0 and shape[0] > CELLS else 0)
        axes.add_patch(
            Rectangle((x - side / 2, top - side), side, side, facecolor=_tint(colour), edgecolor=colour, linewidth=0.9)
        )
    if shape[0] > CELLS:
        for dot in (-1, 0, 1):
            axes.plot(x, dot * side * 0.42, ".", color=colour, markersize=2.2)
    return x + half


def _tint(colour: str) -> tuple[float, float, float]:
    """The colour, nearly white."""
    return tuple(0.82 * paper + 0.18 * ink for paper, ink in zip(to_rgb(PAPER), to_rgb(colour), strict=True))  # type: ignore[return-value]
