"""Shapes and words on a sheet of paper, for the pictures of `docs/performance.md`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from convlet.report.figures.style import BLACK, BLUE, FAINT, GREEN, INK, PAPER, QUIET, VERMILION

APART = 0.05  # of a box's smaller side: what is left free around it


def bare(axes: Axes, width: float, height: float) -> Axes:
    """Axes as a sheet of paper: x to the right, y down, squares square."""
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.axis("off")
    return axes


def box(axes: Axes, x: float, y: float, width: float, height: float, colour: str, text: str = "", **look: Any) -> None:
    free = APART * min(width, height)
    place, size = (x + free, y + free), (width - 2 * free, height - 2 * free)
    axes.add_patch(Rectangle(place, *size, facecolor=colour, **{"linewidth": 0, **look}))
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", color=letters(colour), fontsize=9)


def letters(colour: str) -> str:
    """The colour of words on that one."""
    return INK if colour == FAINT else PAPER if colour in (BLUE, VERMILION, GREEN, QUIET) else BLACK


def squares(axes: Axes, x: float, y: float, colours: list[list[str]], size: float = 1) -> None:
    for i, row in enumerate(colours):
        for j, colour in enumerate(row):
            box(axes, x + j * size, y + i * size, size, size, colour)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, color=QUIET, linewidth=1.3))


def label(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    axes.text(x, y, text, **{"ha": "center", "va": "top", "fontsize": 9.5, "linespacing": 1.4, **look})


def named(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=10.5)
    axes.set_xlabel(below, fontsize=9)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(True)
