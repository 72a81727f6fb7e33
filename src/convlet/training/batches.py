"""Which images make the batch of a step: a function of the seed and the step."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from convlet.randomness import generator


@lru_cache(maxsize=4)  # a batch lies in one epoch or two
def _order(images: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator(seed, "shuffle", epoch=epoch).permutation(images)


def batch_indices(images: int, batch_size: int, seed: int, step: int) -> NDArray[np.int64]:
    """Which images make the batch of a step: (batch_size,), in [0, images).

    The epochs stand in a row, each with all images in an order of its own, and batches are cut from that row. So a
    batch that meets the end of an epoch is completed from the next, as the tutorial's `next_batch` does.
    """
    epochs, within = np.divmod(np.arange(step * batch_size, (step + 1) * batch_size), images)
    return np.concatenate([_order(images, seed, int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])
