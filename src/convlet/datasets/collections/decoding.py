"""All pictures of a collection, decoded on all processors into one array.

Pillow decodes and resizes without Python's lock, so threads share the work; the pixels go where they belong.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.collections.choosing import is_grey
from convlet.datasets.collections.listing import Collection
from convlet.datasets.collections.preparation import Preparation, Progress
from convlet.datasets.readers.pictures import fitted, picture_in, quiet
from convlet.errors import DataError

AT_ONCE = 64  # pictures a thread takes at a time
DIGEST = 16  # bytes of a picture's fingerprint

Shape = tuple[int, int, int]


class ColourFoundError(Exception):
    """A picture in colour, where all were taken for grey."""


@dataclass
class Decoded:
    """The pixels of all pictures, (N, H, W, C); a fingerprint of each, (N, DIGEST) bytes; what is wrong with some."""

    pixels: NDArray[np.uint8]
    digests: NDArray[np.uint8]
    broken: dict[int, str] = field(default_factory=dict)


def shape_of(preparation: Preparation) -> Shape:
    """(H, W, C) of every image, of a preparation in which nothing is left to choose."""
    assert preparation.image_size is not None and preparation.channels is not None
    return (*preparation.image_size, preparation.channels)


def decode(
    collection: Collection, preparation: Preparation, *, grey_only: bool, threads: int, progress: Progress
) -> Decoded:
    """All pictures, as the preparation says. A broken one is noted, and stays black.

    Raises ColourFoundError where there is one in colour and `grey_only`.
    """
    count = len(collection.pictures)
    decoded = Decoded(np.zeros((count, *shape_of(preparation)), np.uint8), np.zeros((count, DIGEST), np.uint8))

    def some(places: Sequence[int]) -> int:
        for place in places:
            try:
                image = _image(collection, place, preparation, grey_only)
            except DataError as error:
                decoded.broken[place] = str(error)
            else:
                decoded.pixels[place] = image
                decoded.digests[place] = fingerprint(image)
        return len(places)

    done = 0
    with quiet(), ThreadPoolExecutor(threads) as pool:
        try:
            tasks = [pool.submit(some, range(i, min(i + AT_ONCE, count))) for i in range(0, count, AT_ONCE)]
            for task in as_completed(tasks):
                done += task.result()
                progress(done, count)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return decoded


def _image(collection: Collection, place: int, preparation: Preparation, grey_only: bool) -> NDArray[np.uint8]:
    shape = shape_of(preparation)
    picture = picture_in(collection.content(place), collection.name_of(place), least=max(shape[:2]))
    if grey_only and not is_grey(picture):
        raise ColourFoundError
    return fitted(picture, shape, preparation.fit or "crop")


def fingerprint(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(DIGEST,) bytes that tell pictures apart by their pixels."""
    return np.frombuffer(blake2b(image.tobytes(), digest_size=DIGEST).digest(), np.uint8)
