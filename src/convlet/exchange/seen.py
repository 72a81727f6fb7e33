"""The images of a run's own data that its file is checked on."""

import numpy as np

from convlet.datasets import Dataset
from convlet.errors import ConvletError
from convlet.exchange.checking import Array, noise
from convlet.runs.run import Run

MOST, LEAST = 10_000, 100  # images that a file is checked on
PRODUCTS = 200_000_000_000  # and multiply-adds that this may cost: seconds


def data_of(run: Run) -> Dataset | None:
    """The data that a run was trained on, where they are found and their images are what its network takes."""
    try:
        data = run.data.load() if run.data else None
    except ConvletError:
        return None
    return data if data is not None and data.image_shape == run.network.input_shape else None


def few_enough(run: Run, products: int = PRODUCTS) -> int:
    """How many images may be computed for so many multiply-adds."""
    return min(MOST, max(LEAST, products // max(run.network.multiply_adds, 1)))


def images_of(run: Run, *, uint8: bool = False) -> tuple[Array, str]:
    """Images to check a file on, (N, H, W, C), and which they are: those of the run's data that it was not trained on.

    All of them where that takes a few seconds; noise where the data cannot be found. With `uint8` they are bytes.
    """
    data = data_of(run)
    which = "test" if data is not None and data.test is not None else "validation"
    part = None if data is None else data.parts.get(which)
    if part is None:
        images, which = noise(LEAST, run.network.input_shape), "noise"
    else:
        images = np.asarray(part.images[: few_enough(run)])
    return as_bytes(images) if uint8 else images, which


def as_bytes(images: Array) -> Array:
    """Images as uint8, which are all that a model of bytes can be given; floats are rounded."""
    return images if images.dtype == np.uint8 else np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)
