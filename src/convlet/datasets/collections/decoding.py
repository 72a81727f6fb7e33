"""All pictures of a collection, decoded on all processors: into memory, or into the file where they are kept.

Pillow decodes and resizes without Python's lock, so threads share the work; the pixels go where they belong.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.collections.cache import Kept, Shape, kept
from convlet.datasets.collections.choosing import is_grey
from convlet.datasets.collections.listing import Collection
from convlet.datasets.collections.preparation import Preparation, Progress
from convlet.datasets.duplicates import DIGEST, fingerprint
from convlet.datasets.readers.pictures import fitted, picture_in, quiet
from convlet.datasets.stored import StoredImages
from convlet.errors import DataError

AT_ONCE = 64  # pictures a thread takes at a time

Write = Callable[[int, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]], None]


class ColourFoundError(Exception):
    """A picture in colour, where all were taken for grey."""


@dataclass
class Decoded:
    """All pictures, (N, H, W, C); a fingerprint of each, (N, DIGEST); what is wrong with some; where all are kept."""

    pixels: "NDArray[np.uint8] | StoredImages"
    digests: NDArray[np.uint8]
    broken: dict[int, str] = field(default_factory=dict)
    kept: Kept | None = None


def shape_of(preparation: Preparation) -> Shape:
    """(H, W, C) of every image, of a preparation in which nothing is left to choose."""
    assert preparation.image_size is not None and preparation.channels is not None
    return (*preparation.image_size, preparation.channels)


def decode(
    collection: Collection, preparation: Preparation, *, grey_only: bool, threads: int, progress: Progress
) -> Decoded:
    """All pictures, as the preparation says. A broken one is noted, and stays black.

    Of a large collection they are kept in a file and read from there, and those that are kept already are not decoded
    again. Raises ColourFoundError where there is one in colour and `grey_only`.
    """
    shape, count = shape_of(preparation), len(collection.pictures)
    keeper = kept(collection, preparation, shape, grey_only=grey_only)
    if keeper is not None:
        with closing(keeper), suppress(OSError):  # a full disk, for instance: that they are kept is a convenience
            broken = _decode(collection, preparation, grey_only, threads, progress, ~keeper.done, keeper.write)
            keeper.finish()
            return Decoded(StoredImages(keeper.pixels, shape, np.arange(count)), keeper.digests, broken, keeper)
    pixels, digests = np.zeros((count, *shape), np.uint8), np.zeros((count, DIGEST), np.uint8)

    def write(start: int, images: NDArray[np.uint8], own: NDArray[np.uint8], _: NDArray[np.bool_]) -> None:
        pixels[start : start + len(images)] = images
        digests[start : start + len(images)] = own

    wanted = np.ones(count, bool)
    return Decoded(pixels, digests, _decode(collection, preparation, grey_only, threads, progress, wanted, write))


def _decode(
    collection: Collection,
    preparation: Preparation,
    grey_only: bool,
    threads: int,
    progress: Progress,
    wanted: NDArray[np.bool_],
    write: Write,
) -> dict[int, str]:
    """Decode those pictures that are wanted, and write them some at a time; what is wrong with the broken ones."""
    broken: dict[int, str] = {}
    count, shape = len(wanted), shape_of(preparation)

    def some(places: Sequence[int]) -> int:
        images, digests = np.zeros((len(places), *shape), np.uint8), np.zeros((len(places), DIGEST), np.uint8)
        done = np.zeros(len(places), bool)
        for i, place in enumerate(places):
            try:
                images[i] = _image(collection, place, preparation, grey_only)
            except DataError as error:
                broken[place] = str(error)
            else:
                digests[i], done[i] = fingerprint(images[i]), True
        write(places[0], images, digests, done)
        return len(places)

    done = 0
    with quiet(), ThreadPoolExecutor(threads) as pool:
        try:
            groups = (range(i, min(i + AT_ONCE, count)) for i in range(0, count, AT_ONCE))
            tasks = [pool.submit(some, places) for places in groups if wanted[places.start : places.stop].any()]
            for task in as_completed(tasks):
                done += task.result()
                progress(done, count)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return broken


def _image(collection: Collection, place: int, preparation: Preparation, grey_only: bool) -> NDArray[np.uint8]:
    shape = shape_of(preparation)
    picture = picture_in(collection.content(place), collection.name_of(place), least=max(shape[:2]))
    if grey_only and not is_grey(picture):
        raise ColourFoundError
    return fitted(picture, shape, preparation.fit or "crop")
