"""What there is to know of a data set before a network is trained on it: what is in it, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import COLLECTIONS, Dataset, Pair, as_dataset, kind_of, load
from convlet.datasets.collections.headers import Headers
from convlet.datasets.duplicates import fingerprint, grouped
from convlet.engines import default_engine
from convlet.environment import limit_threads
from convlet.errors import DataError
from convlet.inspection import findings as found
from convlet.inspection.crossing import FEWEST, Crossed, crossed
from convlet.inspection.doubts import doubtful, unlike
from convlet.inspection.files import header_findings, header_properties, headers_of
from convlet.inspection.findings import GRAVITIES, Finding
from convlet.inspection.near import near_pairs
from convlet.inspection.properties import FLAT, Measures, measures, unusual
from convlet.inspection.shortcuts import Shortcut, shortcuts
from convlet.inspection.views import Place, Row
from convlet.randomness import check_seed
from convlet.showing import shown

Tell = Callable[[str], None]  # what is being done now


@dataclass(frozen=True, eq=False, repr=False)
class Inspection:
    """A data set, looked at. Images are named by their place in a row of all parts: train, validation, test.

    Attributes:
        data: what was looked at.
        findings: what is wrong with it, or may be, the worst first.
        measures: brightness, contrast, sharpness and, of colours, colourfulness of every image, (N,) each.
        shortcuts: how well each property alone predicts the class, the best first.
        headers: of a collection of pictures, what their files are.
        crossed: what networks say of images they were not trained on; None where none were trained.
    """

    data: Dataset
    findings: tuple[Finding, ...]
    measures: Measures
    shortcuts: tuple[Shortcut, ...]
    headers: Headers | None
    crossed: Crossed | None
    row: Row

    def __repr__(self) -> str:
        """How many images, and how many findings of each gravity."""
        counts = ", ".join(f"{n} to {name}" for name in GRAVITIES if (n := len(self.of(name))))
        return f"<Inspection of {self.data.name!r}, {len(self.row):,} images: {counts or 'nothing found'}>"

    def of(self, gravity: str) -> tuple[Finding, ...]:
        """The findings of a gravity: what to "mend", to "look" at, to "know"."""
        return tuple(finding for finding in self.findings if finding.gravity == gravity)

    def place(self, image: int) -> Place:
        """Where an image is: its part, its number in it, its file."""
        return self.row.place(image)

    @property
    def accuracy(self) -> float | None:
        """What the small networks reach on images that they were not trained on; None where none were trained."""
        if self.crossed is None:
            return None
        return float((self.crossed.probabilities.argmax(axis=1) == self.row.labels).mean())

    def summary(self) -> None:
        """Print what was found."""
        shown("terminal.inspection", "print_inspection", self)

    def report(self, path: str | Path) -> Path:
        """Write it as one HTML file, with the pictures, for any screen. Returns it. Raises StorageError."""
        written: Path = shown("html.inspection", "write", self, path)
        return written

    def _repr_html_(self) -> str:
        """What a notebook shows: the findings, with their first images."""
        text: str = shown("html.inspection", "in_a_notebook", self)
        return text


def inspect(
    data: Dataset | str | Path | Pair,
    *,
    training: bool = True,
    engine: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    tell: Tell = lambda text: None,
) -> Inspection:
    """Look at a data set: at its files, its images, and its labels.

    `data` is a Dataset, a name or path as `datasets.load` takes it, or (images, labels). What needs small networks,
    doubtful labels and images unlike the others, is left out with `training=False`, and where a class has fewer than 5
    images. `threads` is how many this process uses from now on. `tell` is called with what is being done. The same seed
    finds the same.

    Raises InputError and DataError as `datasets.load` does; broken pictures are a finding, no error.
    """
    check_seed(seed)
    if threads is not None:
        limit_threads(threads)
    row = Row(_loaded(data))
    tell("Looking at every image.")
    headers, measured = headers_of(row), measures(row)
    groups = _groups(row)
    flat = measured["contrast"] < FLAT
    tell("Comparing every image with every other.")
    near = near_pairs(row, _first_of_each(groups, ~flat))
    ways = shortcuts({**measured, **header_properties(headers)}, row.labels, seed)
    judged = _judged(row, groups, engine, seed, tell) if training else None
    collected = row.data.collected
    everything = [
        *found.broken_files(collected.broken if collected else ()),
        *found.copies(row, groups),
        *found.near_copies(row, near),
        *found.flat_images(np.flatnonzero(flat)),
        *(
            found.doubtful_labels(row, judged.probabilities, doubtful(judged.probabilities, row.labels))
            if judged
            else ()
        ),
        *found.short_ways(row, ways),
        *found.unusual_images(unusual(measured)),
        *header_findings(headers),
        *found.balance(row),
        *(found.unlike_others(unlike(judged.distances)) if judged else ()),
    ]
    ranked = tuple(sorted(everything, key=lambda finding: GRAVITIES.index(finding.gravity)))
    return Inspection(row.data, ranked, measured, tuple(ways), headers, judged, row)


def _loaded(data: Dataset | str | Path | Pair) -> Dataset:
    if isinstance(data, str | Path):
        return load(data, skip_broken=True) if kind_of(data) in COLLECTIONS else load(data)
    return as_dataset(data)


def _groups(row: Row) -> NDArray[np.int64]:
    """The group of each image, (N,): copies have one."""
    digests = np.array([fingerprint(image) for piece in row.pieces() for image in piece])
    return grouped(digests.view(f"V{digests.shape[1]}").ravel())


def _first_of_each(groups: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first image of each group, if it is wanted."""
    _, first = np.unique(groups, return_index=True)
    first = np.sort(first)
    return first[wanted[first]]


def _judged(row: Row, groups: NDArray[np.int64], engine: str | None, seed: int, tell: Tell) -> Crossed | None:
    """What small networks say of images they were not trained on; None where a class has too few for that."""
    different = np.unique(np.stack([groups, row.labels]), axis=1)[1]  # of copies, which are never divided, only one
    present = np.bincount(different, minlength=len(row.data.classes))
    if len(present) < 2 or present.min() < FEWEST:
        return None

    def told(done: int, total: int) -> None:
        if done < total:
            tell(f"Training small networks: {done} of {total} done.")

    try:
        return crossed(row, groups, engine=engine or default_engine(), seed=seed, tell=told)
    except DataError:  # made small, a part of them is nearly black: no network would learn from it
        return None
