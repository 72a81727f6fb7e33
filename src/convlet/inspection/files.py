"""What the files of a collection tell: their sizes and forms, and which are odd among the others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import collection_of
from convlet.datasets.collections.headers import UNKNOWN, Headers, headers
from convlet.inspection.findings import KNOW, LOOK, Case, Finding, counted
from convlet.inspection.properties import lowest
from convlet.inspection.views import Array, Row

RARE = 0.02  # of all files; a form that fewer have is odd


def headers_of(row: Row) -> Headers | None:
    """The headers of the files that a data set was made of, image by image; None where it was made of none.

    Raises DataError where they are not there any more.
    """
    collection = collection_of(row.data)
    if collection is None:
        return None
    return headers(collection, [row.place(number).path or "" for number in range(len(row))])


def header_properties(found: Headers | None) -> dict[str, Array]:
    """What files may betray their class by: their width, height, size and form, where these differ at all."""
    if found is None:
        return {}
    given = {
        "file's width": found.widths,
        "file's height": found.heights,
        "file's size": found.sizes,
        "file's form": found.form,
    }
    return {name: values for name, values in given.items() if values.min() < values.max()}


def header_findings(found: Headers | None) -> Iterator[Finding]:
    """Files that are far smaller than the others, of other proportions, or of a rare form."""
    if found is None:
        return
    there = found.heights > 0
    sides = np.sqrt(found.heights * found.widths).astype(np.float64)
    yield from _small(found, np.where(there, sides, np.nan))
    yield from _narrow(found, there)
    yield from _rare(found)


def _small(found: Headers, sides: Array) -> Iterator[Finding]:
    ratios = sides / np.nanmedian(sides)
    places = np.flatnonzero(ratios < lowest(ratios[~np.isnan(ratios)]))
    if len(places):
        title = f"{counted(len(places), 'picture is', 'pictures are')} far smaller than the others"
        advice = "They are blurred when they are brought to the size of the others: get larger ones, or leave them out."
        yield Finding("small", LOOK, title, advice, _cases(found, places[np.argsort(ratios[places], kind="stable")]))


def _narrow(found: Headers, there: NDArray[np.bool_]) -> Iterator[Finding]:
    proportions = np.ones(len(there))
    proportions[there] = found.widths[there] / found.heights[there]
    ratios = proportions / np.median(proportions[there]) if there.any() else proportions
    ratios = np.minimum(ratios, 1 / ratios)
    places = np.flatnonzero(ratios < lowest(ratios))
    if len(places):
        title = f"{counted(len(places), 'picture has', 'pictures have')} other proportions than the others"
        advice = 'Of such a picture only the middle is seen, unless fit="pad" (--fit pad) keeps all of it.'
        yield Finding(
            "proportions", LOOK, title, advice, _cases(found, places[np.argsort(ratios[places], kind="stable")])
        )


def _rare(found: Headers) -> Iterator[Finding]:
    counts = np.bincount(found.form)
    for form, text in enumerate(found.forms):
        if text != UNKNOWN and counts[form] < RARE * len(found.form):
            title = f"{counted(int(counts[form]), 'file is', 'files are')} of a rare form: {text}"
            advice = f"The commonest is {found.forms[0]}. Look whether they come from elsewhere."
            yield Finding("form", KNOW, title, advice, _cases(found, np.flatnonzero(found.form == form)))


def _cases(found: Headers, places: NDArray[np.int64]) -> tuple[Case, ...]:
    return tuple(Case((int(i),), f"{found.heights[i]:,} × {found.widths[i]:,}") for i in places)
