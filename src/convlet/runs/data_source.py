"""What a run is trained on, as a recipe says it: a name or a path, and how its pictures are prepared."""

import os
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from convlet import datasets
from convlet.checks import one_of, whole_number
from convlet.datasets import KINDS, MEMORY, ByPart, Dataset, Pair, Progress, as_dataset, numbered_from_0
from convlet.datasets.collections.earlier import changes, read_split
from convlet.datasets.collections.preparation import CHANNELS, COLUMNS, Preparation
from convlet.datasets.dataset import known_as
from convlet.descriptions.network import Sequential
from convlet.descriptions.tables import set_canonical
from convlet.errors import ChangedError, DataError, InputError


def is_fingerprint(value: Any) -> bool:
    """Whether this is a SHA-256 as hexadecimal digits."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


@dataclass(frozen=True)
class DataSource:
    """What to train on, as `datasets.load` takes it; of it the first `train_images` to train on.

    `sha256` is the fingerprint that the data must have: a run notes that of its own. A run on arrays has the source
    "in memory", which nothing can load again. `kind` says that it shows "digits" or "letters", where it does not say
    so itself. All else says how pictures are prepared, as `Preparation` does; what is
    left out is chosen from them, and a run notes what that was.
    """

    source: str = "mnist"
    train_images: int | None = None
    sha256: str | None = None
    kind: str | None = None
    image_size: tuple[int, int] | None = None
    fit: str | None = None
    channels: int | None = None
    skip_broken: bool = False
    paths_column: str | None = None
    labels_column: str | None = None
    part_column: str | None = None

    def __post_init__(self) -> None:
        set_canonical(self, **asdict(self.preparation))
        if self.sha256 is not None and not is_fingerprint(self.sha256):
            raise InputError(f"sha256={self.sha256!r}: expected 64 hexadecimal digits; or leave it out.")
        if not (isinstance(self.source, str) and self.source.encode(errors="ignore").decode() == self.source):
            raise InputError(f"source={self.source!r}: expected a name or a path, such as 'mnist'.")
        if self.train_images is not None:
            set_canonical(self, train_images=whole_number("train_images", self.train_images))
        one_of("kind", self.kind, (*KINDS, None))

    @property
    def preparation(self) -> Preparation:
        """How pictures are prepared. Raises InputError where that cannot be."""
        return Preparation(**{item.name: getattr(self, item.name) for item in fields(Preparation)})

    def suited_to(self, network: Sequential) -> "DataSource":
        """The same source, with pictures as a network takes them where nobody says how large, or how many channels."""
        if datasets.kind_of(self.source) not in datasets.COLLECTIONS or len(network.input_shape) != 3:
            return self
        height, width, channels = network.input_shape
        known = channels if channels in CHANNELS else None
        return replace(self, image_size=self.image_size or (height, width), channels=self.channels or known)

    def load(
        self, progress: Progress = lambda done, total: None, *, split: Path | None = None, changed: bool = False
    ) -> Dataset:
        """The data set, with its classes numbered as they were when it was trained on, if there is a fingerprint.

        `split` is the `split.csv` of a run that was trained on it: its pictures are in the parts that they were in.
        With `changed`, data that are others than they were are taken as they are, and its notes say so.

        Raises DataError or InputError where it cannot be had, or is another than it was; of pictures it says which.
        """
        if self.source == MEMORY:
            raise DataError(
                "data: the run names none: it was trained on arrays in memory, or taken in without any. Say where some "
                "are: a name or a path."
            )
        collected = datasets.kind_of(self.source) in datasets.COLLECTIONS
        data = datasets.load(
            self.source, **asdict(self.preparation), split=split if collected else None, progress=progress
        )
        if self.train_images is not None:
            if self.train_images > len(data.train):
                raise InputError(f"train_images={self.train_images}: {self.source} has only {len(data.train):,}.")
            data = data.shortened(self.train_images)
        if self.kind is not None:
            data = known_as(replace(data, kind=self.kind), data.source, data.collected)
        return data if self.sha256 is None else self._as_it_was(data, changes_in(data, split), changed)

    def _as_it_was(self, data: Dataset, found: str, changed: bool) -> Dataset:
        """The data, if it is what was trained on: numbered as it was then. Raises ChangedError where it is not."""
        assert self.sha256 is not None
        same = data.sha256 == self.sha256
        if not same and (before := numbered_from_0(data)).sha256 == self.sha256:
            return before
        if changed and found and data.collected is not None:
            note = f"Not as they were when the run was trained, and taken as they are: {found}."
            return known_as(data, data.source, replace(data.collected, notes=(*data.collected.notes, note)))
        if changed or (same and not found):
            return data
        if found:
            raise ChangedError(
                f"data {self.source!r}: not all of its pictures are as they were when the run was trained: {found}. "
                "Put them back as they were."
            )
        raise ChangedError(
            f"data {self.source!r}: its training and validation examples have the fingerprint {data.sha256[:12]}…, "
            f"those that were trained on {self.sha256[:12]}…: it is not the same data. Name the data you mean."
        )

    def load_parts(self, progress: Progress = lambda done, total: None) -> ByPart:
        """What there is, to evaluate on, with nothing held out. Raises as `datasets.load_parts` does."""
        return datasets.load_parts(self.source, self.preparation, progress)

    def at(self, source: str | None, *, skip_broken: bool = False) -> "DataSource":
        """The same data, where it is now: at another source, if one is named; without pictures broken since, if so."""
        return replace(self, source=source or self.source, skip_broken=skip_broken or self.skip_broken)

    def other(self, source: str) -> "DataSource":
        """Other data, its pictures prepared alike; and from a table's columns of the same names, where both are one."""
        own, kind = datasets.kind_of(self.source), datasets.kind_of(source)
        if kind not in datasets.COLLECTIONS:
            return DataSource(source, kind=self.kind)
        columns: dict[str, Any] = dict.fromkeys(COLUMNS) if kind != own else {}
        return replace(self, source=source, train_images=None, sha256=None, **columns)

    def without_place(self) -> "DataSource":
        """The same, by the last part of its path alone, for what may be sent along: folders have users' names."""
        name = Path(self.source).name
        reserved = name in ("mnist", MEMORY) and name != self.source  # a folder that is called as what is no folder
        return replace(self, source=f"./{name}" if reserved else name or self.source)

    def resolved(self, data: Dataset) -> "DataSource":
        """The same source, to be found from any folder, with the fingerprint of the data that it gave."""
        path = self.source if self.source in ("mnist", MEMORY) else os.path.abspath(self.source)  # noqa: PTH100
        prepared = asdict(data.collected.preparation) if data.collected else {}
        return replace(self, source=path, sha256=data.sha256, **prepared)


