"""The weights of every layer as pictures: kernels over each map they look at, dense layers as what each unit seeks."""

import math

import numpy as np
from matplotlib.figure import Figure

from convlet.descriptions.network import IMAGE, Parameters, Placed, Sequential
from convlet.report import numbers
from convlet.report.figures.panels import Panel, draw_panels, in_rows
from convlet.report.figures.style import style
from convlet.runs.history import Array

IN_A_ROW, MOST = 16, 64  # pictures
FILTERS, MAPS = 16, 6  # columns and rows, where each kernel looks at several maps
UNITS, INPUTS = 16, 256  # rows and columns of a dense layer that looks at no image
VALUE = 0.085  # inches of one of its weights


def kernels(network: Sequential, parameters: Parameters) -> Figure | None:
    """All layers' weights, those of each layer on one scale; None where no layer has any.

    Over three channels they are in colour, with grey for 0. Of a wide layer the first filters and maps are shown.
    """
    panels, images = [], {IMAGE: network.input_shape}  # shapes of the images that dense layers look at, behind Flatten
    for placed in network:
        kernel, image = parameters.get(f"{placed.name}/kernel"), images[placed.inputs[0]]
        if kernel is not None:
            values = np.asarray(kernel, np.float64)
            if values.ndim == 4:  # a kernel that lies over one map each has its outputs in the third axis
                values = values.reshape(*values.shape[:2], -1, placed.output_shape[-1])
            panels.append(_kernels(placed, values) if values.ndim == 4 else _dense(placed, values, image))
        passed_on = kernel is None and math.prod(placed.output_shape) == math.prod(image)  # as Flatten does
        images[placed.name] = image if passed_on and len(placed.output_shape) == 1 else placed.output_shape
    if not panels:
        return None
    with style():
        remark = "The weights of every layer, each on a scale of its own; what is near 0 is dark"
        return draw_panels(panels, "What the network has learnt", remark)[0]


def _kernels(placed: Placed, values: Array, what: str = "filters") -> Panel:
    """(KH, KW, C, F) → each kernel over its one map, in colour, or a column for each kernel and a row for each map."""
    channels, filters = values.shape[2:]
    size = numbers.shape(values.shape[:3])
    if channels in (1, 3):
        shown = np.moveaxis(values[..., :MOST], -1, 0)  # (F, KH, KW, C)
        pictures = shown[..., 0] if channels == 1 else (1 + shown / (np.abs(values).max() or 1.0)) / 2
        uses = f"each used at {numbers.count(placed.uses_per_weight)} positions" if what == "filters" else "used once"
        remark = f"{placed.name}: {_some(min(filters, MOST), filters, what)} of {size} weights, {uses}"
        return Panel(placed.layer.describe(), remark, in_rows(pictures, IN_A_ROW))
    columns, rows = min(filters, FILTERS), min(channels, MAPS)
    remark = f"{placed.name}: {_some(columns, filters, what)} (columns) over {_some(rows, channels, 'maps')} (rows)"
    return Panel(placed.layer.describe(), remark, values[:, :, :rows, :columns].transpose(2, 3, 0, 1))


def _dense(placed: Placed, values: Array, image: tuple[int, ...]) -> Panel:
    """(inputs, units): as pictures where the inputs were an image, else as one table of numbers."""
    if len(image) == 3:
        return _kernels(placed, values.reshape(*image, -1), "units")
    units, inputs = min(values.shape[1], UNITS), min(values.shape[0], INPUTS)
    remark = f"{placed.name}: {_some(units, values.shape[1], 'units')} (rows) over "
    remark += f"{_some(inputs, values.shape[0], 'inputs')} (columns)"
    return Panel(placed.layer.describe(), remark, values[:inputs, :units].T[np.newaxis, np.newaxis], VALUE * inputs)


def _some(shown: int, there: int, what: str) -> str:
    if there == 1:
        return f"one {what.removesuffix('s')}"
    return f"{numbers.count(there)} {what}" if shown == there else f"the first {shown} of {numbers.count(there)} {what}"
