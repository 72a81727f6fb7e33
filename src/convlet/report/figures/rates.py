"""The curve of a range test: the loss against the learning rate."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from convlet.report.figures.curves import power_of_ten
from convlet.report.figures.style import BLUE, GREEN, VERMILION, blank, style
from convlet.training.rate_range import RateCurve

HEADROOM = 1.3  # times the first loss: what is above that is no longer of interest


def rates_figure(curve: RateCurve, title: str = "Which learning rate?") -> Figure:
    """Each step's loss, faint; the smooth loss; its lowest point and the suggestion, marked."""
    remark = f"suggestion: {curve.suggestion:.1e}" if curve.suggestion else "no suggestion: the loss hardly fell"
    with style():
        figure = blank(8, 4, title, remark)
        axes = figure.subplots()
        axes.plot(curve.rates, curve.losses, color=BLUE, alpha=0.3, linewidth=1)
        axes.plot(curve.rates, curve.smooth, color=BLUE, linewidth=2, label="loss, smooth")
        axes.plot([curve.best], [min(curve.smooth)], "o", color=VERMILION, label=f"lowest, at {curve.best:.1e}")
        if curve.suggestion:
            axes.axvline(curve.suggestion, color=GREEN, linewidth=1.6, label=f"suggestion, {curve.suggestion:.1e}")
        low, high = min(curve.losses), HEADROOM * max(curve.losses[0], min(curve.smooth))
        axes.set_ylim(max(low - 0.05 * (high - low), 0), high)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=12))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: power_of_ten(rate)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("learning rate")
        axes.set_ylabel("training loss")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
