"""The weights that a run begins with: drawn from its seed, and some of them measured from its training images."""

import numpy as np

from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters, Sequential

LOOKED_AT = 5000  # training images, evenly chosen


def initial_parameters(network: Sequential, data: Dataset, seed: int) -> Parameters:
    """The initial value of each parameter, by its name; see `Sequential.initial_parameters`.

    Raises InputError where there are too few images for what is measured from them.
    """
    if not network.measures:
        return network.initial_parameters(seed)
    count = len(data.train)
    images, _ = data.train.batch(np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(np.int64))
    return network.initial_parameters(seed, images=images)
