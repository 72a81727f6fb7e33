"""A live model of another tool's as a run, which is compared with it before it is handed over."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from convlet.engines import default_engine
from convlet.engines import engine as find_engine
from convlet.environment import limit_threads
from convlet.errors import EngineError, InputError
from convlet.exchange.checking import Array, agreement, noise
from convlet.exchange.graph.nodes import Model
from convlet.exchange.graph.taking import BYTES, classifier_of, closing, of_images, without_softmax
from convlet.losses import softmax
from convlet.runs.run import Run, run_of

IMAGES = 4  # of noise
WHITE = np.float32(255)  # for a model that takes bytes
SHARE = 0.01  # of the largest number: with many classes each probability is small, and so is what they differ by
REMEDY = "So what it does is not what its parts say; export it as ONNX, and take that. Please report this."


def compared_run(
    model: Model,
    where: str,
    answer: Callable[[Array], Array],
    *,
    classes: Sequence[str] | None = None,
    engine: str | None = None,
    threads: int | None = None,
) -> Run:
    """The run that a model becomes. `answer` is what it makes itself of images (N, H, W, C) of float32, from 0 to 1, or
    to 255 where it divides by that itself.

    Raises InputError for what no layer here does, naming the part, or for other classes than there are; EngineError
    where the network answers otherwise than the model.
    """
    if threads is not None:
        limit_threads(threads)
    taken = of_images(without_softmax(model), where)
    checkpoint = classifier_of(taken, where)
    if classes is not None:
        if isinstance(classes, str) or len(classes) != len(checkpoint.classes):
            raise InputError(f"classes={classes!r}: expected {len(checkpoint.classes)} names, one for each output.")
        checkpoint = replace(checkpoint, classes=tuple(map(str, classes)))
    program = find_engine("numpy").compile(checkpoint.network, checkpoint.state.parameters)
    end, white = closing(model), WHITE if taken.inputs[0].type == BYTES else np.float32(1)

    def probabilities(batch: Array) -> Array:
        given = answer(batch * white)
        return softmax(given) if end is None else np.exp(given) if end.operator == "LogSoftmax" else given

    images = noise(IMAGES, checkpoint.network.input_shape)
    agreement(where, probabilities, program, images, remedy=REMEDY)
    logits = program.predict(images)
    if end is None:
        _check_close(where, answer(images * white), logits)
    else:
        _check_close(where, probabilities(images), softmax(logits))
    return run_of(checkpoint, engine or default_engine(), None)


def _check_close(where: str, theirs: Array, ours: Array) -> None:
    """Raise an EngineError where two answers differ by more than a share of their largest number."""
    share = float(np.abs(theirs - ours).max() / max(np.abs(theirs).max(), np.finfo(np.float32).tiny))
    if not share <= SHARE:
        raise EngineError(
            f"{where} gives numbers that differ by up to {share:.2g} of the largest from the network's own; "
            f"expected at most {SHARE:g}. {REMEDY}"
        )
