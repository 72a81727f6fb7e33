"""Which pictures train, validate and test, where a collection does not say.

A share of each class is held out, chosen by the pictures' own pixels: always the same ones, wherever their files are
and whatever they are called; and pictures of the same pixels, copies, are never on two sides.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.collections.listing import natural
from convlet.errors import DataError

SHARE = 0.1  # of each class, for validation and for testing each
HELD_OUT = ("test", "validation")


def with_parts(
    where: str, labels: Sequence[str], given: Sequence[str], digests: Sequence[bytes]
) -> tuple[list[str], tuple[str, ...]]:
    """Each picture's part, and what is to be said of it.

    `given` are the parts that the collection has, "" for none; of what it has for training, or for nothing, those parts
    are held out that it has not. Raises DataError where a class has too few pictures for that.
    """
    parts = [part or "train" for part in given]
    if "train" not in parts:
        raise DataError(
            f"{where}: has no training pictures: expected a folder train/ beside {' and '.join(set(parts))}/."
        )
    missing = [part for part in HELD_OUT if part not in parts]
    settled: dict[bytes, str] = {}
    for label, groups in _copies(labels, parts, digests).items() if missing else ():
        _hold_out(where, label, groups, parts, missing, settled)
    notes = [_straddling(parts, digests), _held(parts, missing) if missing else ""]
    return parts, tuple(note for note in notes if note)


def _copies(labels: Sequence[str], parts: list[str], digests: Sequence[bytes]) -> dict[str, dict[bytes, list[int]]]:
    """The training pictures of each class, in natural order, by place: those of the same pixels together."""
    classes: dict[str, dict[bytes, list[int]]] = {}
    for place, (label, part, digest) in enumerate(zip(labels, parts, digests, strict=True)):
        if part == "train":
            classes.setdefault(label, {}).setdefault(digest, []).append(place)
    return {label: classes[label] for label in sorted(classes, key=natural)}


def _hold_out(
    where: str,
    label: str,
    groups: dict[bytes, list[int]],
    parts: list[str],
    missing: Sequence[str],
    settled: dict[bytes, str],
) -> None:
    """Move a share of the training pictures of a class to each of the missing parts, copies together.

    `settled` has the parts of the pictures of the classes before: copies of these are in the same, and count.
    """
    if len(groups) <= len(missing):
        raise DataError(
            f"{where}: class {label!r} has {len(groups)} different pictures to train on; expected at least "
            f"{len(missing) + 1}, as {' and '.join(missing)} pictures are held out. Add some, or give the parts "
            "themselves: folders train/, validation/ and test/."
        )
    wanted = max(round(SHARE * sum(map(len, groups.values()))), 1)
    waiting = [digest for digest in sorted(groups) if digest not in settled]
    own = {digest: settled[digest] for digest in groups if digest in settled}
    for i, part in enumerate(missing):
        taken = sum(len(groups[digest]) for digest in own if own[digest] == part)
        while taken < wanted and len(waiting) > len(missing) - i:
            digest = waiting.pop()
            own[digest] = part
            taken += len(groups[digest])
    for digest, places in groups.items():
        settled[digest] = own.get(digest, "train")
        for place in places:
            parts[place] = settled[digest]


def _held(parts: Sequence[str], missing: Sequence[str]) -> str:
    counts = " and ".join(f"{parts.count(part):,} for {part}" for part in reversed(missing))
    return f"Held out, a tenth of each class: {counts}; {parts.count('train'):,} are left to train on."


def _straddling(parts: Sequence[str], digests: Sequence[bytes]) -> str:
    trained = {digest for part, digest in zip(parts, digests, strict=True) if part == "train"}
    copies = sum(part != "train" and digest in trained for part, digest in zip(parts, digests, strict=True))
    return (
        f"{copies:,} pictures for validation or test are copies of training pictures: they prove nothing."
        if copies
        else ""
    )


def in_order(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The pictures in an order that is as good as random, and the same wherever their files are: by fingerprint."""
    return np.argsort(digests.view(f"S{digests.shape[1]}").ravel(), kind="stable")
