"""What another tool makes of images, beside what the network itself makes of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape
from convlet.datasets.images import scaled
from convlet.engines import Program
from convlet.errors import EngineError
from convlet.losses import softmax

Array = NDArray[Any]
AT_ONCE = 500  # images
CLOSE = 1e-4  # of a probability: what float32 in another order comes to is a hundredth of that
UNWRITTEN = "Nothing was written. Please report this, with the run's recipe.toml."


@dataclass(frozen=True)
class Agreement:
    """On so many images, how many have another class, and the largest difference of a probability."""

    images: int
    changed: int
    difference: float


def noise(images: int, shape: Shape) -> Array:
    """Images (N, H, W, C) of float32 that are nothing: numbers spread evenly from 0 to 1, in no order."""
    steps = np.arange(images * math.prod(shape)) * 0.6180339887
    return (steps % 1).astype(np.float32).reshape(images, *shape)


def agreement(
    who: str, answer: Callable[[Array], Array], program: Program, images: Array, *, remedy: str = UNWRITTEN
) -> Agreement:
    """Another's probabilities beside a program's, on images (N, H, W, C), uint8 or from 0 to 1.

    `answer` is probabilities (N, classes) of images from 0 to 1. Raises EngineError, with `remedy`, where these differ.
    """
    changed, difference = 0, 0.0
    for start in range(0, len(images), AT_ONCE):
        batch = scaled(images[start : start + AT_ONCE])
        theirs, ours = answer(batch), softmax(program.predict(batch))
        changed += int((theirs.argmax(axis=1) != ours.argmax(axis=1)).sum())
        difference = float(np.maximum(difference, np.abs(theirs - ours).max()))  # NaN stays NaN, and is refused
    if not difference <= CLOSE:
        raise EngineError(
            f"{who} gives probabilities that differ by up to {difference:.2g} from the network's own; expected at most "
            f"{CLOSE:g}. {remedy}"
        )
    return Agreement(len(images), changed, difference)
