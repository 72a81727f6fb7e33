"""One look for every picture, and how a picture becomes bytes: the same figure, the same bytes.

The ground is transparent, and ink and lines are of a middle tone that reads on white and on dark pages alike: no tone
has more than 4.3 : 1 on both #FFFFFF and #0D1117. Words on what is coloured are in `PAPER` or `BLACK`. The colours are
those of Okabe and Ito, the blue a little lighter: told apart with every kind of colour vision.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

BLUE, VERMILION, GREEN = "#0F7FC4", "#D55E00", "#009E73"
INK, QUIET, FAINT = "#737B87", "#7D8590", "#8B949E44"  # FAINT: a quarter of grey, over whatever is behind
PAPER, BLACK = "#FFFFFF", "#1B1F24"  # letters on dark colours, and on light ones
MISTAKES = LinearSegmentedColormap.from_list("mistakes", ["#FCE6D6", "#F6BE94", "#EA8A4A", VERMILION, "#8A3A00"])
AROUND_ZERO = LinearSegmentedColormap.from_list(  # 0 is dark, as in a photograph of MNIST: what is large shines
    "around zero",
    ["#D2ECFF", "#6DB6E8", BLUE, "#0F3A5C", "#22272E", "#5E2B0C", VERMILION, "#F29E66", "#FFE7D2"],
)
DPI = 144
HEADING = 0.68  # inches
OTHER_SCRIPTS = (  # for class names in letters that DejaVu Sans, which comes with matplotlib, has not
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Arial Unicode MS",
)


@cache
def _families() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)]


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's settings while a figure is made or written; those of the caller come back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": _families(),
                "font.size": 10,
                "text.color": INK,
                "text.parse_math": False,  # a class may be called "$5"
                "axes.edgecolor": QUIET,
                "axes.labelcolor": INK,
                "axes.linewidth": 0.8,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "axes.axisbelow": True,
                "axes.titlesize": 12,
                "axes.titleweight": "bold",
                "axes.titlelocation": "left",
                "grid.color": FAINT,
                "grid.linewidth": 0.8,
                "xtick.color": QUIET,
                "ytick.color": QUIET,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "legend.frameon": False,
                "legend.fontsize": 9,
                "figure.facecolor": "none",
                "axes.facecolor": "none",
                "savefig.facecolor": "none",
                "savefig.dpi": DPI,
                "svg.hashsalt": "convlet",
            }
        )
        yield


def blank(width: float, height: float, title: str, remark: str = "", *, compressed: bool = False) -> Figure:
    """An empty figure, `width` × `height` inches below a heading: what is seen, and a remark in smaller letters.

    It lays itself out when it is drawn; `compressed` keeps images of a fixed shape close together.
    """
    height += HEADING
    figure = Figure(figsize=(width, height), layout="compressed" if compressed else "constrained")
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - HEADING / height))
    left = 0.1 / width
    figure.text(left, 1 - 0.22 / height, title, va="center", fontsize=13, fontweight="bold")
    figure.text(left, 1 - 0.48 / height, remark, va="center", color=QUIET, fontsize=9.5)
    return figure


def message(title: str, text: str) -> Figure:
    """A figure of words, where there is nothing to draw."""
    figure = blank(6, 2.4, title)
    figure.text(0.5, 0.45, text, ha="center", va="center", fontsize=13, color=GREEN, linespacing=1.7)
    return figure


def to_bytes(figure: Figure, kind: str) -> bytes:
    """The figure as "svg" or "png", the same bytes each time."""
    buffer = io.BytesIO()
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # it is drawn as an empty box
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
