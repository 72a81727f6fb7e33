"""MNIST's own preparation: ink of any size → 28 × 28 pixels, as the digits that a network has learnt from.

After LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998): scaled to fit 20 × 20 pixels with its
proportions kept, in grey, and placed by its centre of mass. Each pixel of a MNIST image that is cut out and prepared
again comes out as it was, but for one image in some hundreds whose centre lies between two pixels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DIGIT, FIELD = 20, 28  # MNIST's digits fit in 20 × 20 pixels, and stand in 28 × 28
MIDDLE = 14.5  # pixels from the field's edge: MNIST centres on the middle of its 15th pixel, not between two
NOISE = 1e-6  # what the same sum in another order may differ by


def like_mnist(ink: Array) -> NDArray[np.uint8]:
    """Ink (H, W), 0 to 1 and not all 0, as MNIST would show it: (28, 28) uint8.

    1. Cut to the rows and columns where there is any ink.
    2. Scaled so that the longer side is 20 pixels and the shorter one in proportion, rounded, at least 1: a new pixel
       is the mean of the ink under it, parts of old pixels counted as such.
    3. Moved by whole pixels so that the centre of mass, where a pixel's mass is in its middle, comes nearest to 14.5
       from the top and the left; never over the field's edge.
    4. Times 255, rounded. All halves are rounded up.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, rounded(DIGIT * side / max(cut.shape))) for side in cut.shape)
    small = means(cut.shape[0], height) @ cut @ means(cut.shape[1], width).T  # (height, width)
    down, across = ((np.indices(small.shape) + 0.5) * small).sum(axis=(1, 2)) / small.sum()
    top = min(max(rounded(MIDDLE - down), 0), FIELD - height)
    left = min(max(rounded(MIDDLE - across), 0), FIELD - width)
    field = np.zeros((FIELD, FIELD))
    field[top : top + height, left : left + width] = small
    return np.floor(255 * field + 0.5 + NOISE).astype(np.uint8)


def means(old: int, new: int) -> Array:
    """How `old` pixels in a row become `new` ones, each the mean of what lies under it: (new, old), rows sum to 1.

    >>> means(3, 2).round(2).tolist()
    [[0.67, 0.33, 0.0], [0.0, 0.33, 0.67]]
    """
    edges = np.arange(new + 1)[:, np.newaxis] * (old / new)
    before = np.clip(edges - np.arange(old), 0, 1)  # how much of each old pixel lies before each edge
    return np.diff(before, axis=0) * (new / old)


def rounded(number: float) -> int:
    """The nearest whole number; halves go up, and so does what noise has made a little less than a half."""
    return int(np.floor(number + 0.5 + NOISE))
