"""Augmentations that change what pixels hold, not where they are. A pixel is a number from 0 (black) to 1 (white)."""

from dataclasses import dataclass

from convlet.checks import number
from convlet.descriptions.augmentation.augmentation import Augmentation
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError


@dataclass(frozen=True)
class Brightness(Augmentation):
    """All pixels raised or lowered by the same up to `amount`; what would leave 0 to 1 stays at 0 or 1."""

    amount: float

    def __post_init__(self) -> None:
        set_canonical(self, amount=number("amount", self.amount, low=0, high=1, open_low=True))


@dataclass(frozen=True)
class Contrast(Augmentation):
    """Each pixel's distance from the image's mean, multiplied by 1 − `amount` to 1 + `amount`; kept within 0 to 1."""

    amount: float

    def __post_init__(self) -> None:
        set_canonical(self, amount=number("amount", self.amount, low=0, high=1, open_low=True))


@dataclass(frozen=True)
class Erasing(Augmentation):
    """A rectangle filled with noise, or with one value, with a chance of `probability`.

    It takes from `smallest` to `largest` of the image's area, its height up to `aspect` times its width or the other
    way round, cut to the image, at a random place inside it.
    Source: Zhong et al., "Random erasing data augmentation", AAAI 2020, section 3.2, whose values are the defaults.
    """

    probability: float = 0.5
    smallest: float = 0.02
    largest: float = 0.4
    aspect: float = 3.3
    fill: str | float = "noise"

    def __post_init__(self) -> None:
        set_canonical(self, probability=_share("probability", self.probability))
        set_canonical(self, smallest=_share("smallest", self.smallest), largest=_share("largest", self.largest))
        if self.smallest > self.largest:
            raise InputError(f"smallest={self.smallest:g}: expected no more than largest={self.largest:g}.")
        set_canonical(self, aspect=number("aspect", self.aspect, low=1))
        if self.fill != "noise":
            if isinstance(self.fill, str):
                raise InputError(f"fill={self.fill!r}: expected 'noise', or a number from 0 (black) to 1 (white).")
            set_canonical(self, fill=_share("fill", self.fill, open_low=False))


def _share(name: str, value: object, *, open_low: bool = True) -> float:
    """The value as a float from 0, or above it, to 1."""
    share = number(name, value, low=0, open_low=open_low)
    if share > 1:
        raise InputError(f"{name}={value!r}: expected at most 1.")
    return share
