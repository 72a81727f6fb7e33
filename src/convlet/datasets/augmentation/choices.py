"""The random numbers of a batch's augmentation, looked up by seed, epoch and image."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.augmentation import AUGMENTATIONS, Augmentation
from convlet.randomness import entries

PLACES = {name: place for place, name in enumerate(AUGMENTATIONS)}


@dataclass(frozen=True, eq=False)
class Choices:
    """What is chosen for each image of a batch: `images` are their numbers (N,) in the data, `epochs` (N,) when.

    A kind of augmentation has numbers of its own: with another one in the list, they stay what they are.
    """

    seed: int
    epochs: NDArray[np.int64]
    images: NDArray[np.int64]

    def __len__(self) -> int:
        """How many images."""
        return len(self.images)

    def numbers(self, kind: Augmentation, count: int) -> NDArray[np.float64]:
        """The first `count` numbers of each image, from 0 to below 1: (N, count)."""
        return self.at(kind, np.arange(len(self))[:, np.newaxis], np.arange(count))

    def around_zero(self, kind: Augmentation, count: int) -> NDArray[np.float64]:
        """The same numbers, spread from −1 to below 1."""
        return 2 * self.numbers(kind, count) - 1

    def lasting(self, kind: Augmentation, count: int) -> NDArray[np.float64]:
        """Numbers (N, count) that an image has in every epoch."""
        return Choices(self.seed, np.zeros_like(self.epochs), self.images).numbers(kind, count)

    def at(self, kind: Augmentation, places: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
        """The numbers in these columns of the images in these places of the batch, broadcast against each other."""
        step, rows = PLACES[type(kind).__name__], self.images[places]

        def in_epoch(epoch: int) -> NDArray[np.float64]:
            return entries(self.seed, "augmentation", epoch=epoch, step=step, rows=rows, columns=columns)

        first, *others = self._different_epochs
        numbers = in_epoch(first)
        for epoch in others:
            numbers = np.where(self.epochs[places] == epoch, in_epoch(epoch), numbers)
        return numbers

    @cached_property
    def _different_epochs(self) -> list[int]:
        epochs: list[int] = np.unique(self.epochs).tolist()
        return epochs
