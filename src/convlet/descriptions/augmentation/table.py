"""Every kind of augmentation by its name, and what a list of them must be."""

from collections.abc import Iterable
from typing import Any

from convlet.descriptions.augmentation.augmentation import Augmentation
from convlet.descriptions.augmentation.geometry import (
    Bordered,
    Crop,
    Elastic,
    Flip,
    Rotation,
    Scale,
    Shear,
    Shift,
)
from convlet.descriptions.augmentation.mixing import Mixup
from convlet.descriptions.augmentation.pixels import Brightness, Contrast, Erasing
from convlet.descriptions.tables import kinds
from convlet.errors import InputError

# Append only: a kind's place in the list is part of the key of what it draws.
AUGMENTATIONS = kinds(Shift, Rotation, Scale, Shear, Flip, Crop, Elastic, Brightness, Contrast, Erasing, Mixup)


def checked(augmentations: Any) -> tuple[Augmentation, ...]:
    """The list in its one form. Raises InputError unless each is an augmentation of a kind of its own, of one border.

    >>> checked([Flip()])
    (Flip(alternating=False, insist=False),)
    """
    if isinstance(augmentations, Augmentation | str) or not isinstance(augmentations, Iterable):
        raise InputError(f"augmentation={augmentations!r}: expected a list of them, such as [Shift(0.07)].")
    listed: tuple[Augmentation, ...] = tuple(augmentations)
    for each in listed:
        if type(each).__name__ not in AUGMENTATIONS or not isinstance(each, Augmentation):
            given = f"{each.__name__}, a class" if isinstance(each, type) else repr(each)
            raise InputError(f"augmentation: {given}; expected {', '.join(AUGMENTATIONS)}, such as Shift(0.07).")
    names = [type(each).__name__ for each in listed]
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise InputError(f"augmentation: {twice} stands there twice; expected each kind once.")
    border_of(listed)
    return listed


def border_of(augmentations: Iterable[Augmentation]) -> str:
    """Where pixels from beyond the border come from. Raises InputError where two of the list do not agree."""
    named = [each for each in augmentations if isinstance(each, Bordered) and each.border is not None]
    if other := next((each for each in named if each.border != named[0].border), None):
        first, second = (f"{type(each).__name__} has border={each.border!r}" for each in (named[0], other))
        raise InputError(f"augmentation: {first}, {second}; they become one map, with one border. Name one.")
    return named[0].border or "reflect" if named else "reflect"
