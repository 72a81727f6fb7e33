"""What may cross the door: the same refusals in every engine, before it computes anything.

`check_kinds` is called once, by `compile`. The others are called at every step, so they look at shapes and types, and
at what has one number an image. What an image holds is not looked at: a NaN in it shows in the loss.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape, listed, nearest, number
from convlet.descriptions.layers import Dropout, Layer
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines.program import Batch, Masks
from convlet.errors import EngineError, InputError

Array = NDArray[Any]
NUMBERS = "fiub"  # NumPy's kinds of floats, whole numbers, and True or False


def check_kinds(engine: str, network: Sequential, kinds: Collection[type[Layer]]) -> None:
    """Raise an EngineError where the network has a kind of layer that is not among those the engine computes."""
    for placed in network:
        if (kind := type(placed.layer)) not in kinds:
            known = ", ".join(sorted(each.__name__ for each in kinds))
            raise EngineError(
                f"layer {placed.name!r}: engine={engine!r} does not compute {kind.__name__}; it knows {known}. "
                "Take another engine or another layer, or teach it this one (CONTRIBUTING.md)."
            )


def check_batch(network: Sequential, batch: Batch) -> None:
    """Raise an InputError unless the network can learn from this batch, and a NetworkError unless it classifies."""
    classes = network.check_classifier()
    check_images(network, batch.images)
    if not len(batch):
        raise InputError("images: none; expected at least one, to learn from.")
    check_labels("labels", batch.labels, len(batch), classes)
    _check_masks(network, batch.masks, len(batch))
    if batch.weights is not None:
        _check_weights(batch.weights, len(batch))
    if batch.targets is not None:
        _check_targets(batch.targets, (len(batch), classes))


def check_images(network: Sequential, images: Array) -> None:
    """Raise an InputError unless these are images of the network's input shape, none or many, made of numbers."""
    if images.shape[1:] != network.input_shape:
        raise InputError(f"images: shape {images.shape}; expected {_shape_of_many(network.input_shape)}.")
    if images.dtype.kind not in NUMBERS:
        raise InputError(f"images: type {images.dtype}; expected numbers, such as float32.")


def check_labels(name: str, labels: Array, images: int, classes: int) -> None:
    """Raise an InputError unless there is a whole number for each image, from 0 to classes − 1."""
    if labels.shape != (images,):
        raise InputError(f"{name}: shape {labels.shape} for {images} images; expected one an image, ({images},).")
    if labels.dtype.kind not in "iu":
        raise InputError(f"{name}: type {labels.dtype}; expected whole numbers. Use {name}.astype(np.int64).")
    if images and (labels.min() < 0 or labels.max() >= classes):
        raise InputError(f"{name}: from {labels.min()} to {labels.max()}; expected 0 to {classes - 1}.")


def check_rate(learning_rate: float) -> None:
    """Raise an InputError unless this is a finite number of at least 0: NaN would make every weight NaN at once."""
    number("learning_rate", learning_rate, low=0)


def check_optimizer(optimizer: Optimizer | None) -> Optimizer:
    """The optimizer that a program was compiled with. Raises InputError where there is none."""
    if optimizer is None:
        raise InputError("optimizer=None when the program was compiled: give one to train, such as Adam(1e-4).")
    return optimizer


def _check_masks(network: Sequential, masks: Masks, images: int) -> None:
    known = [placed.name for placed in network if isinstance(placed.layer, Dropout)]
    if unknown := [name for name in masks if name not in known]:
        allowed = f"the names of the network's dropout layers: {listed(known) if known else 'it has none'}"
        raise InputError(f"masks: {unknown[0]!r}; expected {allowed}.{nearest(unknown[0], known)}")
    for placed in network:
        if isinstance(placed.layer, Dropout):
            expected, mask = (images, *placed.input_shape), masks.get(placed.name)
            if mask is None or mask.shape != expected or mask.dtype != np.bool_:
                got = "missing" if mask is None else f"of shape {mask.shape} and type {mask.dtype}"
                raise InputError(f"masks[{placed.name!r}]: {got}; expected True or False for each value, {expected}.")


def _check_weights(weights: Array, images: int) -> None:
    if weights.shape != (images,) or weights.dtype.kind not in NUMBERS:
        raise InputError(
            f"weights: shape {weights.shape} and type {weights.dtype} for {images} images; "
            f"expected a number for each, ({images},)."
        )
    with np.errstate(over="ignore"):  # what float32, which most programs compute in, cannot hold is infinite, or 0
        narrow = weights.astype(np.float32)
    if not (np.isfinite(narrow).all() and narrow.min() >= 0 and narrow.max() > 0):
        raise InputError(
            f"weights: from {weights.min()} to {weights.max()}; expected finite numbers of at least 0, "
            "one of them above."
        )


def _check_targets(targets: Array, expected: Shape) -> None:
    if targets.shape != expected or targets.dtype.kind not in NUMBERS:
        raise InputError(
            f"targets: shape {targets.shape} and type {targets.dtype}; expected a number for each image and class, "
            f"{expected}."
        )
    sums = targets.sum(axis=1, dtype=np.float64)
    if not (targets.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
        raise InputError(
            f"targets: from {targets.min()} to {targets.max()}, an image's in all {sums.min()} to {sums.max()}; "
            "expected numbers of at least 0, in all 1 for each image."
        )


def _shape_of_many(shape: Shape) -> str:
    return f"(N, {', '.join(map(str, shape))})"
