"""Rows with a picture in each, as a collection: a Parquet file, a folder of them, a data set that Hugging Face's
`datasets` saved to disk.

A picture is a file's bytes in a column. Rows are counted from 0. What the numbers of a column of classes mean is read
from what `datasets` notes beside them.
"""

import json
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from convlet.checks import listed
from convlet.datasets.collections.columns import USUAL, column_of, parts_in
from convlet.datasets.collections.folders import stamp_of
from convlet.datasets.collections.listing import MOST, PARTS, Collection, Picture, class_name, natural, several
from convlet.datasets.collections.preparation import Preparation
from convlet.datasets.collections.shards import Shard, pyarrow, readable, shard
from convlet.datasets.readers import pictures
from convlet.errors import DataError, FormatError

AT_HAND = 3  # groups of rows that are kept in memory
LONGEST = 1 << 26  # bytes of a file that describes the others


def read_parquet(where: Path, preparation: Preparation) -> Collection:
    """The pictures in a Parquet file, or in those of a folder, whose names begin with their part, if they have one.

    Raises DataError where it cannot be read or misses something, InputError where it has no such column.
    """
    if not where.is_dir():
        return _collection(where, [(shard(where), "")], preparation, ())
    folder = where if any(where.glob("*.parquet")) else where / "data"
    paths = sorted(folder.glob("*.parquet"), key=lambda path: natural(path.name))
    parts, notes = _parts([path.name.split("-")[0].split(".")[0] for path in paths], [path.name for path in paths])
    return _collection(where, [(shard(paths[i]), part) for i, part in parts], preparation, notes)


def read_saved(where: Path, preparation: Preparation) -> Collection:
    """The pictures in a folder that `datasets` saved to disk, of one or of several parts. Raises as `read_parquet`."""
    if not (where / "dataset_dict.json").exists():
        return _collection(where, [(each, "") for each in _saved(where)], preparation, ())
    names = [_plain(where, name) for name in _described(where / "dataset_dict.json").get("splits", [])]
    parts, notes = _parts(names, names)
    shards = [(each, part) for i, part in parts for each in _saved(where / names[i])]
    return _collection(where, shards, preparation, notes)


def _parts(names: Sequence[str], shown: Sequence[str]) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    """The place and part of each of these; where some are called as parts are, the others are left aside, and said."""
    parts = [(i, PARTS.get(name.lower(), "")) for i, name in enumerate(names)]
    if not any(part for _, part in parts):
        return parts, ()
    aside = [shown[i] for i, part in parts if not part]
    notes = (f"Left aside, as no part that is known: {several(aside)}.",) if aside else ()
    return [(i, part) for i, part in parts if part], notes


def _saved(folder: Path) -> list[Shard]:
    files = _described(folder / "state.json").get("_data_files", [])
    return [shard(folder / _plain(folder, file.get("filename") if isinstance(file, dict) else file)) for file in files]


