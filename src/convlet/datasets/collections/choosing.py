"""The size and the channels of a collection's images, where nobody says: chosen from its pictures, and said.

What it is not: final. A picture in colour that turns up later among grey ones has them all decoded again.
"""

import io
from dataclasses import dataclass, replace
from statistics import median

from PIL import Image

from convlet.datasets.collections.listing import Collection
from convlet.datasets.collections.preparation import Preparation
from convlet.datasets.readers.pictures import DAMAGE, FORMATS, fitted, picture_in, quiet
from convlet.errors import DataError

SAMPLE = 200  # pictures looked at, evenly spread
LARGEST = 64  # pixels a side, where nobody says: what a processor trains on in minutes
SMALLEST = 8
GREY_MODES = ("1", "L")
SIDEWAYS = (5, 6, 7, 8)  # orientations in a camera's metadata by which rows become columns
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Chosen:
    """How all pictures are prepared, with nothing left to choose; and what is to be said of it."""

    preparation: Preparation
    notes: tuple[str, ...]


def choose(collection: Collection, asked: Preparation) -> Chosen:
    """What was asked for, with the rest chosen from the pictures."""
    notes = []
    chosen = replace(asked, fit=asked.fit or "crop")
    with quiet():
        if asked.image_size is None:
            sizes = [size for place in _sample(collection) if (size := _size(collection, place))]
            chosen = replace(chosen, image_size=size_for(sizes))
            notes.append(_said(chosen, sizes))
        if asked.channels is None:
            grey = all(_is_grey(collection, place) for place in _sample(collection))
            chosen = replace(chosen, channels=1 if grey else 3)
            if grey:
                notes.append(
                    "The pictures are grey, and stay one channel; channels=3 (--channels 3) has them in colour."
                )
    return Chosen(chosen, tuple(notes))


def size_for(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """(H, W) for pictures of these sizes: their own, where they have one, but no side above `LARGEST`; else a square.

    >>> size_for([(28, 28)] * 3), size_for([(480, 640)] * 3), size_for([(50, 70), (41, 90), (300, 45)])
    ((28, 28), (48, 64), (45, 45))
    """
    if not sizes:
        return LARGEST, LARGEST
    if len(set(sizes)) > 1:
        side = max(min(int(median(min(size) for size in sizes)), LARGEST), SMALLEST)
        return side, side
    height, width = sizes[0]
    scale = min(LARGEST / max(height, width), 1)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _said(chosen: Preparation, sizes: list[tuple[int, int]]) -> str:
    assert chosen.image_size is not None
    height, width = chosen.image_size
    low, high = min(sizes, default=(height, width)), max(sizes, default=(height, width))
    if low == high == chosen.image_size:
        return f"The pictures are {height} × {width}, and stay so."
    there = f"{low[0]:,} × {low[1]:,}" + (f" to {high[0]:,} × {high[1]:,}" if high != low else "")
    return (
        f"The pictures are {there}, and become {height} × {width} (fit: {chosen.fit}); image_size (--image-size) sets "
        "another size."
    )


def _sample(collection: Collection) -> range:
    count = len(collection.pictures)
    return range(0, count, max(count // SAMPLE, 1))


def _size(collection: Collection, place: int) -> tuple[int, int] | None:
    """(H, W) of a picture held upright, by its header; None where that cannot be read."""
    try:
        with Image.open(io.BytesIO(collection.content(place)), formats=FORMATS) as picture:
            width, height = picture.size
            return (width, height) if picture.getexif().get(ORIENTATION) in SIDEWAYS else (height, width)
    except (DataError, Image.DecompressionBombError, *DAMAGE):
        return None


def _is_grey(collection: Collection, place: int) -> bool:
    """Whether a picture has no colours; one that cannot be read has none."""
    try:
        picture = picture_in(collection.content(place), collection.name_of(place), least=LARGEST)
    except DataError:
        return True
    return is_grey(picture)


def is_grey(picture: Image.Image) -> bool:
    """Whether all of a picture's pixels are grey, whatever its file could hold."""
    if picture.mode in GREY_MODES:
        return True
    pixels = fitted(picture, (picture.height, picture.width, 3))
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
