"""What is wrong with a data set, or may be, in words: one finding a fault, with the images it concerns.

What it is not: how a fault is found. Nothing here looks at a pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.inspection.doubts import Doubts
from convlet.inspection.near import Near
from convlet.inspection.properties import Unusual
from convlet.inspection.shortcuts import ALARM, Shortcut
from convlet.inspection.views import Array, Row
from convlet.runs.evaluation import commonest

MEND, LOOK, KNOW = "mend", "look", "know"
GRAVITIES = (MEND, LOOK, KNOW)  # what must be mended; what is worth a look; what one should know
UNEVEN = 5  # times as many images, from which on classes are unbalanced
JUDGES = 0.3  # of the way from naming the commonest class to certainty: networks that come less far judge no label
FEW = 20  # images of a class, below which little can be learnt or proven

Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """One case of a fault: the images it concerns, by their places, and what there is to say of them."""

    images: tuple[int, ...]
    remark: str = ""


@dataclass(frozen=True)
class Finding:
    """A fault: how grave it is, what it is, what to do, and its cases, the worst first.

    `kind` is its name, for programs; `gravity` is "mend", "look" or "know".
    """

    kind: str
    gravity: str
    title: str
    advice: str
    cases: tuple[Case, ...] = ()

    @property
    def images(self) -> tuple[int, ...]:
        """All images it concerns, each once, in the order of the cases."""
        return tuple(dict.fromkeys(image for case in self.cases for image in case.images))


def counted(number: int, one: str, more: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "copy", "copies")
    ('1 image', '1,200 images', '2 copies')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def broken_files(broken: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Files that cannot be read."""
    if broken:
        yield Finding(
            "broken",
            MEND,
            f"{counted(len(broken), 'file')} cannot be read",
            "Save them again, or delete them; training goes on without them by --skip-broken.",
            tuple(Case((), f"{path}: {why}") for path, why in broken),
        )


def copies(row: Row, groups: Groups) -> Iterator[Finding]:
    """Images of the same pixels: in several parts, of several classes, or merely there twice."""
    members = _members(groups)
    between = [group for group in members if len(set(row.parts[group])) > 1]
    contradicting = [group for group in members if len(set(row.labels[group])) > 1]
    said = {tuple(group) for group in (*between, *contradicting)}
    within = [group for group in members if tuple(group) not in said]
    extra = sum(map(len, within)) - len(within)
    kinds = (
        (
            between,
            "copies between parts",
            MEND,
            f"{counted(sum(map(len, between)), 'image')} are copies of each other in different parts",
            "What is tested on must not be trained on: leave such images in one part only.",
        ),
        (
            contradicting,
            "contradicting copies",
            MEND,
            f"{counted(len(contradicting), 'image is', 'images are')} there with different labels",
            "One of the labels is wrong: correct it, or leave all copies out.",
        ),
        (
            within,
            "copies",
            LOOK,
            f"{counted(extra, 'image is a copy', 'images are copies')} of another in the same part",
            "They count more than once: leave one of each, unless that is meant.",
        ),
    )
    for chosen, kind, gravity, title, advice in kinds:
        if chosen:
            yield Finding(kind, gravity, title, advice, tuple(map(_case, chosen)))


def near_copies(row: Row, near: Near) -> Iterator[Finding]:
    """Pairs that are nearly the same: in different parts, of different classes, or merely there."""
    if not len(near.pairs):
        return
    first, second = near.pairs.T
    apart, other = row.parts[first] != row.parts[second], row.labels[first] != row.labels[second]
    kinds = (
        (
            apart,
            "near copies between parts",
            MEND,
            "{} nearly the same, but in different parts",
            "What is tested on must not be trained on: leave such images in one part only.",
        ),
        (
            other & ~apart,
            "contradicting near copies",
            LOOK,
            "{} nearly the same, but of different classes",
            "Look which of the labels is right.",
        ),
        (~apart & ~other, "near copies", KNOW, "{} nearly the same", "They teach little more than one of them."),
    )
    for chosen, kind, gravity, title, advice in kinds:
        if chosen.any():
            pairs = counted(int(chosen.sum()), "pair of images is", "pairs of images are")
            cases = tuple(_case(pair) for pair in near.pairs[chosen])
            yield Finding(kind, gravity, title.format(pairs), advice, cases)