def _described(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LONGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; expected at most {LONGEST:,}.")
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: cannot be read: {error}. Save the data set again.") from None
    return found if isinstance(found, dict) else {}


def _plain(where: Path, name: object) -> str:
    if not isinstance(name, str) or name in ("", "..", ".") or any(letter in name for letter in "/\\\0"):
        raise FormatError(f"{where}: {name!r} is no file in it. Save the data set again.")
    return name


def _collection(
    where: Path, shards: Sequence[tuple[Shard, str]], preparation: Preparation, notes: tuple[str, ...]
) -> Collection:
    """The rows of some files, all with the same columns, as pictures."""
    if not shards or sum(sum(each.groups) for each, _ in shards) == 0:
        raise DataError(f"{where}: holds no rows; expected one for each picture.")
    if sum(sum(each.groups) for each, _ in shards) > MOST:
        raise DataError(f"{where}: more than {MOST:,} rows; give a part of it.")
    pictured = _pictured(where, shards[0][0].schema, preparation)
    labelled = str(column_of(where, shards[0][0].schema.names, preparation, "labels_column"))
    parted, aside = _parted(where, [each for each, _ in shards], preparation)
    notes += aside
    found: list[Picture] = []
    cells: list[tuple[int, str]] = []
    for each, part in shards:
        missing = [name for name in (pictured, labelled, parted) if name and name not in each.schema.names]
        if missing:
            raise DataError(f"{each.path}: has no column {missing[0]!r}, which others of {where} have.")
        around = "" if each.path == where else f"{each.path.relative_to(where).as_posix()}/"
        labels, parts = _cells(each, labelled, parted)
        found += [Picture(f"{around}row {i}", label, part) for i, label in enumerate(labels)]
        cells += enumerate(parts)
    if parted:
        named, said = parts_in(where, parted, cells, told=preparation.part_column is not None)
        notes += said
        if named is not None:
            found = [replace(picture, part=part) for picture, part in zip(found, named, strict=True)]
    classes = tuple(sorted({picture.label for picture in found}, key=natural))
    held = _Held(where, found, [each for each, _ in shards], pictured)
    return Collection(where, tuple(found), classes, held.content, held.stamp, (), notes)


def _parted(where: Path, shards: Sequence[Shard], preparation: Preparation) -> tuple[str | None, tuple[str, ...]]:
    """The column of parts, if there is one; where nobody told of it, only one that all files have, and else a note."""
    columns = dict.fromkeys(name for each in shards for name in each.schema.names)
    parted = column_of(where, [*columns], preparation, "part_column", needed=False)
    without = [each.path.name for each in shards if parted not in each.schema.names]
    if parted is None or not without or preparation.part_column is not None:
        return parted, ()
    return None, (f"Left aside, as no column of parts: {parted!r}, which is not in {several(without)}.",)


def _pictured(where: Path, schema: Any, preparation: Preparation) -> str:
    """The column with the pictures: the one that is told, or the only one that can hold any, or is called so."""
    with readable(where):
        able = [field.name for field in schema if _bytes_type(where, field.type) is not None]
    if preparation.paths_column is not None:
        name = str(column_of(where, schema.names, preparation, "paths_column"))
        if name not in able:
            raise DataError(
                f"{where}: column {name!r} holds {schema.field(name).type}; expected the bytes of pictures."
            )
        return name
    usual = [name for name in able if name.lower() in USUAL["paths_column"]]
    if len(able) != 1 and len(usual) != 1:
        there = listed([f"{field.name}: {field.type}" for field in schema])
        raise DataError(
            f"{where}: {'no column holds' if not able else 'more than one column can hold'} the bytes of pictures, of "
            f"{there}; say which it is with --paths-column (paths_column=)."
        )
    return able[0] if len(able) == 1 else usual[0]


def _bytes_type(where: Path, kind: Any) -> Any:
    """The type of the bytes in a column of pictures, whose cells are those, or have them beside a path; else None."""
    types = pyarrow(where, ".types")
    if types.is_struct(kind):
        kind = next((kind.field(i).type for i in range(kind.num_fields) if kind.field(i).name == "bytes"), None)
    binary = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return kind if kind is not None and any(test(kind) for test in binary) else None


def _cells(each: Shard, labelled: str, parted: str | None) -> tuple[list[str], list[str]]:
    """The class of every row of a file, and what is in its column of parts, if there is one."""
    labels: list[Any] = []
    parts: list[str] = []
    for number in range(len(each.groups)):
        group = each.group(number, [labelled, *([parted] if parted else [])])
        labels += group[labelled].to_pylist()
        parts += [str(value or "") for value in group[parted].to_pylist()] if parted else []
    names = _class_names(each, labelled)
    return [_label(each.path, i, value, names) for i, value in enumerate(labels)], parts


def _label(where: Path, row: int, value: object, names: Sequence[str]) -> str:
    if isinstance(value, str) and value.strip():
        return class_name(value.strip())
    if isinstance(value, int) and names and not isinstance(value, bool):
        if not 0 <= value < len(names):
            raise DataError(f"{where}: row {row} has the class {value}, of {len(names)} that have names.")
        return class_name(names[value])
    if isinstance(value, int):
        return str(value).lower()
    raise DataError(f"{where}: row {row} has {value!r:.80} for a class; expected a text or a whole number.")


def _class_names(each: Shard, column: str) -> tuple[str, ...]:
    """What `datasets` notes that the numbers of a column mean; nothing where it notes nothing."""
    notes: Any = (each.schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(notes).get("info", {}).get("features", {})
        if not features and (beside := each.path.with_name("dataset_info.json")).exists():
            features = _described(beside).get("features", {})
        names = features.get(column, {}).get("names", [])
    except (ValueError, AttributeError, RecursionError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


class _Held:
    """The pictures of some files, by their places among all; a few groups of rows are kept, for any thread."""

    def __init__(self, where: Path, found: Sequence[Picture], shards: Sequence[Shard], column: str) -> None:
        self._where, self._found, self._column = where, found, column
        self._groups = [(each, number) for each in shards for number in range(len(each.groups))]
        self._begins = [0, *accumulate(rows for each in shards for rows in each.groups)]
        self._stamps = {each.path: stamp_of(each.path) for each in shards}
        self._lock, self._at_hand = threading.Lock(), OrderedDict[int, Any]()

    def content(self, place: int) -> bytes:
        """The bytes of a picture. Raises DataError where there are none."""
        number, name = self._number(place), f"{self._where}/{self._found[place].path}"
        cell = self._group(number)[place - self._begins[number]]
        with readable(Path(name)):
            if cell.is_valid and pyarrow(self._where, ".types").is_struct(cell.type):
                cell = cell["bytes"]
            content = cell.as_buffer() if cell.is_valid else None
        if content is None:
            raise FormatError(f"{name}: has no bytes of a picture. Save it with the pictures in it.")
        if content.size > pictures.LARGEST:
            raise FormatError(f"{name}: {content.size:,} bytes; an image may have at most {pictures.LARGEST:,}.")
        return content.to_pybytes()

    def stamp(self, place: int) -> str:
        """What another file in this one's place would change."""
        each, _ = self._groups[self._number(place)]
        return self._stamps[each.path]

    def _number(self, place: int) -> int:
        return bisect_right(self._begins, place) - 1

    def _group(self, number: int) -> Any:
        with self._lock:
            if number not in self._at_hand:
                while len(self._at_hand) >= AT_HAND:
                    self._at_hand.popitem(last=False)
                each, own = self._groups[number]
                self._at_hand[number] = each.group(own, [self._column])[self._column]
            self._at_hand.move_to_end(number)
            return self._at_hand[number]
