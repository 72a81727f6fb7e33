"""Which column of a table holds what: told, or called as such columns usually are; and what its cells say."""

from collections.abc import Sequence
from pathlib import Path

from convlet.checks import listed, nearest
from convlet.datasets.collections.listing import PARTS
from convlet.datasets.collections.preparation import Preparation
from convlet.errors import DataError, InputError

USUAL = {  # what these columns are usually called
    "paths_column": ("path", "file", "filename", "file_name", "filepath", "image_path", "image", "img", "picture"),
    "labels_column": ("label", "labels", "class", "class_name", "category", "target", "y"),
    "part_column": ("part", "split", "subset", "set"),
}


def column_of(
    where: Path, columns: Sequence[str], preparation: Preparation, option: str, *, needed: bool = True
) -> str | None:
    """The column that an option names, or that has a usual name; None where there is none and it is not `needed`.

    Raises InputError where there is none of the name that was told, DataError where it is needed.
    """
    if (told := getattr(preparation, option)) is not None:
        if told not in columns:
            raise InputError(f"{option}={told!r}: {where} has {listed(columns)}.{nearest(told, columns)}")
        return str(told)
    lower = {name.lower(): name for name in reversed(columns)}
    usual = next((lower[name] for name in USUAL[option] if name in lower), None)
    if usual is None and needed:
        flag = f"--{option.replace('_', '-')}"
        raise DataError(
            f"{where}: none of its columns, {listed(columns)}, is called {listed(USUAL[option][:4])}; say which it is "
            f"with {flag} ({option}=)."
        )
    return usual


def parts_in(
    where: Path, column: str, cells: Sequence[tuple[int, str]], *, told: bool
) -> tuple[list[str] | None, tuple[str, ...]]:
    """The part that each of a column's cells names, which are given with their rows; "" for an empty one.

    Where one names no part, the column is another's that is merely called so: None, and a note that says it. Raises
    DataError where it was told that this is the column of parts.
    """
    names = [text.strip().lower() for _, text in cells]
    other = next((i for i, name in enumerate(names) if name not in ("", *PARTS)), None)
    if other is None:
        return [PARTS.get(name, "") for name in names], ()
    row, name = cells[other][0], cells[other][1].strip()[:80]
    if told:
        raise DataError(f"{where}: row {row} has the part {name!r}; expected one of {listed(list(PARTS))}.")
    return None, (f"Left aside, as no column of parts: {column!r}, which has {name!r} in row {row}.",)
