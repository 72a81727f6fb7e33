"""A table (.csv or .tsv) of pictures' paths and labels, as a collection.

Its first row names the columns. Paths are relative to the table's folder.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from convlet.checks import listed, nearest
from convlet.datasets.collections.folders import stamp_of
from convlet.datasets.collections.listing import PARTS, Collection, Picture, class_name, natural
from convlet.datasets.collections.preparation import Preparation
from convlet.datasets.readers.pictures import content_of
from convlet.errors import DataError, FormatError, InputError

LARGEST = 1 << 30  # bytes of a table
USUAL = {  # what these columns are usually called
    "paths_column": ("path", "file", "filename", "file_name", "filepath", "image_path", "image", "img", "picture"),
    "labels_column": ("label", "labels", "class", "class_name", "category", "target", "y"),
    "part_column": ("part", "split", "subset", "set"),
}


def read_table(where: Path, preparation: Preparation) -> Collection:
    """The pictures that a table names. Raises DataError where it cannot be read or misses something, InputError where
    it has no such column.
    """
    header, *rows = _rows(where)
    columns = [name.strip() for name in header]
    path, label = (_column(where, columns, preparation, name) for name in ("paths_column", "labels_column"))
    part = _column(where, columns, preparation, "part_column", needed=False)
    assert path is not None and label is not None
    pictures = [
        Picture(
            _cell(where, row, path, line), class_name(_cell(where, row, label, line)), _part(where, row, part, line)
        )
        for line, row in enumerate(rows, 2)
        if any(cell.strip() for cell in row)
    ]
    if not pictures:
        raise DataError(f"{where}: names no picture; expected a row for each, below the names of the columns.")
    pictures.sort(key=lambda picture: natural(picture.path))
    classes = tuple(sorted({picture.label for picture in pictures}, key=natural))
    folder = where.parent
    return Collection(
        where,
        tuple(pictures),
        classes,
        lambda place: content_of(folder / pictures[place].path),
        lambda place: stamp_of(folder / pictures[place].path),
    )


def _rows(where: Path) -> list[list[str]]:
    try:
        if not where.is_file():
            raise DataError(f"{where}: no such file, or not a regular one.")
        if where.stat().st_size > LARGEST:
            raise FormatError(f"{where}: {where.stat().st_size:,} bytes; a table may have at most {LARGEST:,}.")
        text = where.read_text("utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(",;\t", key=first.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{where}: not a table that can be read: {error}.") from None
    if not rows:
        raise DataError(f"{where}: empty; expected a row with the names of the columns, and one for each picture.")
    return rows


def _column(
    where: Path, columns: Sequence[str], preparation: Preparation, option: str, *, needed: bool = True
) -> int | None:
    """The place of the column that an option names, or that has a usual name."""
    told = getattr(preparation, option)
    if told is not None:
        if told not in columns:
            raise InputError(f"{option}={told!r}: {where} has {listed(columns)}.{nearest(told, columns)}")
        return columns.index(told)
    lower = [name.lower() for name in columns]
    usual = next((name for name in USUAL[option] if name in lower), None)
    if usual is None and needed:
        flag = f"--{option.replace('_', '-')}"
        raise DataError(
            f"{where}: none of its columns, {listed(columns)}, is called {listed(USUAL[option][:4])}; say which it is "
            f"with {flag} ({option}=)."
        )
    return None if usual is None else lower.index(usual)


def _cell(where: Path, row: list[str], column: int, line: int) -> str:
    text = row[column].strip() if column < len(row) else ""
    if not text:
        raise DataError(
            f"{where}: row {line} has an empty cell where a path or a label belongs. Fill it or leave it out."
        )
    return text


def _part(where: Path, row: list[str], column: int | None, line: int) -> str:
    if column is None or column >= len(row):
        return ""
    name = row[column].strip().lower()
    if name not in ("", *PARTS):
        raise DataError(f"{where}: row {line} has the part {name!r}; expected one of {listed(list(PARTS))}.")
    return PARTS.get(name, "")
