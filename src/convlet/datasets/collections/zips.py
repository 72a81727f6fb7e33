"""A zip of a folder of pictures, as a collection: read where it is, never unpacked.

A name that leads out of the archive, a packing of unbounded cost, and an archive that would unpack to far more than
pictures do are refused.
"""

import re
import zipfile
from pathlib import Path, PurePosixPath

from convlet.datasets.collections.listing import MOST, Collection, arranged
from convlet.datasets.readers import pictures
from convlet.datasets.readers.npz import DAMAGE, PACKINGS
from convlet.errors import DataError, FormatError

MOST_UNPACKED = 1 << 30  # bytes that all may unpack to, however small the archive is
MOST_TIMES = 100  # its own size, beyond that


def read_zip(where: Path) -> Collection:
    """The pictures in a zip of class folders, at any depth. Raises DataError where it holds none, FormatError where it
    is no zip that can be trusted.
    """
    members = zip_members(where)
    found = arranged(where, [member.filename for member in members if not member.is_dir()], _folders(members))
    files = [member for member in members if not member.is_dir()]
    chosen = [files[place] for place in found.places]
    archive = Archive(where)
    return Collection(
        where,
        found.pictures,
        found.classes,
        lambda place: archive.content(chosen[place]),
        lambda place: f"{chosen[place].file_size} {chosen[place].CRC}",
        found.faults,
        found.notes,
    )


def zip_members(where: Path) -> list[zipfile.ZipInfo]:
    """What is in a zip. Raises DataError where it cannot be read, FormatError where it is none that can be trusted."""
    try:
        if not where.is_file():
            raise DataError(f"{where}: no such file, or not a regular one.")
        with zipfile.ZipFile(where) as archive:
            members = archive.infolist()
        size = where.stat().st_size
    except DAMAGE as error:
        raise FormatError(f"{where}: not a sound .zip file ({error}). Pack it again.") from None
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:|.*\\", member.filename):
            raise FormatError(f"{where}: {member.filename!r} leads out of the archive. Pack it again, from its folder.")
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST or unpacked > max(MOST_UNPACKED, MOST_TIMES * size):
        raise FormatError(
            f"{where}: {size:,} bytes that would unpack to {len(members):,} files of {unpacked:,} bytes, which is no "
            "archive of pictures. Give their folder, if they are."
        )
    return members


class Archive:
    """A zip that gives its pictures' bytes, each bounded, to any thread."""

    def __init__(self, where: Path) -> None:
        self._where, self._file = where, zipfile.ZipFile(where)

    def content(self, member: zipfile.ZipInfo) -> bytes:
        """The bytes of a member. Raises DataError where it cannot be read."""
        name = f"{self._where}/{member.filename}"
        if member.compress_type not in PACKINGS or member.flag_bits & 1:
            raise FormatError(f"{name}: cannot be read: it is encrypted, or packed in another way than by deflate.")
        if member.file_size > pictures.LARGEST:
            raise FormatError(f"{name}: {member.file_size:,} bytes; an image may have at most {pictures.LARGEST:,}.")
        try:
            with self._file.open(member) as stream:
                return stream.read(pictures.LARGEST)
        except DAMAGE as error:
            raise FormatError(f"{name}: cannot be read: {error}.") from None

    def __del__(self) -> None:
        """Close the file with its last user."""
        self._file.close()


def _folders(members: list[zipfile.ZipInfo]) -> list[str]:
    """All folders that the names speak of."""
    above = {parent for member in members for parent in PurePosixPath(member.filename).parents}
    own = {PurePosixPath(member.filename) for member in members if member.is_dir()}
    return sorted(str(folder) for folder in above | own if str(folder) != ".")
