"""A table (.csv or .tsv) of pictures' paths and labels, as a collection.

Its first row names the columns. Paths are relative to the table's folder.
"""

import csv
import io
from pathlib import Path

from convlet.datasets.collections.columns import column_of, parts_in
from convlet.datasets.collections.folders import stamp_of
from convlet.datasets.collections.listing import Collection, Picture, class_name, natural
from convlet.datasets.collections.preparation import COLUMNS, Preparation
from convlet.datasets.readers.pictures import content_of
from convlet.errors import DataError, FormatError

LARGEST = 1 << 30  # bytes of a table


def read_table(where: Path, preparation: Preparation) -> Collection:
    """The pictures that a table names. Raises DataError where it cannot be read or misses something, InputError where
    it has no such column.
    """
    header, *rows = _rows(where)
    columns = [name.strip() for name in header]
    path, label = (columns.index(str(column_of(where, columns, preparation, name))) for name in COLUMNS[:2])
    filled = [(line, row) for line, row in enumerate(rows, 2) if any(cell.strip() for cell in row)]
    parts, notes = _parts(where, columns, filled, preparation)
    pictures = [
        Picture(_cell(where, row, path, line), class_name(_cell(where, row, label, line)), part)
        for (line, row), part in zip(filled, parts, strict=True)
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
        notes=notes,
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


def _cell(where: Path, row: list[str], column: int, line: int) -> str:
    text = row[column].strip() if column < len(row) else ""
    if not text:
        raise DataError(
            f"{where}: row {line} has an empty cell where a path or a label belongs. Fill it or leave it out."
        )
    return text


def _parts(
    where: Path, columns: list[str], rows: list[tuple[int, list[str]]], preparation: Preparation
) -> tuple[list[str], tuple[str, ...]]:
    """The part of each row, "" where it has none; and what there is to say of their column."""
    named = column_of(where, columns, preparation, "part_column", needed=False)
    none = [""] * len(rows)
    if named is None:
        return none, ()
    column = columns.index(named)
    cells = [(line, row[column] if column < len(row) else "") for line, row in rows]
    parts, notes = parts_in(where, named, cells, told=preparation.part_column is not None)
    return none if parts is None else parts, notes
