"""Panels below each other, a layer each: its name, what is seen, a mosaic of small pictures, and their scale.

Every panel has one scale of its own, the same distance above and below 0, and a legend that says how far it goes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from convlet.report.figures.style import AROUND_ZERO, INK, blank
from convlet.runs.history import Array

WIDTH, MARGIN, LEGEND = 8.4, 0.15, 1.0  # inches: of the widest mosaic, around everything, of what stands beside it
WORDS, BELOW = 0.42, 0.2  # inches above a mosaic, and under it
FINE = 12  # a small picture's pixels are repeated until it has so many of them
TILE = 0.56  # inches of a small picture, where there is room


@dataclass(frozen=True)
class Panel:
    """A layer's pictures (rows, columns, H, W), or with colours (rows, columns, H, W, 3); NaN is nothing there."""

    name: str
    remark: str
    tiles: Array
    tile_inches: float = TILE

    @property
    def coloured(self) -> bool:
        return self.tiles.ndim == 5

    @property
    def reach(self) -> float:
        """The largest value there is, of either sign."""
        return float(np.nanmax(np.abs(self.tiles))) or 1.0


def in_rows(pictures: Array, columns: int) -> Array:
    """Pictures (N, H, W) or (N, H, W, 3) as rows of so many, (rows, columns, H, W, …), the last one filled with NaN.

    >>> in_rows(np.zeros((5, 2, 2)), 3).shape
    (2, 3, 2, 2)
    """
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    filled = np.full((rows * columns, *pictures.shape[1:]), np.nan)
    filled[: len(pictures)] = pictures
    return filled.reshape(rows, columns, *pictures.shape[1:])


def mosaic(tiles: Array) -> Array:
    """All tiles in one picture, with a gap of NaN between them."""
    rows, columns, height, width = tiles.shape[:4]
    times = math.ceil(FINE / max(height, width))  # so that a gap can be less than a pixel of theirs
    gap = max(round(0.1 * times * max(height, width)), 1)
    down, across = times * height + gap, times * width + gap
    canvas = np.full((rows * down - gap, columns * across - gap, *tiles.shape[4:]), np.nan)
    for i in range(rows):
        for j in range(columns):
            tile = tiles[i, j].repeat(times, axis=0).repeat(times, axis=1)
            canvas[i * down : i * down + tile.shape[0], j * across : j * across + tile.shape[1]] = tile
    return canvas


def draw_panels(panels: Sequence[Panel], title: str, remark: str, extra: float = 0.0) -> tuple[Figure, float]:
    """The panels from top to bottom, and the inches below them, `extra` of them free for something else."""
    canvases = [mosaic(panel.tiles) for panel in panels]
    sizes = [_inches(panel, canvas) for panel, canvas in zip(panels, canvases, strict=True)]
    height = sum(WORDS + max(size[0], 0.5) + BELOW for size in sizes) + extra
    figure = blank(WIDTH + LEGEND + 2 * MARGIN, height, title, remark)
    figure.set_layout_engine("none")  # everything has its place already
    top = height
    for panel, canvas, size in zip(panels, canvases, sizes, strict=True):
        words(figure, top, panel.name, panel.remark)
        place = (MARGIN, top - WORDS - size[0], size[1], size[0])
        _picture(axes_at(figure, place), panel, canvas)
        if not panel.coloured:
            _legend(figure, panel, (MARGIN + size[1] + 0.12, top - WORDS - max(min(size[0], 1.3), 0.5)), size[0])
        top -= WORDS + max(size[0], 0.5) + BELOW
    return figure, top


def _inches(panel: Panel, canvas: Array) -> tuple[float, float]:
    """How high and wide a mosaic is drawn."""
    inch = min(WIDTH / canvas.shape[1], panel.tile_inches * panel.tiles.shape[1] / canvas.shape[1])
    return canvas.shape[0] * inch, canvas.shape[1] * inch


def axes_at(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    """Axes at (left, bottom, width, height) in inches from the lower left corner."""
    width, height = figure.get_size_inches()
    left, bottom, across, up = place
    axes = figure.add_axes((left / width, bottom / height, across / width, up / height))
    axes.grid(visible=False)
    return axes


def words(figure: Figure, top: float, name: str, remark: str) -> None:
    """A panel's heading: its name, and beside it what is seen."""
    width, height = figure.get_size_inches()
    place: dict[str, Any] = {"va": "center", "transform": figure.transFigure}
    left = figure.text(MARGIN / width, (top - 0.26) / height, name, fontweight="bold", fontsize=10.5, **place)
    end = left.get_window_extent().x1 / figure.dpi
    figure.text((end + 0.14) / width, (top - 0.26) / height, remark, fontsize=9, color=INK, **place)


def _picture(axes: Axes, panel: Panel, canvas: Array) -> None:
    axes.set_axis_off()
    if panel.coloured:
        there = ~np.isnan(canvas[..., :1])
        axes.imshow(np.concatenate([np.nan_to_num(canvas), there], axis=-1), interpolation="nearest")
    else:
        axes.imshow(canvas, cmap=AROUND_ZERO, vmin=-panel.reach, vmax=panel.reach, interpolation="nearest")


def _legend(figure: Figure, panel: Panel, corner: tuple[float, float], height: float) -> None:
    """The scale, from its lowest value to its highest; without its lower half where nothing is below 0."""
    axes = axes_at(figure, (*corner, 0.11, max(min(height, 1.3), 0.5)))
    bar = figure.colorbar(ScalarMappable(Normalize(-panel.reach, panel.reach), AROUND_ZERO), cax=axes)
    lowest = -panel.reach if np.nanmin(panel.tiles) < 0 else 0.0
    axes.set_ylim(lowest, panel.reach)
    ticks = sorted({lowest, 0.0, panel.reach})
    bar.set_ticks(ticks, labels=[f"{tick:+.2g}".replace("-", "−") if tick else "0" for tick in ticks])
    axes.tick_params(labelsize=8, length=2)
    bar.outline.set_visible(False)
