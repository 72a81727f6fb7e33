"""Decoded pictures, kept in the user's cache folder: the next time they need not be decoded.

    pictures/<collection and preparation>/<state of all its files>/pixels      one image after the other
                                                                  /index       DIGEST + 1 bytes each: fingerprint, DONE
                                                                  /complete    once all is on the disk

A file that has another size or time makes another state, and all is decoded anew. What was interrupted is taken up
where it was, image by image, each checked against its fingerprint. All of it may be deleted at any time.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
import platformdirs
from numpy.typing import NDArray

from convlet.datasets.collections.listing import Collection
from convlet.datasets.collections.preparation import Preparation
from convlet.datasets.duplicates import DIGEST, fingerprint

VERSION = "1"  # of how pictures are prepared: another makes all anew
WORTH_IT = 1000  # pictures, from which on they are kept
DONE = 1

Shape = tuple[int, int, int]


class Kept:
    """The decoded pictures of a collection in a folder, there or yet to come: whoever decodes one writes it here.

    Raises OSError where the folder cannot be used.
    """

    def __init__(self, folder: Path, count: int, shape: Shape) -> None:
        self.folder, self.shape, self._size = folder, shape, int(np.prod(shape))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._pixels = self._open("pixels", count * self._size)
        self._index = self._open("index", count * (DIGEST + 1))
        index = np.frombuffer(os.pread(self._index, count * (DIGEST + 1), 0), np.uint8).reshape(count, DIGEST + 1)
        self.digests, self.done = index[:, :DIGEST].copy(), index[:, DIGEST] == DONE
        if not (folder / "complete").exists():
            self._check()

    def _open(self, name: str, size: int) -> int:
        try:
            descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:  # a disk that can only be read: what is complete there is used as it is
            if not (self.folder / "complete").exists():
                raise
            descriptor = os.open(self.folder / name, os.O_RDONLY)
        if os.fstat(descriptor).st_size != size:
            (self.folder / "complete").unlink(missing_ok=True)
            os.ftruncate(descriptor, size)
        return descriptor

    def _check(self) -> None:
        """Forget of an interrupted decoding what did not come to the disk whole."""
        for place in np.flatnonzero(self.done):
            image = np.frombuffer(os.pread(self._pixels, self._size, int(place) * self._size), np.uint8)
            self.done[place] = np.array_equal(fingerprint(image), self.digests[place])

    @property
    def pixels(self) -> Path:
        """The file of the images."""
        return self.folder / "pixels"

    def write(self, start: int, images: NDArray[np.uint8], digests: NDArray[np.uint8], done: NDArray[np.bool_]) -> None:
        """Keep some images that follow one another from a place on, and which of them are done."""
        os.pwrite(self._pixels, images.tobytes(), start * self._size)
        index = np.concatenate([digests, done[:, np.newaxis].astype(np.uint8)], axis=1)
        os.pwrite(self._index, index.tobytes(), start * (DIGEST + 1))
        self.digests[start : start + len(images)] = digests

    def finish(self) -> None:
        """All is on the disk; what was kept of other states of these files is deleted."""
        for descriptor in (self._pixels, self._index):
            os.fsync(descriptor)
        if not (self.folder / "complete").exists():
            (self.folder / "complete").touch()
        for other in self.folder.parent.iterdir():
            if other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in (self._pixels, self._index):
            with suppress(OSError):
                os.close(descriptor)


def kept(collection: Collection, preparation: Preparation, shape: Shape, *, grey_only: bool) -> Kept | None:
    """Where the decoded pictures of a collection are kept; None where that is not worth it, or cannot be."""
    if len(collection.pictures) < WORTH_IT or not hasattr(os, "pread"):
        return None
    base = platformdirs.user_cache_path("convlet", appauthor=False)
    if not base.is_absolute():
        return None
    where, column = os.path.abspath(collection.where), preparation.paths_column or ""  # noqa: PTH100
    made = f"{VERSION} {PIL.__version__} {shape} {grey_only} {preparation.fit} {column} {where}"
    state = hashlib.sha256()
    for place, picture in enumerate(collection.pictures):
        state.update(f"{picture.path}\0{collection.stamp(place)}\n".encode("utf-8", "surrogateescape"))
    folder = base / "pictures" / hashlib.sha256(made.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    try:
        return Kept(folder / state.hexdigest()[:32], len(collection.pictures), shape)
    except OSError:
        return None
