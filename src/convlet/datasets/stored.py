"""Images in a file, read by position: what does not fit in memory is never all there.

What it is not: a format. The file holds the pixels alone, one image after the other; who wrote it knows of what shape.
"""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.errors import DataError

PIECE = 32 << 20  # bytes that are looked at together, where all are to be


class _File:
    """A file held open, for all that read from it; closed after the last of them."""

    def __init__(self, path: Path) -> None:
        self.path, self.handle, self.lock = path, path.open("rb", buffering=0), threading.Lock()

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self.handle.close()

    def read(self, image: NDArray[np.uint8], position: int) -> None:
        """Fill a row of bytes from a position of the file. Raises DataError."""
        try:
            if hasattr(os, "preadv"):
                read = os.preadv(self.handle.fileno(), [image.data], position)
            else:
                with self.lock:
                    self.handle.seek(position)
                    read = self.handle.readinto(image.data) or 0
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror or error}.") from None
        if read != image.size:
            raise DataError(f"{self.path}: cut short meanwhile. Start again: its images are decoded anew.")


class StoredImages:
    """Images (N, H, W, C), uint8, of a file: `rows` says which of its images they are, in order.

    Indexing reads the images asked for and gives them as an array. The file is held open: it may be deleted meanwhile.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, file: Path | _File, image_shape: tuple[int, ...], rows: NDArray[np.int64]) -> None:
        self._file = file if isinstance(file, _File) else _File(file)
        self._rows = rows
        self.shape = (len(rows), *image_shape)

    def __len__(self) -> int:
        """N."""
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """How many bytes they would be in memory."""
        return math.prod(self.shape)

    @staticmethod
    def of_one_file(parts: "Sequence[StoredImages]") -> bool:
        """Whether all lie in the same file, so that they can be read as one."""
        return all(part._file is parts[0]._file for part in parts)

    @staticmethod
    def together(parts: "Sequence[StoredImages]") -> "StoredImages":
        """The images of some parts of one file, one part after the other."""
        return StoredImages(parts[0]._file, parts[0].shape[1:], np.concatenate([part._rows for part in parts]))

    def take(self, chosen: Any) -> "StoredImages":
        """Some of these images, which stay where they are."""
        return StoredImages(self._file, self.shape[1:], self._rows[chosen])

    def __getitem__(self, chosen: Any) -> NDArray[np.uint8]:
        rows = self._rows[chosen]
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for image, row in zip(images.reshape(len(rows), -1), rows, strict=True):
            self._file.read(image, int(row) * image.size)
        return images

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of them."""
        return self[:].astype(dtype or np.uint8, copy=False)


def pieces(images: "NDArray[Any] | StoredImages") -> Iterator[NDArray[Any]]:
    """The images, some at a time: all at once, where they are in memory anyway."""
    if not isinstance(images, StoredImages):
        yield images
        return
    count = max(PIECE // math.prod(images.shape[1:]), 1)
    for start in range(0, len(images), count):
        yield images[start : start + count]
