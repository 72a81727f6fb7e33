"""Which image is mixed into which, and how much: mixup."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation.choices import Choices
from convlet.descriptions.augmentation import Mixup

Array = NDArray[Any]
POINTS = 4097  # of the table that the distribution is looked up in


class Mixture(NamedTuple):
    """For each image of a batch, its partner's number in the data (N,), and its own share (N,), from a half to 1."""

    partners: NDArray[np.int64]
    shares: NDArray[np.float32]

    def of(self, own: Array, partners: Array) -> Array:
        """What is mixed of two arrays (N, …): shares of the first, and the rest of the second."""
        shares = self.shares.reshape(-1, *[1] * (own.ndim - 1))
        return shares * own + (1 - shares) * partners


def mixture(kind: Mixup, choices: Choices, images: int) -> Mixture:
    """Partners among so many images of the data, each as likely as any other."""
    partner, share = choices.numbers(kind, 2).T
    return Mixture((partner * images).astype(np.int64), larger_share(kind.alpha, share).astype(np.float32))


def larger_share(alpha: float, chance: Array) -> Array:
    """The larger of λ and 1 − λ, where λ is of Beta(α, α): its quantiles at `chance`, from 0 to 1.

    With t the smaller share and s = t^β, for β = min(α, 1), the density t^(α−1) (1 − t)^(α−1) dt is, but for a factor,
    t^(α−β) (1 − t)^(α−1) ds: bounded, and so well summed by trapezoids, from 0 to where t is a half.
    """
    beta = min(alpha, 1.0)
    s = np.linspace(0, 0.5**beta, POINTS)
    t = s ** (1 / beta)
    density = t ** (alpha - beta) * (1 - t) ** (alpha - 1)
    mass = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return 1 - np.interp(chance, mass / mass[-1], s) ** (1 / beta)
