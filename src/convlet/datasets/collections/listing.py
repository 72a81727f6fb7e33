"""Which pictures a collection holds, by class and part: told from their paths, whatever the paths are of.

    <class>/…                       the classes alone
    train/<class>/…  test/<class>/…   with parts of its own; also validation, val or valid

What it is not: it opens no picture.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlet.checks import listed
from convlet.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif")
PARTS = {  # what they are called → what they are
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
}
HIDDEN = ("__macosx", "__pycache__", "thumbs.db", "desktop.ini")  # what systems leave behind
SHOWN = 3  # names of many, in a message
MOST = 5_000_000  # files of a collection


@dataclass(frozen=True)
class Picture:
    """A picture of a collection: its path in it, its class, and its part, or "" where nobody said."""

    path: str
    label: str
    part: str = ""


@dataclass(frozen=True, eq=False)
class Collection:
    """Labelled pictures, not yet decoded.

    Attributes:
        where: the file or folder they are in, as the user named it.
        pictures: in natural order of their paths.
        classes: those that there are, in natural order.
        content: the bytes of a picture, by its place among them; raises DataError. Several threads may call it.
        stamp: what another file in a picture's place would change: its size and time, or a checksum.
        faults: what is wrong with it, in sentences, though one could go on without.
        notes: what was left aside.
    """

    where: Path
    pictures: tuple[Picture, ...]
    classes: tuple[str, ...]
    content: Callable[[int], bytes]
    stamp: Callable[[int], str]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def name_of(self, place: int) -> str:
        """A picture as messages name it."""
        return f"{self.where}/{self.pictures[place].path}"


@dataclass(frozen=True)
class Arranged:
    """The pictures among some paths; which paths they are, by their places; and what there is to say."""

    pictures: tuple[Picture, ...]
    places: tuple[int, ...]
    classes: tuple[str, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def natural(text: str) -> list[Any]:
    """A key to sort by in which 2 comes before 10.

    >>> sorted(["10", "9", "a10", "a9"], key=natural)
    ['9', '10', 'a9', 'a10']
    """
    pieces = re.split(r"(\d+)", text)
    return [(len(piece.lstrip("0")), piece.lstrip("0")) if i % 2 else piece for i, piece in enumerate(pieces)]


def is_picture(path: str) -> bool:
    """Whether a file is called as pictures are."""
    return path.lower().endswith(SUFFIXES)


def hidden(path: str) -> bool:
    """Whether a path is none of the user's making: .ipynb_checkpoints, .DS_Store, __MACOSX and their like."""
    return any(name.startswith(".") or name.lower() in HIDDEN for name in path.split("/"))


def class_name(folder: str) -> str:
    """What a class is called whose pictures are in a folder of that name: in one form, however a system writes it."""
    return unicodedata.normalize("NFC", folder.encode("utf-8", "replace").decode("utf-8"))


def arranged(where: Path, paths: Sequence[str], folders: Sequence[str] = ()) -> Arranged:
    """The pictures among these paths, which are in a collection that also has these folders, by class and part.

    Raises DataError where there are no classes.
    """
    seen = [i for i, path in enumerate(paths) if not hidden(path)]
    chosen = sorted((i for i in seen if is_picture(paths[i])), key=lambda i: natural(paths[i]))
    split = {i: paths[i].split("/") for i in chosen}
    above = _above(list(split.values()))
    depth = above + 1 + _has_parts([names[above:] for names in split.values()])
    inside = [i for i in chosen if len(split[i]) > depth]
    if not inside:
        raise DataError(
            f"{where}: holds no classes: expected a folder for each class with its pictures in it "
            f"({', '.join(SUFFIXES[:3])}, …), or such folders in train/, validation/ and test/."
        )
    pictures = tuple(
        Picture(paths[i], class_name(split[i][depth - 1]), _part(split[i][above]) if depth > above + 1 else "")
        for i in inside
    )
    classes = tuple(sorted({picture.label for picture in pictures}, key=natural))
    return Arranged(pictures, tuple(inside), classes, _empty(folders, depth, classes), _aside(paths, seen, inside))


def _above(paths: list[list[str]]) -> int:
    """How many folders all pictures are in, above those of classes and parts: 1 in a zip of a folder, for instance."""
    above = 0
    while paths and all(len(names) > above + 2 for names in paths):
        first = {names[above] for names in paths}
        if len(first) > 1 or _part(*first):
            break
        above += 1
    return above


def _part(folder: str) -> str:
    return PARTS.get(folder.lower(), "")


def _has_parts(paths: list[list[str]]) -> bool:
    """Whether the outermost folders are parts; classes may be called train or test, too, beside others."""
    deeper = [names for names in paths if len(names) > 1]
    return any(len(names) > 2 for names in deeper) and all(_part(names[0]) for names in deeper)


def _empty(folders: Sequence[str], depth: int, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that would be a class, but hold no picture in any part."""
    named = {class_name(names[-1]): folder for folder in folders if len(names := folder.split("/")) == depth}
    empty = {name: folder for name, folder in named.items() if name not in classes and not hidden(folder)}
    return tuple(f"class {name!r}: its folder, {folder}, holds no picture" for name, folder in sorted(empty.items()))


def _aside(paths: Sequence[str], seen: list[int], inside: list[int]) -> tuple[str, ...]:
    taken = set(inside)
    other = [paths[i] for i in seen if i not in taken]
    notes = []
    if other:
        notes.append(f"Left aside, as no picture in a class's folder: {several(other)}.")
    if len(seen) < len(paths):
        places = set(seen)
        there = {
            next(name for name in path.split("/") if hidden(name)) for i, path in enumerate(paths) if i not in places
        }
        notes.append(f"Left aside, as hidden: {several(sorted(there))}.")
    return tuple(notes)


def several(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are.

    >>> several(["a.txt", "b.txt", "c.txt", "d.txt"])
    "'a.txt', 'b.txt', 'c.txt' and 1 more"
    """
    more = len(names) - SHOWN
    return listed(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
