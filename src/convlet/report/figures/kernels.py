"""A picture of the kernels of the first convolution."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convlet.descriptions.layers import Conv2D
from convlet.descriptions.network import Parameters, Placed, Sequential
from convlet.report import numbers
from convlet.report.figures.mistakes import GREYS
from convlet.report.figures.style import AROUND_ZERO, FAINT, blank, style
from convlet.runs.history import Array

MOST_KERNELS = 64
TILE, GAP = 0.86, 0.1  # a kernel in inches, and what is between two of them, in kernels


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
    return f"{which} of {size} weights, each used at {numbers.count(first.uses_per_weight)} positions{colours}"


def _scale(figure: Figure, axes: Axes, norm: Normalize, colours: str | Colormap, channels: int) -> None:
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=25, fraction=0.05)
    bar.set_label("weight" if channels in (1, 3) else "mean weight")
    bar.outline.set_visible(False)