def changes_in(data: Dataset, split: Path | None) -> str:
    """Which pictures are not as a run's `split.csv` has them, in words; empty where all are, or there are none."""
    return "" if split is None or data.collected is None else changes(read_split(split), data.collected.files)


def data_for(
    network: Sequential,
    own: DataSource,
    given: Dataset | str | Path | Pair | None,
    *,
    split: Path | None = None,
    changed: bool = False,
    **further: Any,
) -> tuple[Dataset, DataSource]:
    """The data that is given for a network, or else a recipe's own; and where it is found.

    A name or path is loaded as the recipe says, with no more than its `train_images`, and pictures as the network takes
    them, in the parts of a `split` and where they may have `changed`; all else is taken whole, with what `as_dataset`
    takes beside it. Raises InputError where nothing is given and the recipe has none, and as `as_dataset` and
    `DataSource.load` do.
    """
    source = own
    if isinstance(given, str | Path):
        named = given if isinstance(given, str) else str(given.absolute())  # Path("mnist") is a path, "mnist" is none
        source = replace(own.other(named), train_images=own.train_images)
    loaded = None
    if isinstance(given, str | Path) or (given is None and own.source != MEMORY):
        source = source.suited_to(network)
        loaded = source.load(split=split, changed=changed)
    data = as_dataset(loaded or given, **further)
    return data, source if data is loaded else DataSource(data.source)
