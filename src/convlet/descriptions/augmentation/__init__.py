"""Augmentation: changes that leave a picture's class as it is, another one at each sight. Descriptions, without arrays.

`fit(…, augmentation=[Shift(0.07), Flip()])`, or `[[augmentation]]` in a recipe. The order in which pictures are changed
is always the same: those that move pixels, as they are listed, together in one step (`geometry`), so that a picture is
interpolated once; then brightness and contrast as they are listed; then erasing (`pixels`); and last
of all, another image is mixed in (`mixing`).

What it is not: the arithmetic, which is in `datasets.augmentation`.
"""

from convlet.descriptions.augmentation.augmentation import Augmentation
from convlet.descriptions.augmentation.geometry import (
    BORDERS,
    Crop,
    Elastic,
    Flip,
    Geometric,
    Rotation,
    Scale,
    Shear,
    Shift,
)
from convlet.descriptions.augmentation.mixing import Mixup
from convlet.descriptions.augmentation.pixels import Brightness, Contrast, Erasing
from convlet.descriptions.augmentation.table import AUGMENTATIONS, border_of, checked

__all__ = [
    "AUGMENTATIONS",
    "BORDERS",
    "Augmentation",
    "Brightness",
    "Contrast",
    "Crop",
    "Elastic",
    "Erasing",
    "Flip",
    "Geometric",
    "Mixup",
    "Rotation",
    "Scale",
    "Shear",
    "Shift",
    "border_of",
    "checked",
]
