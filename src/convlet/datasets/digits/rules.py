"""Ruled lines, checks and frames are painted over, in a picture of ink.

Every nearly level line is summed by a fast Hough transform (Brady, "A fast discrete approximation algorithm for the
Radon transform", 1998): W log W sums in place of W² for all slopes at a pixel of height. What runs from border to
border and is thin is ruled. It is filled in from just above and below it, so that a stroke that crosses it stays.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SLOPE = 0.3  # the steepest of lines
COVERED = 0.6  # of the picture's width
BESIDE = 0.6  # of a line's ink: how much there may be at its sides
REACH = 0.85  # of the picture's width, from a line's first to its last pixel of ink
THICK = 7  # pixels: half of the band in which a line and its two sides are looked at
NEAR = 3  # pixels: how far a line may be from where it was found
MOST = 90  # lines in each direction


def without_rules(ink: Array, faint: float) -> Array:
    """The ink (H, W) without the level and the upright lines that cross the whole picture."""
    level = _without_level(ink, faint)
    return _without_level(level.T, faint).T


def _without_level(ink: Array, faint: float) -> Array:
    painted = ink.copy()
    for left, right in level_lines(ink > faint):
        paint_over(painted, ink, left, right)
    return painted


def level_lines(mask: Array) -> list[tuple[int, int]]:
    """The lines from (left row, first column) to (right row, last column) that ink follows from border to border."""
    height, width = mask.shape
    near = mask.copy()
    near[1:] |= mask[:-1]
    near[:-1] |= mask[1:]
    found = []
    for sign in (1, -1):  # falling to the right, and rising
        sums = slanted_sums(near[::sign]) / width  # (rises, rows)
        thin = np.maximum(np.roll(sums, THICK, axis=1), np.roll(sums, -THICK, axis=1)) < BESIDE * sums
        rises, rows = np.nonzero((sums > COVERED) & thin)
        left = rows if sign > 0 else height - 1 - rows
        found.append((left, left + sign * rises * (width - 1) // max(_power_of_two(width) - 1, 1), sums[rises, rows]))
    lefts, rights, covered = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-covered, kind="stable")
    return _distinct(lefts[order], rights[order], near)


def _distinct(lefts: Array, rights: Array, mask: Array) -> list[tuple[int, int]]:
    """The first of all lines that are nearly the same, where it reaches from side to side."""
    kept: list[tuple[int, int]] = []
    while len(lefts) and len(kept) < MOST:
        left, right = int(lefts[0]), int(rights[0])
        inked = np.flatnonzero(mask[rows_of(left, right, mask.shape), np.arange(mask.shape[1])])
        if len(inked) and np.ptp(inked) >= REACH * mask.shape[1]:
            kept.append((left, right))
        other = (np.abs(lefts - left) > THICK) | (np.abs(rights - right) > THICK)
        lefts, rights = lefts[other], rights[other]
    return kept


def _power_of_two(number: int) -> int:
    """The least one that is not less."""
    return 1 << (number - 1).bit_length()


def slanted_sums(mask: Array) -> Array:
    """The number of pixels on each line that falls by `rise` rows over the picture's width: (rises, rows)."""
    height, width = mask.shape
    full = _power_of_two(width)
    steepest = int(SLOPE * full)
    blocks = np.zeros((full, 1, height + steepest), np.int16)
    blocks[:width, 0, :height] = mask.T
    while len(blocks) > 1:
        left, right = blocks[0::2], blocks[1::2]
        size = full // len(left)
        rises = int(SLOPE * size) + 1
        blocks = np.zeros((len(left), rises, height + steepest), np.int16)
        for rise in range(rises):
            half, down = min(rise // 2, left.shape[1] - 1), (rise + 1) // 2
            blocks[:, rise] = left[:, half]
            blocks[:, rise, : height + steepest - down] += right[:, half, down:]
    return blocks[0, :, :height]


def rows_of(left: int, right: int, shape: tuple[int, ...]) -> Array:
    """The row of a line in each column, (W,)."""
    return np.linspace(left, right, shape[1]).round().astype(int).clip(0, shape[0] - 1)


def paint_over(painted: Array, ink: Array, left: int, right: int) -> None:
    """Fill a line's band, as thick as the line is, from just above and just below it."""
    rows, columns = followed(ink, rows_of(left, right, ink.shape)), np.arange(ink.shape[1])
    places = _band(rows, THICK, len(ink))
    profile = np.percentile(ink[places, columns], 60, axis=1)  # a stroke along it covers less than half
    profile[THICK - 1 : THICK + 2] += 1e-3  # it is there, if only in part
    dark = np.flatnonzero(profile > profile.max() / 4)
    first, last = max(dark[0] - 2, 0), min(dark[-1] + 2, len(places) - 1)
    above, below = painted[places[first], columns], painted[places[last], columns]
    for at in range(first, last + 1):
        share = (at - first) / (last - first)
        painted[places[at], columns] = np.minimum((1 - share) * above + share * below, painted[places[at], columns])


def followed(ink: Array, rows: Array) -> Array:
    """The rows (W,) of the ink near a line: a parabola through it, since lenses and paper bend lines a little."""
    columns, places = np.arange(ink.shape[1]), _band(rows, NEAR, len(ink))
    weights = ink[places, columns]
    weights = np.minimum(weights, np.median(weights.max(axis=0)))  # a stroke that crosses counts no more than the line
    if weights.sum() == 0:
        return rows
    x = np.broadcast_to(columns / ink.shape[1], places.shape)
    curve = np.polynomial.Polynomial.fit(x.ravel(), places.ravel(), 2, w=np.sqrt(weights).ravel())
    return curve(columns / ink.shape[1]).round().astype(int).clip(0, len(ink) - 1)


def _band(rows: Array, reach: int, height: int) -> Array:
    """The rows so many pixels above and below a line: (2 reach + 1, W)."""
    return (rows + np.arange(-reach, reach + 1)[:, np.newaxis]).clip(0, height - 1)
