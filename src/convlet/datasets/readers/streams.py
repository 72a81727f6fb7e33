"""A file as a stream of decompressed bytes that never gives more than was promised.

A few compressed kilobytes can unpack to gigabytes, and a header of a few bytes can promise as much. So: whoever reads
a format says how many bytes its header promises (`promised`), and takes exactly those (`exactly`), piece by piece;
memory follows the bytes that are really there.

What it is not: a general archive reader. One stream per file; anything after it is refused.
"""

import gzip
import lzma
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from convlet.errors import DataError, FormatError

LARGEST = 1 << 30  # bytes of values in one file: 1 GiB is twenty times MNIST's training images
XZ_MEMORY = 100 << 20  # bytes for the xz decoder: `xz -9` needs 65 MiB, a hostile header can ask for 4 GiB
PIECE = 1 << 20  # bytes per read

GZIP_MAGIC = b"\x1f\x8b"
XZ_MAGIC = b"\xfd7zXZ\x00"


class Stream(Protocol):
    """What a format reader needs: the next `size` bytes or fewer, and b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class XzStream:
    """One xz stream, decoded in bounded memory. (`lzma.LZMAFile` cannot be given a memory limit.)"""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. Raises LZMAError or EOFError on damage."""
        while not self._decoder.eof:
            compressed = self._file.read(PIECE) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not compressed:
                raise EOFError("the xz stream is cut short")
            if piece := self._decoder.decompress(compressed, size):
                return piece
        if self._decoder.unused_data or self._file.read(1):
            raise lzma.LZMAError("bytes after the end of the xz stream")
        return b""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file at `path`, open for reading; what goes wrong meanwhile becomes an error that names it.

    Raises DataError where it is missing, no regular file, or cannot be read; FormatError where its compressed bytes are
    damaged.
    """
    try:
        if not path.is_file():  # a pipe or a device could block or never end
            raise DataError(f"{path}: no such file, or not a regular one. Check the path {path.absolute()}.")
        with path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: the compressed data is damaged ({error}). Get the file again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}). Check the file and its permissions.") from error


def decompressed(file: BinaryIO) -> Stream:
    """`file` itself, or what gzip or xz packed into it, told by its first bytes (a suffix can be wrong)."""
    start = file.read(len(XZ_MAGIC))
    file.seek(0)
    if start.startswith(GZIP_MAGIC):
        return gzip.GzipFile(fileobj=file)
    return XzStream(file) if start == XZ_MAGIC else file


def promised(where: str, shape: tuple[int, ...], itemsize: int) -> int:
    """The bytes that a header with this shape promises; refuses none at all and more than `LARGEST`."""
    size = math.prod(shape) * itemsize  # Python integers: cannot overflow
    if size == 0:
        raise FormatError(f"{where}: its header gives the shape {shape}, which holds no values. Get a file with some.")
    if size > LARGEST:
        raise FormatError(
            f"{where}: its header gives the shape {shape}, {size:,} bytes of values; allowed: up to {LARGEST:,}. "
            "Split the file."
        )
    return size


def exactly(where: str, stream: Stream, size: int) -> bytearray:
    """The `size` bytes that are left in `stream`; refuses fewer and more."""
    values = bytearray()
    while len(values) < size:
        piece = stream.read(min(PIECE, size - len(values)))
        if not piece:
            raise FormatError(
                f"{where}: cut short: its header promises {size:,} bytes of values, {len(values):,} are there. "
                "Get the file again."
            )
        values += piece
    if stream.read(1):
        raise FormatError(
            f"{where}: more bytes follow the {size:,} that its header promises. Get the file again, or mend its header."
        )
    return values
