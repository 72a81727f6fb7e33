"""Pictures to be recognised: files, folders, zips and patterns → their names and bytes, one by one.

What it is not: a data set. Nobody says what these show; and one that cannot be read is an answer, not the end.
"""

import glob
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from convlet.datasets.collections.folders import walk
from convlet.datasets.collections.listing import hidden, is_picture, natural
from convlet.datasets.collections.zips import Archive, zip_members
from convlet.datasets.readers.pictures import content_of
from convlet.errors import DataError

PATTERN = "*?["  # what makes a name one


@dataclass(frozen=True)
class Named:
    """A picture by its name, and how to have its bytes, which may raise a DataError."""

    name: str
    content: Callable[[], bytes]


def named_pictures(sources: Iterable[str | Path]) -> Iterator[Named]:
    """Every picture in these files, folders (all below them), zips and patterns, in natural order within each.

    What cannot be looked into stands for itself, with bytes that raise what is wrong.
    """
    for source in sources:
        try:
            yield from _in(str(source))
        except DataError as error:
            yield Named(str(source), partial(_fail, error))


def _in(source: str) -> Iterator[Named]:
    path = Path(source)
    try:
        directory, there = path.is_dir(), path.exists()
    except (OSError, ValueError):  # a name that cannot be one says so when it is opened
        directory = there = False
    if directory:
        yield from _in_folder(path)
    elif there and path.suffix.lower() == ".zip":
        yield from _in_zip(path)
    elif not there and any(letter in source for letter in PATTERN):
        found = sorted(glob.glob(source, recursive=True), key=natural)  # noqa: PTH207 (a pattern as the shell has it)
        if not found:
            raise DataError(f"{source}: no file is called like that.")
        for name in found:
            yield from _in(name)
    else:
        yield Named(source, partial(content_of, path))


def _in_folder(folder: Path) -> Iterator[Named]:
    paths, _, faults = walk(folder)
    pictures = sorted((path for path in paths if is_picture(path) and not hidden(path)), key=natural)
    if not pictures and not faults:
        raise DataError(f"{folder}: holds no picture.")
    for path in pictures:
        yield Named(str(folder / path), partial(content_of, folder / path))
    for fault in faults:
        yield Named(str(folder), partial(_fail, DataError(f"{folder}: {fault}.")))


def _in_zip(path: Path) -> Iterator[Named]:
    members = {member.filename: member for member in zip_members(path) if not member.is_dir()}
    pictures = sorted((name for name in members if is_picture(name) and not hidden(name)), key=natural)
    if not pictures:
        raise DataError(f"{path}: holds no picture.")
    archive = Archive(path)
    for name in pictures:
        yield Named(f"{path}/{name}", partial(archive.content, members[name]))


def _fail(error: DataError) -> bytes:
    raise error
