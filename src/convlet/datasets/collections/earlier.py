"""A collection as it was when a run began, by the run's `split.csv`: which part each picture was in, and what has
become of it since.

What it is not: it opens no picture; those of now are known by their paths and the fingerprints of their pixels.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from convlet.datasets.collections.listing import Picture, several
from convlet.datasets.collections.preparation import Filed
from convlet.errors import DataError, FormatError

LARGEST = 1 << 31  # bytes of a table: millions of rows
PARTS = ("train", "validation", "test")


def read_split(path: Path) -> tuple[Filed, ...]:
    """The pictures that a `split.csv` names. Raises DataError where it cannot be read, FormatError where it is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; a table of pictures has at most {LARGEST:,}.")
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        files = tuple(Filed(*row) for row in rows)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except (csv.Error, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not the table of a run's pictures: {error}. Put the run's own back.") from None
    names = [item.name for item in fields(Filed)]
    if header != names or not all(file.part in PARTS for file in files):
        raise FormatError(f"{path}: not the table of a run's pictures: expected {', '.join(names)}, as it was written.")
    return files


def parts_as_before(pictures: Sequence[Picture], digests: Sequence[bytes], before: Sequence[Filed]) -> list[str]:
    """Each picture's part, where some were in parts before: theirs, if the collection itself has none for them.

    A picture is known by its pixels, so that no copy of one to test on is ever trained on; else by its path, and with
    it all that have its pixels now. Further ones are trained on.
    """
    given = {picture.part for picture in pictures} - {"", "train"}
    divided = [file for file in before if file.part not in given]
    by_pixels = {file.pixels: file.part for file in divided}
    by_path = {file.path: file.part for file in divided}
    changed = [
        (by_path[picture.path], digest.hex())
        for picture, digest in zip(pictures, digests, strict=True)
        if picture.part not in given and picture.path in by_path
    ]
    changed.sort(key=lambda pair: PARTS.index(pair[0]))  # the last one counts, so that what was tested on is again
    known = {pixels: part for part, pixels in changed} | by_pixels
    return [
        picture.part if picture.part in given else known.get(digest.hex(), "train")
        for picture, digest in zip(pictures, digests, strict=True)
    ]


def changes(before: Sequence[Filed], now: Sequence[Filed]) -> str:
    """What is other than it was, the first few pictures of each kind by name; empty where nothing is.

    Where only files have other names, and all images are as they were, nothing is.

    >>> was = (Filed("a/1.png", "a", "train", "00"), Filed("b/1.png", "b", "test", "01"))
    >>> changes(was, (Filed("a/1.png", "a", "train", "02"), Filed("b/2.png", "b", "test", "03")))
    "changed: 'a/1.png'; gone: 'b/1.png'; new: 'b/2.png'"
    """
    missing, further = _images(before) - _images(now), _images(now) - _images(before)
    if not missing and not further:
        return ""
    old, new = ({file.path: file for file in files} for files in (before, now))
    both = sorted(old.keys() & new.keys())
    kinds = {
        "changed": [path for path in both if old[path].pixels != new[path].pixels],
        "in another class": [path for path in both if old[path].label != new[path].label],
        "gone": sorted(path for path in old.keys() - new.keys() if _image(old[path]) in missing),
        "new": sorted(path for path in new.keys() - old.keys() if _image(new[path]) in further),
    }
    if not any(kinds.values()):
        kinds = {"in another part": [path for path in both if old[path].part != new[path].part]}
    return "; ".join(f"{kind}: {several(paths)}" for kind, paths in kinds.items() if paths)


def _image(file: Filed) -> tuple[str, str, str]:
    return file.label, file.part, file.pixels


def _images(files: Iterable[Filed]) -> Counter[tuple[str, str, str]]:
    return Counter(map(_image, files))
