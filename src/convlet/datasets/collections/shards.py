"""Files of rows, Parquet and Arrow: what their columns are, and one group of rows after another of a column.

They are read by pyarrow, an extra, which executes nothing that is in them. No more than a group is ever in memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from convlet.engines import installed
from convlet.errors import DataError, FormatError

EXTRA = "pip install 'convlet[parquet]'"
LARGEST = 1 << 30  # bytes of one group of rows
NAMES = 1 << 26  # bytes of one name in a Parquet file's metadata, and how many there may be


def pyarrow(where: Path, module: str = "") -> Any:
    """The module pyarrow, or one in it. Raises DataError where it is not installed."""
    if not installed("pyarrow"):
        raise DataError(f"{where}: reading it needs pyarrow, which is not installed. Install it with: {EXTRA}")
    return import_module(f"pyarrow{module}")


@contextmanager
def readable(where: Path) -> Iterator[None]:
    """What goes wrong while a file is read is a FormatError that names it."""
    arrow = pyarrow(where)
    try:
        yield
    except (arrow.ArrowException, OSError, EOFError, ValueError, KeyError, TypeError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FormatError(f"{where}: cannot be read: {reason}. Save it again.") from None


@dataclass(frozen=True, eq=False)
class Shard:
    """A file of rows: its columns, as a pyarrow schema; how many rows each of its groups has; where each begins.

    Make one with `shard`.
    """

    path: Path
    schema: Any
    groups: tuple[int, ...]
    positions: tuple[int, ...] | None = None  # of the groups of an Arrow file, in bytes; None of a Parquet file

    def group(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Columns of a group by name, each a pyarrow array, sound. Raises FormatError."""
        with readable(self.path):
            read = self._parquet if self.positions is None else self._arrow
            arrays = read(number, columns)
            for array in arrays.values():
                array.validate(full=True)
                if len(array) != self.groups[number]:
                    raise ValueError(f"a group of {self.groups[number]:,} rows has {len(array):,}")
            return arrays

    def _parquet(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        with _parquet_file(self.path) as file:
            size = file.metadata.row_group(number).total_byte_size  # (to ask a column for its own may end the process)
            if size > LARGEST:
                raise ValueError(f"{size:,} bytes in one group of rows, of at most {LARGEST:,}")
            table = file.read_row_group(number, columns=[*columns])
        return {name: table.column(name) for name in columns}

    def _arrow(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        assert self.positions is not None
        arrow = pyarrow(self.path)
        with arrow.OSFile(str(self.path)) as file:
            file.seek(self.positions[number])
            batch = arrow.ipc.read_record_batch(arrow.ipc.read_message(file), self.schema)
        return {name: batch.column(name) for name in columns}


def shard(path: Path) -> Shard:
    """A Parquet file, or a file of Arrow's stream as `save_to_disk` writes it. Raises DataError or FormatError."""
    if not path.is_file():
        raise DataError(f"{path}: no such file, or not a regular one.")
    with readable(path):
        if path.suffix.lower() == ".parquet":
            with _parquet_file(path) as file:
                rows = tuple(file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups))
                found = Shard(path, file.schema_arrow, rows)
        else:
            found = _arrow_shard(path)
        found.schema.names  # noqa: B018 (names that are no text are refused here)
    return found


def _parquet_file(path: Path) -> Any:
    limits = {"thrift_string_size_limit": NAMES, "thrift_container_size_limit": NAMES}
    return pyarrow(path, ".parquet").ParquetFile(path, **limits)


def _arrow_shard(path: Path) -> Shard:
    arrow, rows, positions = pyarrow(path, ".ipc"), [], []
    with pyarrow(path).OSFile(str(path)) as file:
        schema = arrow.open_stream(file).schema
        size = file.size()
        while (position := file.tell()) < size:
            try:
                message = arrow.read_message(file)
            except EOFError:  # the stream's end, which is written in eight bytes
                break
            if message.type != "record batch":
                raise ValueError(f"it holds a {message.type}, where rows are expected")
            rows.append(arrow.read_record_batch(message, schema).num_rows)
            positions.append(position)
    return Shard(path, schema, tuple(rows), tuple(positions))
