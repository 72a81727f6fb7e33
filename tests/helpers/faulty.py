"""Data sets of drawn shapes, clean or with faults put in on purpose, for tests of what finds them. Helpers only."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import convlet as cl

CLASSES = ("bar", "disc", "ring")
SIDE = 16


def shape(kind, number):
    """A picture (16, 16) of a shape: its place, size and shade, the clouds and noise on it, are those of its number."""
    rng = np.random.default_rng((CLASSES.index(kind), number))
    image = Image.new("L", (SIDE * 4, SIDE * 4), int(rng.integers(20, 50)))
    draw, shade = ImageDraw.Draw(image), int(rng.integers(170, 230))
    x, y, r = rng.integers(32, 48), rng.integers(32, 48), rng.integers(18, 28)
    if kind == "bar":
        draw.rectangle((x - r // 3, y - r, x + r // 3, y + r), fill=shade)
    else:
        draw.ellipse((x - r, y - r, x + r, y + r), fill=shade)
    if kind == "ring":
        draw.ellipse((x - r // 2, y - r // 2, x + r // 2, y + r // 2), fill=30)
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    clouds = Image.fromarray(rng.normal(0, 15, (5, 5)).astype(np.float32)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    return (small + np.asarray(clouds) + rng.normal(0, 4, small.shape)).round().clip(0, 255).astype(np.uint8)


def shapes(count, start=0):
    """Images (N, 16, 16) and labels (N,): so many of each class, no two alike."""
    images = np.stack([shape(kind, start + i) for kind in CLASSES for i in range(count)])
    return images, np.repeat(np.arange(len(CLASSES)), count)


def dataset(images, labels, test=None):
    return cl.Dataset.from_arrays(
        images, np.array(CLASSES)[labels], test=test and (test[0], np.array(CLASSES)[test[1]])
    )


def saved_again(image, quality=75):
    """As a JPEG, and read again."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def moved(image, down, right):
    """By whole pixels; what comes in at a side is as what was there."""
    padded = np.pad(image, 1, "edge")
    return padded[1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE]


def smaller(image):
    """Made a little smaller, and as large again."""
    small = Image.fromarray(image).resize((SIDE - 2, SIDE - 2), Image.Resampling.LANCZOS)
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def blurred(image):
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(3)))
