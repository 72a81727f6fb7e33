"""What `convlet predict` was given of each picture, drawn beside what the network took it for."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from convlet.report import numbers
from convlet.report.facts.network import Facts
from convlet.report.figures.mistakes import GREYS, bare
from convlet.report.figures.style import BLUE, FAINT, INK, QUIET, VERMILION, blank, style

MOST = 24  # pictures in one figure
ROW = 1.9  # inches
BARS, LEAST = 5, 0.001  # what is less probable has no bar
LARGE = 480  # pixels of the original's longer side, as it is drawn
View = tuple[Image.Image, tuple[float, float, float, float] | None, NDArray[np.uint8]]


def seen_pictures(views: Sequence[View], facts: Sequence[Facts]) -> Figure:
    """A row for each: the picture, with a frame around what was found in it; what the network saw; what it said.

    A view is (picture, box or None, pixels (H, W, C) as the network got them); `facts` are those of `prediction_json`.
    """
    remark = f"the picture · what the network saw of it{_more(len(views))} · what it takes it for"
    rows = min(len(views), MOST)
    with style():
        figure = blank(7.2, ROW * rows, "What was seen", remark, compressed=True)
        grid = figure.subplots(rows, 3, squeeze=False, width_ratios=[1.35, 1, 1.3])
        for (left, middle, right), (picture, box, pixels), fact in zip(grid, views, facts, strict=False):
            _original(left, picture, box, str(fact["image"]))
            middle.imshow(pixels if pixels.shape[-1] == 3 else pixels[..., 0], cmap=GREYS, vmin=0, vmax=255)
            bare(middle)
            _answer(right, fact)
    return figure


def _more(count: int) -> str:
    return f", the first {MOST} of {numbers.count(count)}" if count > MOST else ""


def _original(axes: Axes, picture: Image.Image, box: tuple[float, float, float, float] | None, path: str) -> None:
    small = picture.convert("RGB")
    small.thumbnail((LARGE, LARGE))
    axes.imshow(small, extent=(0, picture.width, picture.height, 0))
    if box is not None:
        left, top, right, bottom = box
        place = (left, top), right - left, bottom - top
        axes.add_patch(Rectangle(*place, facecolor="none", edgecolor=VERMILION, linewidth=1.4))
    name = numbers.visible(path)
    axes.set_title(name if len(name) <= 30 else f"…{name[-29:]}", fontsize=8, fontweight="normal", color=QUIET)
    bare(axes)


def _answer(axes: Axes, fact: Facts) -> None:
    """The most probable classes as bars; the first in full colour, or in red where it is in doubt."""
    ranked = list(fact["probabilities"].items())
    ranked = ranked[:1] + [one for one in ranked[1:BARS] if one[1] >= LEAST]
    first = VERMILION if fact.get("doubt") else BLUE
    places = np.arange(len(ranked))
    axes.barh(places, [chance for _, chance in ranked], height=0.62, color=[first] + [FAINT] * (len(ranked) - 1))
    for place, (name, chance) in zip(places.tolist(), ranked, strict=True):
        colour, weight = (QUIET, "normal") if place else (INK, "bold")
        axes.text(-0.05, place, numbers.label(name, 14), ha="right", va="center", color=colour, fontweight=weight)
        axes.text(chance + 0.03, place, numbers.probability(chance), va="center", fontsize=8, color=colour)
    axes.set(xlim=(-0.5, 1.35), ylim=(BARS - 0.5, -0.5))
    axes.set_axis_off()
