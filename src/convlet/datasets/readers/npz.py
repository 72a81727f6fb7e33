"""NumPy's `.npz`: a zip of `.npy` arrays, read strictly.

`numpy.load` allocates what a header promises before it looks, and parses that header as Python. This reader takes
plain numbers only: no pickles, no evaluation, no other packing than NumPy's own, never more than `streams.LARGEST`.

Source: the NumPy documentation, numpy.lib.format; versions 1.0 to 3.0.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.readers.streams import Stream, exactly, opened, promised
from convlet.errors import DataError, FormatError

LONGEST_HEADER = 10_000  # bytes, as numpy.load's own limit
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the two that NumPy writes; zipfile unpacks others unbounded
HEADER = re.compile(  # the L after a size is Python 2's
    rb"\{\s*'descr':\s*'(?P<dtype>[<>|=](?:[iu][1248]|f[248]))',\s*"
    rb"'fortran_order':\s*(?P<fortran>True|False),\s*"
    rb"'shape':\s*\((?P<shape>\d{1,10}L?,(?:\s*\d{1,10}L?(?:,\s*\d{1,10}L?){0,2},?)?)\),?\s*\}\s*"
)
# What the zip module raises for a damaged archive, found by fuzzing it.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, OverflowError)


def read_npz(path: str | Path, keys: Collection[str]) -> dict[str, NDArray[Any]]:
    """Read the arrays of an `.npz` file.

    It is what numpy.savez or numpy.savez_compressed writes. `keys` are the names that it may hold: each is optional;
    any other is refused, since it may be a misspelling.

    Raises DataError where the file is missing, cannot be read, or holds other names; FormatError where it is no zip
    archive, damaged, too large, or holds something else than plain numbers.
    """
    path = Path(path)
    with opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(path, archive, keys)
                return {key: _read_member(path, archive, member) for key, member in members.items()}
        except DAMAGE as error:
            raise FormatError(f"{path}: not a sound .npz file ({error}). Save it again with numpy.savez.") from error


def _members(path: Path, archive: zipfile.ZipFile, keys: Collection[str]) -> dict[str, zipfile.ZipInfo]:
    """The archive's members by key."""
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise FormatError(f"{path}: the same name stands in it twice. Save it again with numpy.savez.")
    if unknown := sorted(members.keys() - set(keys)):
        raise DataError(f"{path}: holds {unknown[0]!r}; allowed: {', '.join(keys)}. Rename it or leave it out.")
    return members


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    where = f"{path}: {member.filename}"
    if member.compress_type not in PACKINGS:
        raise FormatError(f"{where}: packed in a way that NumPy does not write. Save it again with numpy.savez.")
    with archive.open(member) as stream:
        dtype, shape, order = _header(where, stream)
        values = exactly(where, stream, promised(where, shape, dtype.itemsize))
    array: NDArray[Any] = np.ndarray(shape, dtype, values, order=order)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(where: str, stream: Stream) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """The type, shape and memory order ("C" or "F") that a `.npy` header gives."""
    magic = stream.read(8)
    length_format = "<H" if magic == b"\x93NUMPY\x01\x00" else "<I"
    if magic not in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00"):
        raise FormatError(f"{where}: not an array of NumPy. Save it again with numpy.savez.")
    (length,) = struct.unpack(length_format, stream.read(struct.calcsize(length_format)))
    text = stream.read(min(length, LONGEST_HEADER))
    found = HEADER.fullmatch(text)
    if len(text) != length or found is None:
        raise FormatError(
            f"{where}: not a plain array of 1 to 4 dimensions: its header begins {text[:80]!r}. "
            "Save uint8 or float images and integer labels."
        )
    shape = tuple(int(size) for size in re.findall(rb"\d+", found["shape"]))
    return np.dtype(found["dtype"].decode()), shape, "F" if found["fortran"] == b"True" else "C"
