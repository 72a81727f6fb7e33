"""A folder of pictures, as a collection.

Links are followed, but not round and round; what is neither a file nor a folder is left aside.
"""

import os
from pathlib import Path

from convlet.datasets.collections.listing import MOST, Collection, arranged
from convlet.datasets.readers.pictures import content_of
from convlet.errors import DataError

MOST_FOLDERS = 200_000  # links can make more of few than anybody could walk through

Identity = tuple[int, int]  # of a folder: its device and number


def read_folder(where: Path) -> Collection:
    """The pictures in a folder of class folders. Raises DataError where it holds none, or cannot be read."""
    paths, folders, faults = walk(where)
    found = arranged(where, paths, folders)
    return Collection(
        where,
        found.pictures,
        found.classes,
        lambda place: content_of(where / found.pictures[place].path),
        lambda place: stamp_of(f"{where}/{found.pictures[place].path}"),
        (*faults, *found.faults),
        found.notes,
    )


def stamp_of(path: str | Path) -> str:
    """A file's size and time of its last change; where it is not there, nothing."""
    try:
        status = os.stat(path)  # noqa: PTH116 (of a text: a Path for each of very many takes as long again)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def walk(where: Path) -> tuple[list[str], list[str], list[str]]:
    """All files and folders below one, by their paths in it, and what went wrong with some."""
    paths: list[str] = []
    folders: list[str] = []
    faults: list[str] = []
    try:
        start = where.stat()
        waiting: list[tuple[str, tuple[Identity, ...]]] = [("", ((start.st_dev, start.st_ino),))]
        while waiting:
            folder, above = waiting.pop()
            for path, identity in _inside(where, folder, faults):
                if identity is None:
                    paths.append(path)
                elif identity in above:
                    faults.append(f"{path} is a link to a folder that it is in itself")
                else:
                    folders.append(path)
                    waiting.append((path, (*above, identity)))
            if len(paths) > MOST or len(folders) > MOST_FOLDERS:
                raise DataError(f"{where}: more than {MOST:,} files or {MOST_FOLDERS:,} folders; give a part of it.")
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror or error}.") from None
    return paths, folders, faults


def _inside(where: Path, folder: str, faults: list[str]) -> list[tuple[str, Identity | None]]:
    """What is in a folder: a path and, where that is a folder, its identity; what is hidden is not looked into."""
    found: list[tuple[str, Identity | None]] = []
    try:
        with os.scandir(where / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir() and not entry.name.startswith("."):
                    there = entry.stat()
                    found.append((path, (there.st_dev, there.st_ino)))
                else:
                    found.append((path, None))
    except OSError as error:
        faults.append(f"{folder or '.'} cannot be read: {error.strerror or error}")
    return found
