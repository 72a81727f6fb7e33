"""Where each pixel of a moved picture comes from: one affine map an image, made of all that moves pixels.

A map is (A, b), (N, 2, 2) and (N, 2), in float64: the pixel at p comes from A p + b. Positions are (row, column), in
pixels, from the middle of the image; so turning and scaling about the middle have b = 0. Each kind gives the inverse of
what it does to the picture, for the new picture asks the old one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation.choices import Choices
from convlet.descriptions.augmentation import Augmentation, Crop, Flip, Rotation, Scale, Shear, Shift

Array = NDArray[Any]
Map = tuple[Array, Array]
Size = tuple[int, int]  # (H, W)


def affine_maps(augmentations: Sequence[Augmentation], choices: Choices, size: Size) -> NDArray[np.float32]:
    """The maps (N, 2, 3) from pixel to pixel, counted from the upper left corner: the last column is added.

    They change the picture in the order of the list, so the first of them is asked last.
    """
    A, b = _unmoved(len(choices))
    for each in augmentations:
        if type(each) in MAPS:
            B, c = MAPS[type(each)](each, choices, size)
            A, b = _product(A, B), _image(A, c) + b
    middle = (np.array(size) - 1) / 2
    b = b + middle - _image(A, np.broadcast_to(middle, b.shape))
    return np.concatenate([A, b[..., np.newaxis]], axis=2).astype(np.float32)


def _unmoved(images: int) -> Map:
    return np.tile(np.eye(2), (images, 1, 1)), np.zeros((images, 2))


def _product(A: Array, B: Array) -> Array:
    """A B, written out: no order of summation but this one."""
    return A[:, :, :1] * B[:, :1, :] + A[:, :, 1:] * B[:, 1:, :]  # (N, 2, 1) * (N, 1, 2)


def _image(A: Array, p: Array) -> Array:
    return A[:, :, 0] * p[:, :1] + A[:, :, 1] * p[:, 1:]  # (N, 2)


def _shift(kind: Shift, choices: Choices, size: Size) -> Map:
    A, _ = _unmoved(len(choices))
    return A, -kind.amount * np.array(size) * choices.around_zero(kind, 2)


def _crop(kind: Crop, choices: Choices, size: Size) -> Map:
    A, _ = _unmoved(len(choices))
    return A, np.floor(choices.numbers(kind, 2) * (2 * kind.padding + 1)) - kind.padding


def _rotation(kind: Rotation, choices: Choices, size: Size) -> Map:
    angles = np.radians(kind.degrees * choices.around_zero(kind, 1))
    A, b = _unmoved(len(choices))
    A[:, 0, 0] = A[:, 1, 1] = np.cos(angles[:, 0])
    A[:, 1, 0] = np.sin(angles[:, 0])
    A[:, 0, 1] = -A[:, 1, 0]
    return A, b


def _scale(kind: Scale, choices: Choices, size: Size) -> Map:
    A, b = _unmoved(len(choices))
    return A * (1 + kind.amount) ** choices.around_zero(kind, 1)[..., np.newaxis], b


def _shear(kind: Shear, choices: Choices, size: Size) -> Map:
    A, b = _unmoved(len(choices))
    A[:, 1, 0] = np.tan(np.radians(kind.degrees * choices.around_zero(kind, 1)[:, 0]))
    return A, b


def _flip(kind: Flip, choices: Choices, size: Size) -> Map:
    A, b = _unmoved(len(choices))
    if kind.alternating:
        flipped = (choices.epochs + (choices.lasting(kind, 1)[:, 0] < 0.5)) % 2 == 1
    else:
        flipped = choices.numbers(kind, 1)[:, 0] < 0.5
    A[flipped, 1, 1] = -1
    return A, b


MAPS: dict[type, Callable[[Any, Choices, Size], Map]] = {
    Shift: _shift,
    Crop: _crop,
    Rotation: _rotation,
    Scale: _scale,
    Shear: _shear,
    Flip: _flip,
}
