"""Folders of small pictures, for tests of all that is made of them. Helpers; there are no tests here."""

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee")


def picture(number, size=(9, 12), colour=False):
    """A picture of noise (H, W), the same for the same number; no two alike."""
    generator = np.random.default_rng(number)
    return Image.fromarray(generator.integers(0, 256, (*size, 3) if colour else size, np.uint8))


def save(path, image, **options):
    """The path of a picture, saved, in folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def folder(where, count=20, classes=CLASSES, start=0, **options):
    """A folder of PNG files by class, `count` in each."""
    for i, name in enumerate(classes):
        for j in range(count):
            save(where / name / f"{j}.png", picture(start + i * count + j, **options))
    return where
