"""The confusion matrix, whose numbers open the images that they count: by links, without a script."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.report.facts.assessment import Assessment
from convlet.report.html.elements import Child, Html, element, joined
from convlet.report.html.frame import name_of, path_of, scrolling, section, table
from convlet.report.html.pictures import Album
from convlet.report.numbers import count, ending, label, percent, probability

MOST = 30  # classes of a matrix that can be read
PAIRS = 40  # confusions that are listed, where there are more
EACH = 12  # images of a cell
BYTES = 1_200_000
LONGEST = 22  # letters of a file's path
Cell = tuple[int, int]


def confusion(assessed: Assessment) -> Html:
    """The matrix, or where it would be too large its largest entries, and below it the images of the chosen one."""
    matrix, names = assessed.evaluation.confusion, [label(name, 20) for name in assessed.run.classes]
    cells = _cells(matrix)
    pictures = _pictures(assessed, cells)
    first = next((cell for cell in cells if cell[0] != cell[1]), None)
    panels = [_panel(assessed, names, cell, pictures[cell], cell == first) for cell in cells if pictures[cell]]
    shown = {cell for cell in cells if pictures[cell]}
    if len(names) <= MOST:
        overview = scrolling(_square(matrix, names, assessed.evaluation.recall, shown))
        remark = "Labels are rows; what they were taken for, columns. Each number opens its images."
    else:
        overview = _list(matrix, names, [cell for cell in cells if cell[0] != cell[1]][:PAIRS], shown)
        remark = f"The most frequent of all confusions among {count(len(names))} classes. Each number opens its images."
    return section(
        "confusion",
        "Which classes are taken for which",
        element("div", overview, element("div", *panels, class_="panels"), class_="confusing"),
        remark=remark,
    )


def _cells(matrix: NDArray[Any]) -> list[Cell]:
    """The cells whose images are worth their bytes: the confusions, the most frequent first, then what was right."""
    cells = [(int(i), int(j)) for i, j in np.argwhere(matrix > 0)]
    cells.sort(key=lambda cell: (cell[0] == cell[1], -matrix[cell]))
    most = len(matrix) ** 2 if len(matrix) <= MOST else PAIRS
    return cells[:most]


def _pictures(assessed: Assessment, cells: Sequence[Cell]) -> dict[Cell, list[Html]]:
    """Pictures of each cell, the surest mistakes first, and of what is right the least sure: one for each, then a
    second for each, as far as the bytes go.
    """
    evaluation, album = assessed.evaluation, Album(BYTES, largest=64)
    sure = evaluation.probabilities.max(axis=1)
    chosen: dict[Cell, NDArray[Any]] = {}
    for i, j in cells:
        there = np.flatnonzero((evaluation.labels == i) & (evaluation.predictions == j))
        chosen[i, j] = there[np.argsort(sure[there] if i == j else -sure[there], kind="stable")][:EACH]
    pictures: dict[Cell, list[Html]] = {cell: [] for cell in cells}
    for place in range(EACH):
        for cell in (cell for cell in cells if place < len(chosen[cell])):
            thumb = _thumb(assessed, album, int(chosen[cell][place]), float(sure[chosen[cell][place]]))
            if thumb is None:
                return pictures
            pictures[cell].append(thumb)
    return pictures


def _thumb(assessed: Assessment, album: Album, index: int, sure: float) -> Html | None:
    pixels, _ = assessed.examples.batch([index])
    name = assessed.name(index)
    picture = album.picture(pixels[0], name)
    if picture is None:
        return None
    shown = path_of(ending(name, LONGEST))
    return element("figure", picture, element("figcaption", probability(sure, 0), element("br"), shown))


def _square(matrix: NDArray[Any], names: Sequence[str], recall: NDArray[Any], shown: set[Cell]) -> Html:
    off = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(off, 0)
    shares = np.sqrt(off / max(float(off.max()), 1e-9))
    head = [element("th"), *(element("th", element("span", name_of(label(name, 14))), scope="col") for name in names)]
    rows = [element("thead", element("tr", *head, element("th", "recall", class_="recall")))]
    for i, name in enumerate(names):
        cells = [_number(matrix, i, j, float(shares[i, j]), (i, j) in shown, names) for j in range(len(names))]
        found = element("td", percent(float(recall[i])), class_="recall")
        rows.append(element("tr", element("th", name_of(name), scope="row"), *cells, found))
    long = max(map(len, names)) > 3
    return element("table", rows[0], element("tbody", *rows[1:]), class_="matrix long" if long else "matrix")


def _number(matrix: NDArray[Any], i: int, j: int, share: float, open_: bool, names: Sequence[str]) -> Html:
    times = int(matrix[i, j])
    if not times:
        return element("td", element("span", "·", class_="none"))
    written = count(times)
    style = f"--share:{0.15 + 0.6 * share:.2f}" if i != j else None
    words = f"{names[i]} taken for {names[j]}: {written}"
    cell = element("a", written, href=f"#{_identity((i, j))}", aria_label=words) if open_ else element("span", written)
    return element("td", cell, class_="right" if i == j else None, style=style)


def _list(matrix: NDArray[Any], names: Sequence[str], cells: Sequence[Cell], shown: set[Cell]) -> Html:
    rows: list[tuple[Child, ...]] = []
    for i, j in cells:
        times: Child = count(int(matrix[i, j]))
        if (i, j) in shown:
            times = element("a", times, href=f"#{_identity((i, j))}")
        rows.append((name_of(names[i]), name_of(names[j]), times, percent(float(matrix[i, j] / matrix[i].sum()))))
    return table(("label", "taken for", "times", "of its images"), rows, numbers=(2, 3))


def _panel(assessed: Assessment, names: Sequence[str], cell: Cell, pictures: Sequence[Html], first: bool) -> Html:
    i, j = cell
    times = int(assessed.evaluation.confusion[cell])
    which = "the least sure" if i == j else "the surest"
    some = f", {which} {len(pictures)} of them" if len(pictures) < times else ""
    said: Child = "rightly" if i == j else joined("taken for ", name_of(names[j]))
    title = element("h3", name_of(names[i]), ", ", said, f": {count(times)} image{'s' * (times != 1)}{some}")
    height, width, _ = assessed.examples.image_shape
    thumbs = element("div", *pictures, class_="thumbs", style=f"--shape:{width}/{height}")
    return element("div", title, thumbs, id=_identity(cell), class_="panel first" if first else "panel")


def _identity(cell: Cell) -> str:
    return f"c-{cell[0]}-{cell[1]}"