def doubtful_labels(row: Row, probabilities: Array, doubts: Doubts) -> Iterator[Finding]:
    """Labels that networks which never saw them do not believe; or that they can tell too little to be asked."""
    right, often = float((probabilities.argmax(axis=1) == row.labels).mean()), commonest(row.labels)
    if right - often < JUDGES * (1 - often):
        title = f"Small networks tell only {_percent(right)} of the images right, and cannot judge the labels"
        advice = (
            f"To name the commonest class always is right for {_percent(often)}. There are too few images, or what "
            "tells the classes apart is not to be seen on them."
        )
        yield Finding("hard to tell", KNOW, title, advice)
    elif len(doubts.places):
        names = row.data.classes
        rows = zip(doubts.places, doubts.others, doubts.probabilities, strict=True)
        yield Finding(
            "doubtful labels",
            LOOK,
            f"{counted(len(doubts.places), 'label is', 'labels are')} doubtful",
            "Small networks, each trained without them, believe another class. Look at the first ones: some are wrong "
            "labels, some only hard to tell.",
            tuple(
                Case((int(place),), f"rather {names[other]}: {_percent(theirs)}, against {_percent(own)}")
                for place, other, (own, theirs) in rows
            ),
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def short_ways(row: Row, found: Sequence[Shortcut]) -> Iterator[Finding]:
    """Properties that tell the classes apart by themselves."""
    for each in found:
        if each.strength >= ALARM:
            best = ", ".join(f"{row.data.classes[label]} ({_percent(share)})" for label, share in each.told)
            yield Finding(
                "shortcut",
                LOOK,
                f"The {each.what} alone tells the classes apart: {_percent(each.accuracy)} right, where guessing has "
                f"{_percent(each.chance)}",
                f"Found best: {best}. A network may learn that and nothing else: take pictures of all classes in the "
                "same way, or vary it while training.",
            )


def flat_images(places: NDArray[np.int64]) -> Iterator[Finding]:
    """Images of one colour."""
    if len(places):
        cases = tuple(_case([place]) for place in places)
        of_one, of_more = (f"of one colour, and {shows} nothing" for shows in ("shows", "show"))
        title = counted(len(places), f"image is {of_one}", f"images are {of_more}")
        yield Finding("flat", MEND, title, "Leave them out, or take them again.", cases)


UNUSUAL = {
    "dark": ("far darker than the others", "light"),
    "bright": ("far brighter than the others", "distance from white"),
    "faint": ("far fainter than the others", "contrast"),
    "blurred": ("far more blurred than the others", "sharpness"),
}


def unusual_images(found: Sequence[Unusual]) -> Iterator[Finding]:
    """Images that are dark, bright, faint or blurred."""
    for each in found:
        if len(each.places):
            title, what = UNUSUAL[each.what]
            yield Finding(
                each.what,
                LOOK,
                f"{counted(len(each.places), 'image is', 'images are')} {title}",
                "Take them again or leave them out; or keep them, if such images will come.",
                tuple(
                    Case((int(place),), f"{_percent(value)} of the usual {what}")
                    for place, value in zip(each.places, each.values, strict=True)
                ),
            )


def unlike_others(places: NDArray[np.int64]) -> Iterator[Finding]:
    """Images that are unlike all others."""
    if len(places):
        title = f"{counted(len(places), 'image is', 'images are')} unlike the others"
        cases = tuple(_case([place]) for place in places)
        yield Finding(
            "unlike", KNOW, title, "Look whether they belong there: they are the rarest of what is seen.", cases
        )


def balance(row: Row) -> Iterator[Finding]:
    """Classes of very different sizes, or with very few images."""
    counts, names = np.bincount(row.labels, minlength=len(row.data.classes)), row.data.classes
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] >= UNEVEN * max(int(counts[least]), 1):
        yield Finding(
            "unbalanced",
            KNOW,
            f"{names[most]} has {counts[most]:,} images, {names[least]} {counts[least]:,}",
            'class_weights = "balanced" lets all classes count alike; look at recall, not at accuracy.',
        )
    if few := [names[label] for label in np.flatnonzero(counts < FEW)]:
        shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        title = f"{counted(len(few), 'class has', 'classes have')} fewer than {FEW} images: {shown}"
        yield Finding(
            "few images", KNOW, title, "Little can be learnt of them, and nothing proven: take more pictures."
        )


def _members(groups: Groups) -> list[NDArray[np.int64]]:
    """The images of each group that has more than one, the largest group first."""
    order = np.argsort(groups, kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return sorted((group for group in found if len(group) > 1), key=len, reverse=True)


def _case(images: Sequence[int] | NDArray[np.int64]) -> Case:
    return Case(tuple(int(image) for image in images))
