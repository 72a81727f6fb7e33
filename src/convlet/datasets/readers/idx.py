"""The IDX format of MNIST and its successors, read strictly.

    byte 0, 1   zero
    byte 2      the type of a value: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      the number of dimensions, here 1 to 4
    4 bytes     per dimension: its size, big-endian
    the rest    the values, big-endian, last dimension fastest

Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.readers.streams import Stream, decompressed, exactly, opened, promised
from convlet.errors import FormatError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMENSIONS = 4  # images, height, width, channels


def read_idx(path: str | Path, *, sha256: str | None = None) -> NDArray[Any]:
    """Read an IDX file, raw or packed by gzip or xz.

    How it is packed is told by its first bytes, not its name. `sha256` is what the unpacked bytes must hash to, in
    hexadecimal; None checks nothing. The array is in the machine's byte order, with the header's shape and type.

    Raises DataError where the file is missing or cannot be read; FormatError where it is no IDX file, cut short,
    followed by other bytes, damaged, empty, larger than `streams.LARGEST`, or not the one with that hash.

    >>> read_idx("train-labels-idx1-ubyte.gz")[:5]
    array([5, 0, 4, 1, 9], dtype=uint8)
    """
    path = Path(path)
    with opened(path) as file:
        stream = decompressed(file)
        start, dtype, shape = _header(path, stream)
        values = exactly(str(path), stream, promised(str(path), shape, dtype.itemsize))
    if sha256 is not None:
        _check_hash(path, start + values, sha256)
    array = np.frombuffer(values, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(path: Path, stream: Stream) -> tuple[bytes, np.dtype[Any], tuple[int, ...]]:
    """The header's own bytes, and the type and shape that it gives."""
    magic = _take(path, stream, 4)
    if magic[:2] != b"\0\0" or magic[2] not in DTYPES or not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise FormatError(
            f"{path}: not an IDX file: it begins with the bytes {magic.hex(' ')}; allowed are 00 00, a type "
            f"({', '.join(f'{code:02x}' for code in DTYPES)}) and the number of dimensions "
            f"(01 to {MOST_DIMENSIONS:02x}). Check that this is the file you mean."
        )
    sizes = _take(path, stream, 4 * magic[3])
    return magic + sizes, np.dtype(DTYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)


def _take(path: Path, stream: Stream, size: int) -> bytes:
    """The next `size` bytes of the header."""
    taken = b""
    while len(taken) < size:  # a compressed stream may give fewer bytes than asked for
        piece = stream.read(size - len(taken))
        if not piece:
            raise FormatError(f"{path}: cut short: it ends inside the IDX header. Get the file again.")
        taken += piece
    return taken


def _check_hash(path: Path, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise FormatError(
            f"{path}: its unpacked bytes have the SHA-256 {found}, but {expected} is expected. "
            "Get the file again; if convlet brought it, reinstall convlet."
        )
