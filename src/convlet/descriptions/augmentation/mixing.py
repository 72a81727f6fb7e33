"""Augmentations that make one picture of two."""

from dataclasses import dataclass

from convlet.checks import number
from convlet.descriptions.augmentation.augmentation import Augmentation
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class Mixup(Augmentation):
    """Another training image shines through, and the label is mixed alike: λ of the one, 1 − λ of the other.

    λ is drawn for each image from the Beta distribution of (α, α): a small α mixes little, 1 mixes all shares alike.
    The larger share is the image's own, which is the same, for each may be the other's partner.
    Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018, section 2.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        set_canonical(self, alpha=number("alpha", self.alpha, low=0, high=100, open_low=True))
