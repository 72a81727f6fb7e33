"""How a collection's pictures are found and brought to one shape: the options of `load`, which a run keeps.

What it is not: the pictures. Nothing here needs Pillow.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from convlet.checks import one_of, pair, true_or_false
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError

FITS = ("crop", "pad", "stretch")
CHANNELS = (1, 3)
LARGEST_SIDE = 1024  # pixels of an image a network sees; beyond it is a slip
COLUMNS = ("paths_column", "labels_column", "part_column")

Progress = Callable[[int, int], None]  # pictures that are done, and how many there are


@dataclass(frozen=True)
class Preparation:
    """How pictures are found and brought to one shape; what is None is chosen from the data.

    Attributes:
        image_size: (H, W) of every image.
        fit: how a picture of other proportions gets there: "crop" takes its middle, "pad" puts it on a ground of its
            border's colour, "stretch" distorts it.
        channels: 1 for grey, 3 for colour.
        skip_broken: whether pictures that cannot be read, and classes without any, are left out; else they are errors.
        paths_column, labels_column, part_column: the columns of a table that name the pictures, their classes and their
            parts.

    Raises InputError where one of them is none of these.
    """

    image_size: tuple[int, int] | None = None
    fit: str | None = None
    channels: int | None = None
    skip_broken: bool = False
    paths_column: str | None = None
    labels_column: str | None = None
    part_column: str | None = None

    def __post_init__(self) -> None:
        if self.image_size is not None:
            size = pair("image_size", self.image_size)
            if max(size) > LARGEST_SIDE:
                raise InputError(f"image_size={self.image_size!r}: expected up to {LARGEST_SIDE:,} pixels a side.")
            set_canonical(self, image_size=size)
        one_of("fit", self.fit, (*FITS, None))
        if self.channels is not None and (isinstance(self.channels, bool) or self.channels not in CHANNELS):
            raise InputError(f"channels={self.channels!r}: expected 1 for grey or 3 for colour.")
        true_or_false("skip_broken", self.skip_broken)
        for name in COLUMNS:
            if not isinstance(getattr(self, name), str | None):
                raise InputError(f"{name}={getattr(self, name)!r}: expected the name of a column, as text.")

    def given(self) -> dict[str, Any]:
        """What was said, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}


@dataclass(frozen=True)
class Filed:
    """Where a picture of a collection came to be: its path in it, its class, its part; a fingerprint of its pixels."""

    path: str
    label: str
    part: str
    pixels: str


@dataclass(frozen=True, eq=False, repr=False)
class Collected:
    """What a data set knows of the pictures it was made of.

    Attributes:
        preparation: how they were prepared, with nothing left to be chosen.
        files: each picture that is in it, part by part, in the order of the part's images.
        notes: what there is to say of it, in sentences.
        broken: the path in it of each picture that is left out since it cannot be read, and why.
        here: sentences on this machine, to be said when it is loaded, but no part of a report: they have users' names.
    """

    preparation: Preparation
    files: tuple[Filed, ...]
    notes: tuple[str, ...]
    broken: tuple[tuple[str, str], ...] = ()
    here: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """What is said where it is loaded."""
        return *self.notes, *self.here

    def paths(self, part: str) -> tuple[str, ...]:
        """The path of each image of a part, in order."""
        return tuple(file.path for file in self.files if file.part == part)

    def shortened(self, images: int) -> "Collected":
        """The same, where only the first so many of the training images are left."""
        trained = sum(file.part == "train" for file in self.files)  # which come first
        return replace(self, files=self.files[:images] + self.files[trained:])

    def split_csv(self) -> bytes:
        """Which picture is in which part, as a table: path, label, part, pixels. Names that are no text stay whole."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow([item.name for item in fields(Filed)])
        writer.writerows((file.path, file.label, file.part, file.pixels) for file in self.files)
        return table.getvalue().encode("utf-8", "surrogateescape")
