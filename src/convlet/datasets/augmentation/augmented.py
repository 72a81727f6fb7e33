"""A batch's pictures, changed by a list of augmentations, in the order that `descriptions.augmentation` says."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.augmentation import splines
from convlet.datasets.augmentation.choices import Choices
from convlet.datasets.augmentation.maps import affine_maps
from convlet.datasets.augmentation.mixing import Mixture, mixture
from convlet.datasets.augmentation.pixels import CHANGES
from convlet.datasets.augmentation.resampling import resample as in_numpy
from convlet.datasets.labelled import Examples
from convlet.descriptions.augmentation import Augmentation, Elastic, Erasing, Geometric, Mixup, border_of

Floats = NDArray[np.float32]


class Resample(Protocol):
    """Moves pictures, as `resampling.resample` says."""

    def __call__(
        self, images: Floats, maps: Floats, points: Floats, rows: splines.Axis, columns: splines.Axis, border: str
    ) -> Floats:
        """The moved pictures."""
        ...


def pictures(
    examples: Examples, augmentations: Sequence[Augmentation], choices: Choices, resample: Resample = in_numpy
) -> tuple[Floats, Mixture | None]:
    """The chosen images (N, H, W, C) as they are seen this time; and what was mixed, where that was asked for."""
    images = augment(examples.batch(choices.images)[0], augmentations, choices, resample)
    mixup = next((each for each in augmentations if isinstance(each, Mixup)), None)
    if mixup is None:
        return images, None
    mixed = mixture(mixup, choices, len(examples))
    beside = Choices(choices.seed, choices.epochs, mixed.partners)
    others = augment(examples.batch(mixed.partners)[0], augmentations, beside, resample)
    return mixed.of(images, others), mixed


def augment(
    images: Floats, augmentations: Sequence[Augmentation], choices: Choices, resample: Resample = in_numpy
) -> Floats:
    """The images (N, H, W, C), float32, changed, but for mixing; those given may be changed in place."""
    moving = [each for each in augmentations if isinstance(each, Geometric)]
    if moving:
        images = _moved(images, moving, choices, resample)
    for each in sorted(augmentations, key=lambda each: isinstance(each, Erasing)):
        if type(each) in CHANGES:
            CHANGES[type(each)](each, images, choices)
    return images


def _moved(images: Floats, moving: Sequence[Augmentation], choices: Choices, resample: Resample) -> Floats:
    _, H, W, _ = images.shape
    elastic = next((each for each in moving if isinstance(each, Elastic)), None)
    points = splines.control_points(elastic, choices, (H, W)) if elastic else splines.no_points(len(images))
    cells = elastic.cells if elastic else 1
    axes = splines.axis(H, cells), splines.axis(W, cells)
    return resample(images, affine_maps(moving, choices, (H, W)), points, *axes, border_of(moving))
