"""A picture of something written → how much ink is on each of its pixels, whatever the light and the paper.

Paper is what is left when everything narrower than a window is filled in from around it (a morphological closing): that
keeps shadows and their edges, and loses strokes. Ink is how far from its own paper a pixel is, as a share, so that a
stroke in the shade counts like one in the light. Which ink belongs to a digit is not decided here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WINDOW = 0.36  # of the longer side: no stroke is as thick
DARKEST = 0.06  # of full light: paper in black, where shares of its light would be shares of nothing


def dark_ink(pixels: Array) -> Array:
    """How much darker than the paper around it each pixel of (H, W, 3), uint8, is: (H, W), from 0 to 1.

    A coloured pen is seen in the channel where it is darkest, as yellow is in blue.
    """
    seen = pixels.min(axis=2)
    around = paper(seen).astype(np.float32)
    return _above_the_grain(1 - seen / np.maximum(around, 1))


def light_ink(pixels: Array) -> Array:
    """How much lighter than the paper around it each pixel of (H, W, 3), uint8, is: (H, W), from 0 to 1.

    0 is the paper, and 1 the lightest ink of the picture, since chalk may be any number of times as light as its board;
    ink that is nearly as dark as the paper in absolute terms is none.
    """
    seen = pixels.max(axis=2)
    around = 255 - paper(255 - seen).astype(np.float32)
    lighter = _above_the_grain((seen - around) / 255)
    share = lighter / (around / 255 + DARKEST)
    return share * (lighter.max() / max(share.max(), 1e-6))


def _above_the_grain(ink: Array) -> Array:
    """A closing finds the lightest grain of the paper; what the middle of all pixels differs from it by is no ink."""
    return np.maximum(ink - np.median(ink), 0)


def paper(pixels: Array) -> Array:
    """What a picture (H, W) of dark strokes would be without them: a closing by a square window, (H, W)."""
    reach = round(WINDOW * max(pixels.shape) / 2)
    wide = np.pad(pixels, 2 * reach, mode="edge")  # so that light which fades towards the border stays paper
    return 255 - largest_within(255 - largest_within(wide, reach), reach)


def largest_within(pixels: Array, reach: int) -> Array:
    """The largest value of the square that goes `reach` pixels each way: (H, W) → (H − 2 reach, W − 2 reach).

    By maxima of maxima, so that a wide square costs a few passes along each axis.
    """
    for _ in range(2):
        width = 1
        while width < 2 * reach + 1:
            step = min(width, 2 * reach + 1 - width)
            pixels = np.maximum(pixels[:-step], pixels[step:])
            width += step
        pixels = pixels.T
    return pixels


def grown(pixels: Array, reach: int) -> Array:
    """Everything grown by `reach` pixels each way, into the space around too: (H + 2 reach, W + 2 reach)."""
    return largest_within(np.pad(pixels, 2 * reach), reach)
