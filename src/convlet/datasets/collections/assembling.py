"""From a collection of pictures to a data set: all that happens on the way, in its order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.by_part import ByPart
from convlet.datasets.collections.choosing import choose
from convlet.datasets.collections.decoding import ColourFoundError, Decoded, decode
from convlet.datasets.collections.earlier import parts_as_before
from convlet.datasets.collections.listing import SHOWN, Collection, Picture
from convlet.datasets.collections.parts import in_order, with_parts
from convlet.datasets.collections.preparation import Collected, Filed, Preparation, Progress
from convlet.datasets.dataset import Dataset
from convlet.datasets.labelled import Examples
from convlet.datasets.stored import StoredImages
from convlet.environment import chosen_threads
from convlet.errors import DataError

PARTS = ("train", "validation", "test")
IN_MEMORY = 1 << 29  # bytes of all images; more are read from the file where they are kept, as they are needed


@dataclass(frozen=True, eq=False)
class _Read:
    """The pictures of a collection that could be read, in order: where each is among the decoded, and what it shows."""

    decoded: Decoded
    places: list[int]
    pictures: list[Picture]
    digests: list[bytes]
    prepared: Preparation
    notes: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]


def assembled(
    collection: Collection, asked: Preparation, progress: Progress, before: Sequence[Filed] = ()
) -> tuple[Dataset, Collected]:
    """The data set of a collection, and what it knows of its pictures.

    Those that were `before` in some part, and have none of their own, are in it again. Raises DataError where there is
    no such data set.
    """
    where = str(collection.where)
    _check_classes(where, collection.classes)
    read = _read(collection, asked, progress)
    labels = [picture.label for picture in read.pictures]
    said: tuple[str, ...] = ()
    if before:
        parts = parts_as_before(read.pictures, read.digests, before)
    else:
        parts, said = with_parts(where, labels, [picture.part for picture in read.pictures], read.digests)
    classes = _classes(where, collection.classes, labels, parts, asked.skip_broken)
    return Dataset(_name(collection.where), classes, **_examples(read, parts, classes)), _collected(read, parts, said)


def as_given(collection: Collection, asked: Preparation, progress: Progress) -> ByPart:
    """The parts that a collection has, or all of it as "test", to evaluate on. Raises DataError where it cannot be."""
    read = _read(collection, asked, progress)
    divided = any(picture.part for picture in read.pictures)
    parts = [picture.part or ("train" if divided else "test") for picture in read.pictures]
    there = {picture.label for picture in read.pictures}
    classes = tuple(name for name in collection.classes if name in there)
    return ByPart(_name(collection.where), classes, _examples(read, parts, classes), _collected(read, parts, ()))


def _read(collection: Collection, asked: Preparation, progress: Progress) -> _Read:
    """All that can be read of a collection. Raises DataError where something cannot, unless that is to be skipped."""
    where, skipping = str(collection.where), asked.skip_broken
    notes = [*collection.notes, *_faults(where, collection.faults, skipping)]
    decoded, chosen, said = _decoded(collection, asked, progress)
    broken = tuple(_broken(collection, place, decoded.broken[place]) for place in sorted(decoded.broken))
    if broken and not skipping:
        raise DataError(_refused(collection, decoded.broken))
    notes += [*said, *_left_out(collection, broken)]
    places = [int(place) for place in in_order(decoded.digests) if int(place) not in decoded.broken]
    if not places:
        raise DataError(f"{where}: none of its {len(collection.pictures):,} pictures can be read.")
    pictures = [collection.pictures[place] for place in places]
    digests = [decoded.digests[place].tobytes() for place in places]
    return _Read(decoded, places, pictures, digests, chosen, tuple(notes), broken)


def _collected(read: _Read, parts: Sequence[str], said: tuple[str, ...]) -> Collected:
    files = sorted(
        (Filed(p.path, p.label, part, d.hex()) for p, part, d in zip(read.pictures, parts, read.digests, strict=True)),
        key=lambda file: PARTS.index(file.part),
    )
    return Collected(read.prepared, tuple(files), (*read.notes, *said), read.broken, _where(read.decoded))


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
    return decoded, chosen.preparation, chosen.notes


def _where(decoded: Decoded) -> tuple[str, ...]:
    if decoded.kept is None:
        return ()
    size = decoded.kept.pixels.stat().st_size / 1e6
    return (f"Decoded pictures are kept in {decoded.kept.folder} ({size:,.0f} MB), which may be deleted at any time.",)


def _faults(where: str, faults: Sequence[str], skipping: bool) -> list[str]:
    if faults and not skipping:
        raise DataError(f"{where}: {'; '.join(faults[:SHOWN])}. {_remedy('that')}")
    return [f"Left out: {fault}." for fault in faults]


def _broken(collection: Collection, place: int, message: str) -> tuple[str, str]:
    """A broken picture's path in the collection, and why it is, without the folders above: they have users' names."""
    path = Path(collection.pictures[place].path)
    shown = path.name if path.is_absolute() else collection.pictures[place].path
    return shown, message.partition(f"{path.name}: ")[2]


def _refused(collection: Collection, broken: dict[int, str]) -> str:
    first = " ".join(broken[place] for place in sorted(broken)[:SHOWN])
    many = f"{len(broken):,} of {len(collection.pictures):,} pictures are broken"
    return f"{collection.where}: {many}: {first} {_remedy('them')}"


def _left_out(collection: Collection, broken: Sequence[tuple[str, str]]) -> list[str]:
    if not broken:
        return []
    first = " ".join(f"{path}: {why}" for path, why in broken[:SHOWN])
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


def _examples(read: _Read, parts: Sequence[str], classes: tuple[str, ...]) -> dict[str, Any]:
    """The examples of each part that there is, by its name."""
    numbers = {name: number for number, name in enumerate(classes)}
    examples = {}
    for part in (name for name in PARTS if name in parts):
        own = [i for i, other in enumerate(parts) if other == part]
        labels = np.array([numbers[read.pictures[i].label] for i in own], np.int64)
        labels.flags.writeable = False
        examples[part] = Examples(_images(read.decoded, [read.places[i] for i in own]), labels, classes)
    return examples


def _images(decoded: Decoded, places: list[int]) -> NDArray[np.uint8] | StoredImages:
    if isinstance(decoded.pixels, StoredImages) and decoded.pixels.nbytes > IN_MEMORY:
        return decoded.pixels.take(places)
    images = decoded.pixels[places]
    images.flags.writeable = False
    return images


def _name(where: Path) -> str:
    path = where.resolve()
    return path.name if where.is_dir() else path.stem
