"""Augmented pictures: each a pure function of seed, epoch and image, so every engine, and a resumed run, sees the same.

    choices       the random numbers of each image, looked up rather than drawn
    maps          Shift, Rotation, Scale, Shear, Flip, Crop → one affine map an image
    splines       Elastic → a smooth displacement of each pixel
    resampling    a picture under map and displacement, interpolated once: the readable twin of the compiled kernel
    pixels        Brightness, Contrast, Erasing
    mixing        Mixup → a partner and a share for each image
    augmented     all of them, in their order

What it is not: the descriptions (`descriptions.augmentation`), and when pictures are made (`training.ahead`).
"""

from convlet.datasets.augmentation.augmented import Resample, augment, pictures
from convlet.datasets.augmentation.choices import Choices
from convlet.datasets.augmentation.mixing import Mixture
from convlet.datasets.augmentation.resampling import resample

__all__ = ["Choices", "Mixture", "Resample", "augment", "pictures", "resample"]
