"""What the files of a collection are, by their headers: how large, of which form, of how many bytes.

What it is not: a decoder. Which files are broken, whoever decoded them knows.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convlet.datasets.collections.listing import Collection
from convlet.datasets.readers.pictures import DAMAGE, FORMATS, quiet
from convlet.errors import DataError

MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "P": "palette",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "CMYK",
}
UNKNOWN = "not readable any more"


@dataclass(frozen=True, eq=False)
class Headers:
    """Of some files, in order: their height and width in pixels, size in bytes, all (N,), and form.

    `forms` has a text such as "JPEG, colour" for each number in `form`, the commonest first. What cannot be read any
    more has no pixels.
    """

    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    sizes: NDArray[np.int64]
    form: NDArray[np.int64]
    forms: tuple[str, ...]


def headers(collection: Collection, paths: Sequence[str]) -> Headers:
    """The headers of some of a collection's files, by their paths in it."""
    places = {picture.path: place for place, picture in enumerate(collection.pictures)}
    wanted = [places.get(path, -1) for path in paths]
    with quiet():  # in the collection's order, as of rows a group is read for one, and the others of it are at hand
        read = {place: _header(collection, place) for place in sorted({*wanted})}
    found = [read[place] for place in wanted]
    numbers = np.array([row[:3] for row in found], np.int64).reshape(-1, 3)
    forms = tuple(text for text, _ in Counter(row[3] for row in found).most_common())
    form = np.array([forms.index(row[3]) for row in found], np.int64)
    return Headers(numbers[:, 0], numbers[:, 1], numbers[:, 2], form, forms)


def _header(collection: Collection, place: int) -> tuple[int, int, int, str]:
    """Height, width, bytes and form of a file; of none, at the place -1, as of one that cannot be read."""
    try:
        content = b"" if place < 0 else collection.content(place)
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            form = f"{picture.format}, {MODES.get(picture.mode, '16 bits')}"
            return picture.height, picture.width, len(content), form
    except (DataError, Image.DecompressionBombError, *DAMAGE):
        return 0, 0, 0, UNKNOWN
