"""The door between the server and what it serves: whoever can answer images with probabilities passes through it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.errors import NumericsError
from convlet.losses import softmax
from convlet.runs.run import Run

Array = NDArray[Any]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Predictor:
    """Answers images (N, H, W, C) of float32 from 0 to 1 with probabilities (N, classes), on one thread at a time.

    `image_shape` is (H, W, C); `fit` is how pictures are brought to it, as `Preparation` has it; `prepare` does what
    would make the first answers slow.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    answer: Callable[[Array], Array]
    fit: str | None = None
    prepare: Callable[[], None] = _nothing


def of_run(run: Run) -> Predictor:
    """What a run answers, its pictures prepared as those that it was trained on.

    An image is answered alike in any company: alone, its dense layers would have another kernel in the numba engine,
    which adds up in another order, so it is never alone. `run.predict` itself would check what `reading` has checked.
    """

    def answer(images: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            logits = run.program.predict(np.repeat(images, 2, axis=0) if len(images) == 1 else images)
            probabilities = softmax(logits)[: len(images)]
        if not np.isfinite(probabilities).all():
            raise NumericsError(
                "the probabilities of an image are NaN: the network's weights are too large, or damaged."
            )
        return probabilities

    return Predictor(
        run.run_dir.name if run.run_dir else "a network",
        run.classes,
        run.network.input_shape,
        answer,
        run.data.preparation.fit if run.data else None,
        lambda: run.program.prepare(1),
    )
