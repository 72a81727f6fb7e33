"""What a run, a history, a data set and an evaluation show of themselves in a notebook.

Pieces of a page, not pages: they take ink and paper from the notebook around them. A notebook asks for them by
`_repr_html_`; where it is no notebook, nothing of this is imported.
"""

from typing import Any

import numpy as np

from convlet.datasets import Dataset
from convlet.report.figures.curves import curves
from convlet.report.figures.style import to_bytes
from convlet.report.html.elements import Child, Html, element, joined
from convlet.report.html.frame import name_of
from convlet.report.html.pictures import Album, data_address
from convlet.report.numbers import count, label, percent, shape
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import History
from convlet.runs.run import Run

CLASSES = 30  # rows; more are counted
EACH = 8  # images of a class
BYTES = 300_000
WRONG = "rgba(213, 94, 0, {:.2f})"
QUIET = "opacity: 0.7"
CELL = "text-align: {}; padding: 2px 8px"


def dataset_html(data: Dataset) -> Html:
    """A row for each class: how many images each part has of it, and the first of those to train on."""
    title = f"{data.name}: {len(data.classes)} classes, images of {shape(data.image_shape)}"
    album, counts = Album(BYTES, largest=48), [part.class_counts for part in data.parts.values()]
    rows = []
    for k, name in enumerate(data.classes[:CLASSES]):
        images = _first_images(data, k, album)
        rows.append([name_of(label(name)), *(count(int(of_part[k])) for of_part in counts), images])
    totals: list[Child] = ["all", *(count(len(part)) for part in data.parts.values()), ""]
    more = f"and {count(len(data.classes) - CLASSES)} more classes" if len(data.classes) > CLASSES else None
    return _piece(title, _table(["class", *data.parts, ""], [*rows, totals], last="left"), more)


def _first_images(data: Dataset, k: int, album: Album) -> Html:
    places = np.flatnonzero(data.train.labels == k)[:EACH]
    images, _ = data.train.batch(places)
    pictures = [album.picture(pixels, "") for pixels in images]
    style = (
        "display: inline-block; width: 36px; height: 36px; object-fit: contain; margin: 1px; image-rendering: pixelated"
    )
    return joined(_styled(picture, style) for picture in pictures if picture)


def _styled(picture: Html, style: str) -> Html:
    """An image with looks of its own: a notebook has no style of ours."""
    return Html(picture.replace("<img ", f'<img style="{style}" ', 1))


def evaluation_html(evaluation: Evaluation) -> Html:
    """Accuracy with its interval, and the confusion matrix, as far as there are not too many classes."""
    low, high = evaluation.accuracy_interval
    title = (
        f"{percent(evaluation.accuracy, 2)} of {count(len(evaluation.labels))} images right, between {percent(low, 2)} "
        f"and {percent(high, 2)} at 95 % confidence"
    )
    words = (
        f"loss {evaluation.loss:.4f}, balanced accuracy {percent(evaluation.balanced_accuracy, 2)}, "
        f"calibration error {percent(evaluation.calibration.error, 2)}"
    )
    matrix = _confusion(evaluation) if len(evaluation.confusion) <= CLASSES else None
    return _piece(title, element("div", words, style=QUIET), matrix)


def _confusion(evaluation: Evaluation) -> Html:
    """Labels are rows, what they were taken for columns; the colour is the share of the row."""
    matrix = evaluation.confusion
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    strongest = max(float(shares.max()), 1e-9)
    names = [name_of(label(name, 14)) for name in evaluation.names]
    rows = [[name, *map(_times, matrix[i].tolist(), shares[i] / strongest)] for i, name in enumerate(names)]
    return _table(["", *names], rows)


def _times(times: int, share: float) -> Html:
    """A number of the matrix; the share of its row, of the largest there is, is its colour."""
    look = f"; background: {WRONG.format(0.15 + 0.6 * share)}" if share else ""
    return element("span", count(times) if times else "·", style=f"display: block; padding: 1px 6px{look}")


def history_html(history: History) -> Html:
    """The learning curves."""
    if not history.losses:
        return _piece("A history before the first step")
    loss, accuracy = history.recent()
    title = f"{count(history.steps)} steps: loss {loss:.4f}, accuracy {percent(accuracy, 2)} of late"
    if history.best is not None:
        title += f"; best validation {percent(history.best[2], 2)}, after step {count(history.best[0])}"
    return _piece(title, _curves(history))


def _curves(history: History) -> Html:
    address = data_address(to_bytes(curves(history, "Learning curves"), "svg"), "image/svg+xml")
    return element("img", src=address, alt="Loss and accuracy over the steps", style="max-width: 640px; width: 100%")


def run_html(run: Run) -> Html:
    """What network it is, how far it is, and how it learnt."""
    done, of = run.history.steps, run.total_steps
    where = [f"kept in {run.run_dir}"] if run.run_dir else []
    facts = [f"step {count(done)} of {count(of)}", f"{run.engine} engine", f"seed {run.seed}", *where]
    title = f"{len(run.network.layers)} layers, {count(run.network.weights)} weights, {len(run.classes)} classes"
    layers = " → ".join(placed.layer.describe() for placed in run.network)
    quiet = [element("div", text, style=QUIET) for text in (layers, ", ".join(facts))]
    return _piece(title, *quiet, _curves(run.history) if done else None)


def _piece(title: str, *parts: Child) -> Html:
    return element("div", element("div", element("b", title)), *parts)


def _table(head: list[Child], rows: list[list[Any]], last: str = "right") -> Html:
    """Names at the left, numbers at the right; the last column on that side."""

    def row(name: str, cells: list[Child]) -> Html:
        sides = ["left", *["right"] * (len(cells) - 2), last]
        styled = [element(name, cell, style=CELL.format(side)) for cell, side in zip(cells, sides, strict=True)]
        return element("tr", *styled)

    return element("table", element("thead", row("th", head)), element("tbody", *(row("td", cells) for cells in rows)))
