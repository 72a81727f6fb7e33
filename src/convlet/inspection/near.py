"""Images that are nearly the same: one saved again, moved by a pixel, or made smaller and larger again.

Hashes alone fail on digits and on objects before a plain ground, where hundreds of different images have one. So here
candidates are found by what moving an image does not change, are kept only if they are far nearer to each other than
to others, and are then laid on each other, pixel on pixel.

    1. the magnitudes of an image's low frequencies, which stay when it moves
    2. its nearest in them; near is what is less than 0.75 of the distance to its fifth, or 0.15 of the usual distance
    3. laid on each other at the best of nine positions, slightly smoothed, their pixels correlate by 0.997; or, not
       smoothed, by 0.999, whatever step 2 says

What it is not: a search for other views of one thing, or for parts of an image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.inspection.neighbours import nearest
from convlet.inspection.views import LARGE, Array, Row, grey, reduced

FREQUENCIES = 6  # in each direction, and 0
NEIGHBOURS = 6  # the image itself among them
LOOKED_AT, ALWAYS = 4, 2  # of these, and not itself, if they are near, and in any case
NEARER, NEAREST = 0.75, 0.15  # than the fifth neighbour, and than is usual: step 2
SMOOTHED, SHARP = 3e-3, 1e-3  # one minus the correlation: step 3
FADING = 16  # so small a part of an image at each side fades out, so that what crosses its border counts less


@dataclass(frozen=True)
class Near:
    """Pairs of images that are nearly the same, by their places (P, 2), the first one lower; and how different (P,)."""

    pairs: NDArray[np.int64]
    difference: NDArray[np.float32]


def near_pairs(row: Row, places: NDArray[np.int64]) -> Near:
    """All pairs among these images, none of them copies or flat, that are nearly the same."""
    if len(places) < 2:
        return Near(np.zeros((0, 2), np.int64), np.zeros(0, np.float32))
    step = row.at_a_time
    described = np.concatenate([spectra(grey(row.small[places[i : i + step]])) for i in range(0, len(places), step)])
    distances, others = nearest(described, described, NEIGHBOURS)
    pairs, clearly = _candidates(distances, others)
    differences = [
        _difference(row, places[pairs[i : i + step]], clearly[i : i + step]) for i in range(0, len(pairs), step)
    ]
    difference = np.concatenate([np.zeros(0, np.float32), *differences])
    same = np.isfinite(difference)
    order = np.argsort(difference[same], kind="stable")
    return Near(places[pairs[same]][order], difference[same][order])


def spectra(values: Array) -> Array:
    """The magnitudes of the low frequencies of grey images (n, H, W), without the median of their border: (n, D)."""
    _, H, W = values.shape
    border = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], axis=1)
    values = (values - np.median(border, axis=1)[:, np.newaxis, np.newaxis]) * _fading(H)[:, np.newaxis] * _fading(W)
    spectrum = np.abs(np.fft.rfft2(values)).astype(np.float32)
    rows, columns = min(FREQUENCIES, (H - 1) // 2), min(FREQUENCIES, (W - 1) // 2) + 1
    low = [spectrum[:, : rows + 1, :columns], spectrum[:, H - rows :, :columns]]
    return np.concatenate(low, axis=1).reshape(len(values), -1)


def _fading(pixels: int) -> Array:
    """1 in the middle, and less and less towards both ends."""
    window, edge = np.ones(pixels, np.float32), max(pixels // FADING, 1)
    window[:edge] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    window[-edge:] = window[:edge][::-1]
    return window


def _candidates(distances: Array, others: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs (P, 2) that may be the same, the lower place first, each once; and which are clearly nearer than others.

    The two nearest of each image are in any case.
    """
    own = others == np.arange(len(others))[:, np.newaxis]
    usual = np.median(np.where(own, np.inf, distances).min(axis=1))
    clearly = (distances < NEARER * distances[:, -1:]) | (distances < NEAREST * usual)
    rank = np.cumsum(~own, axis=1)
    wanted = ~own & (rank <= np.where(clearly, LOOKED_AT, ALWAYS))
    i, j = np.nonzero(wanted)
    pairs = np.sort(np.stack([i, others[i, j]], axis=1), axis=1)
    pairs, place = np.unique(pairs, axis=0, return_inverse=True)
    either = np.zeros(len(pairs), bool)
    np.logical_or.at(either, place.reshape(-1), clearly[i, j])
    return pairs, either


def _difference(row: Row, pairs: NDArray[np.int64], clearly: NDArray[np.bool_]) -> Array:
    """How different the images of each pair are; infinite, where they are not the same."""
    first, second = (reduced(row.images(pairs[:, side]), LARGE).astype(np.float32) / 255 for side in (0, 1))
    sharp = apart(first, second)
    found = np.where(sharp < SHARP, sharp, np.inf).astype(np.float32)
    if clearly.any():
        smooth = apart(_smoothed(first[clearly]), _smoothed(second[clearly]))
        found[clearly] = np.minimum(found[clearly], np.where(smooth < SMOOTHED, smooth, np.inf))
    return found


def apart(first: Array, second: Array) -> Array:
    """One minus the correlation of the pixels of images (n, H, W, C), at the best of nine positions: (n,)."""
    n, H, W, _ = first.shape
    least = np.full(n, np.inf)
    for down in _steps(H):
        for across in _steps(W):
            a = first[:, max(down, 0) : H + min(down, 0), max(across, 0) : W + min(across, 0)].reshape(n, -1)
            b = second[:, max(-down, 0) : H + min(-down, 0), max(-across, 0) : W + min(-across, 0)].reshape(n, -1)
            a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
            power = np.einsum("np,np->n", a, a) * np.einsum("np,np->n", b, b)
            least = np.minimum(least, 1 - np.einsum("np,np->n", a, b) / np.sqrt(np.maximum(power, 1e-12)))
    return least


def _steps(pixels: int) -> tuple[int, ...]:
    """By how many pixels images are moved in a direction: not where they have hardly any."""
    return (-1, 0, 1) if pixels > 2 else (0,)


def _smoothed(images: Array) -> Array:
    """Each pixel with its neighbours, the nearer the more: 1, 2, 1 in each direction."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 16
