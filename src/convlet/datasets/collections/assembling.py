"""From a collection of pictures to a data set: all that happens on the way, in its order."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.collections.choosing import choose
from convlet.datasets.collections.decoding import ColourFoundError, Decoded, decode
from convlet.datasets.collections.earlier import parts_as_before
from convlet.datasets.collections.listing import SHOWN, Collection
from convlet.datasets.collections.parts import in_order, with_parts
from convlet.datasets.collections.preparation import Collected, Filed, Preparation, Progress
from convlet.datasets.dataset import Dataset
from convlet.datasets.labelled import Examples
from convlet.datasets.stored import StoredImages
from convlet.environment import chosen_threads
from convlet.errors import DataError

PARTS = ("train", "validation", "test")
IN_MEMORY = 1 << 29  # bytes of all images; more are read from the file where they are kept, as they are needed


def assembled(
    collection: Collection, asked: Preparation, progress: Progress, before: Sequence[Filed] = ()
) -> tuple[Dataset, Collected]:
    """The data set of a collection, and what it knows of its pictures.

    Those that were `before` in some part, and have none of their own, are in it again. Raises DataError where there is
    no such data set.
    """
    where, skipping = str(collection.where), asked.skip_broken
    notes = [*collection.notes, *_faults(where, collection.faults, skipping)]
    _check_classes(where, collection.classes)
    decoded, chosen, said = _decoded(collection, asked, progress)
    notes += [*said, *_broken(collection, decoded.broken, skipping)]
    order = [int(place) for place in in_order(decoded.digests) if int(place) not in decoded.broken]
    if not order:
        raise DataError(f"{where}: none of its {len(collection.pictures):,} pictures can be read.")
    pictures = [collection.pictures[place] for place in order]
    digests = [decoded.digests[place].tobytes() for place in order]
    labels = [picture.label for picture in pictures]
    given = [picture.part for picture in pictures]
    if before:
        parts, said = parts_as_before(pictures, digests, before), ()
    else:
        parts, said = with_parts(where, labels, given, digests)
    classes = _classes(where, collection.classes, labels, parts, skipping)
    files = sorted(
        (Filed(p.path, p.label, part, d.hex()) for p, part, d in zip(pictures, parts, digests, strict=True)),
        key=lambda file: PARTS.index(file.part),
    )
    collected = Collected(chosen, tuple(files), (*notes, *said))
    examples: dict[str, Any] = {
        part: _examples(decoded, [place for place, own in zip(order, parts, strict=True) if own == part], labels_of)
        for part in PARTS
        if (labels_of := _numbers(labels, parts, part, classes)).size
    }
    return Dataset(_name(collection.where), classes, **examples), collected


def _decoded(
    collection: Collection, asked: Preparation, progress: Progress
) -> tuple[Decoded, Preparation, tuple[str, ...]]:
    """All pictures decoded; in colour, where one of those that were not looked at first has colours."""
    chosen = choose(collection, asked)
    grey_only = asked.channels is None and chosen.preparation.channels == 1
    threads = chosen_threads()
    try:
        decoded = decode(collection, chosen.preparation, grey_only=grey_only, threads=threads, progress=progress)
    except ColourFoundError:
        return _decoded(collection, replace(asked, channels=3), progress)
    return decoded, chosen.preparation, (*chosen.notes, *_where(decoded))


def _where(decoded: Decoded) -> list[str]:
    if decoded.kept is None:
        return []
    size = decoded.kept.pixels.stat().st_size / 1e6
    return [f"Decoded pictures are kept in {decoded.kept.folder} ({size:,.0f} MB), which may be deleted at any time."]


def _faults(where: str, faults: Sequence[str], skipping: bool) -> list[str]:
    if faults and not skipping:
        raise DataError(f"{where}: {'; '.join(faults[:SHOWN])}. {_remedy('that')}")
    return [f"Left out: {fault}." for fault in faults]


def _broken(collection: Collection, broken: dict[int, str], skipping: bool) -> list[str]:
    """What to say of broken pictures, where they are left out; else they are an error."""
    if not broken:
        return []
    first = " ".join(broken[place] for place in sorted(broken)[:SHOWN])
    if not skipping:
        raise DataError(
            f"{collection.where}: {len(broken):,} of {len(collection.pictures):,} pictures are broken: {first} "
            f"{_remedy('them')}"
        )
    return [f"Left out, as broken: {len(broken):,} of {len(collection.pictures):,} pictures: {first}"]


def _remedy(what: str) -> str:
    return f"Mend {what}, or go on without: skip_broken=True (--skip-broken)."


def _check_classes(where: str, classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise DataError(f"{where}: holds one class only, {classes[0]!r}; expected a folder for each of at least two.")


def _classes(
    where: str, classes: tuple[str, ...], labels: Sequence[str], parts: Sequence[str], skipping: bool
) -> tuple[str, ...]:
    """Those classes that there are pictures of to train on: all, unless broken ones are skipped."""
    trained = {label for label, part in zip(labels, parts, strict=True) if part == "train"}
    left = tuple(name for name in classes if name in trained)
    for label, part in zip(labels, parts, strict=True):
        if label not in trained:
            raise DataError(
                f"{where}: class {label!r} is in {part}, but has no picture to train on. Add some, or leave it out."
            )
    assert skipping or left == classes
    _check_classes(where, left or classes[:1])
    return left


def _numbers(labels: Sequence[str], parts: Sequence[str], part: str, classes: tuple[str, ...]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[label] for label, own in zip(labels, parts, strict=True) if own == part], np.int64)


def _examples(decoded: Decoded, places: list[int], labels: NDArray[np.int64]) -> Examples:
    labels.flags.writeable = False
    if isinstance(decoded.pixels, StoredImages) and decoded.pixels.nbytes > IN_MEMORY:
        return Examples(decoded.pixels.take(places), labels)
    images = decoded.pixels[places]
    images.flags.writeable = False
    return Examples(images, labels)


def _name(where: Path) -> str:
    path = where.resolve()
    return path.name if where.is_dir() else path.stem
