"""The random numbers of a batch's augmentation, looked up by seed, epoch and image."""

from dataclasses import dataclass
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
        places, columns = np.broadcast_arrays(places, columns)
        numbers, epochs = np.empty(places.shape), self.epochs[places]
        for epoch in np.unique(self.epochs):
            here = epochs == epoch
            numbers[here] = entries(
                self.seed,
                "augmentation",
                epoch=int(epoch),
                step=PLACES[type(kind).__name__],
                rows=self.images[places[here]],
                columns=columns[here],
            )
        return numbers
