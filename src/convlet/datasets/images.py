"""Pixels in the one form that a network takes, and one scale: 0 is black, 1 is white, wherever images enter.

uint8 is divided by 255; floats are taken from 0 to 1 and refused on any other scale, with what would bring *these* ones
there. So what a network was trained on and what it is asked about can differ in nothing but what they show.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlet.datasets.stored import StoredImages, pieces
from convlet.errors import DataError

Images: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
OVERSHOOT = 0.25  # beyond 0 and 1: what a resizer adds at sharp edges, and a little noise
WHITES = (
    15,
    16,
    255,
    1023,
    4095,
    65535,
)  # what white is where it is not 1: 4, 8, 10, 12 and 16 bits; scikit-learn's 16
NEARLY_BLACK = 16  # of 255: the brightest pixel of a whole training set is never darker, unless the scale is another
BELOW, AROUND = 0.02, 0.05  # floats this far below 0, with a mean of so few standard deviations, are around it
CHANNELS = (1, 3, 4)
MOST_CHANNELS = 16  # a last axis that is longer, or as long as the one before, is rather an image's width


def pixels(images: ArrayLike) -> NDArray[np.float32]:
    """Images as a network takes them, (N, H, W, C) in float32: checked, uint8 divided by 255.

    Raises DataError where they are no images, or on another scale.
    """
    return scaled(canonical_images(images))


def scaled(images: Images) -> NDArray[np.float32]:
    """A fresh, C-contiguous copy in float32, in [0, 1] where the images are uint8."""
    values = np.array(images, dtype=np.float32, order="C")
    if images.dtype == np.uint8:
        values /= np.float32(255)
    return values


def canonical_images(given: ArrayLike) -> Images:
    """(N, H, W) or (N, H, W, C) of any allowed type → (N, H, W, C), uint8 or float32."""
    images = filled_array(given, "images")
    images = with_channels(images, axes=4)
    if images.ndim != 4:
        raise DataError(f"images: shape {images.shape}; allowed: (N, H, W) or (N, H, W, C). Reshape them.")
    _, first, second, last = images.shape
    wide = last > MOST_CHANNELS or (last == second > max(CHANNELS))
    if first in CHANNELS and second > max(CHANNELS) and wide:
        raise DataError(
            f"images: shape {images.shape} looks channels-first; allowed: (N, H, W, C). "
            "Use images.transpose(0, 2, 3, 1); or images.transpose(0, 2, 1, 3), if the last axis is the channels."
        )
    if images.dtype == np.uint8:
        return images
    if np.issubdtype(images.dtype, np.integer):
        raise DataError(f"images: type {images.dtype}; {_ALLOWED}. {_advice(int(images.min()), int(images.max()))}")
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(f"images: type {images.dtype}; {_ALLOWED}. Make them numbers first.")
    return _canonical_floats(images)


def with_channels(images: NDArray[Any], *, axes: int) -> NDArray[Any]:
    """Images with their axis of channels, of `axes` axes in all: one channel where that axis alone is left out."""
    return images[..., np.newaxis] if images.ndim == axes - 1 else images


def filled_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """`values` as an array with at least one element."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: not an array ({error}). Give rows of equal length, or a NumPy array.") from error
    if array.size == 0:
        raise DataError(f"{name}: empty (shape {array.shape}). Give at least one image with its label.")
    return array


def check_scale(images: Images | StoredImages) -> None:
    """Raise a DataError where a whole training set is on another scale, though each of its pixels might be on ours.

    That is where all are nearly black, 0 and 1 or 0 to 16 of 255, or divided by 255 twice; and where floats are around
    0, lessened by their mean.
    """
    white = 255 if images.dtype == np.uint8 else 1
    high = 0.0
    for piece in pieces(images):
        if (high := max(high, float(piece.max()))) > (NEARLY_BLACK + 0.5) * white / 255:
            break
    else:
        if high > 0:
            said = f"uint8 up to {high:g}" if white == 255 else f"float pixels up to {high:g}"
            use = f"If {high:g} is to be white, use images / {high:g}."
            raise DataError(f"images: {said}, nearly black; white is {white}. {use}")
    if isinstance(images, np.ndarray) and white == 1:
        _check_around(images)


def _check_around(images: NDArray[Any]) -> None:
    """Raise a DataError where float pixels are around 0: black is 0, so that but for a little noise none is below."""
    if (low := float(images.min())) < -BELOW and (mean := float(images.mean())) < AROUND * float(images.std()):
        raise DataError(
            f"images: float pixels from {low:g} to {images.max():g}, {mean:.2g} on average; {_ALLOWED}. They look "
            f"lessened by their mean: give them as they were before, perhaps with images + {-low:g}, and let a "
            "Normalization as the first layer do it inside the network. Or use np.clip(images, 0, 1), if black is 0."
        )


_ALLOWED = "allowed: uint8 in 0–255, or float from 0 (black) to 1 (white)"


def _canonical_floats(images: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Float pixels → float32; refuses what is not finite and what is on another scale than 0 to 1."""
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused as such
        values = images.astype(np.float32, copy=False)
    finite = np.isfinite(values)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise DataError(
            f"images: pixel {place} is {images[place]}, {np.count_nonzero(~finite):,} such in all; allowed: numbers "
            "that float32 can hold. Mend or leave out these images."
        )
    low, high = float(values.min()), float(values.max())
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise DataError(f"images: float pixels from {low:g} to {high:g}; {_ALLOWED}. {_advice(low, high)}")
    return values


def _advice(low: float, high: float) -> str:
    """What brings pixels from `low` to `high` to 0–1, as far as these two can tell."""
    beyond = 1.1 if low < 0 else 1.0  # a resizer that goes below black goes above white
    white = next((white for white in WHITES if white / 2 < high <= white * beyond), None)
    if white and low >= 0:
        return f"Use images / {white}, if {white} is white" + (", or images.astype(np.uint8)." if white == 255 else ".")
    if white and low >= -0.1 * white:
        return f"Use np.clip(images / {white}, 0, 1), if {white} is white."
    if low >= 0:
        return f"Divide them by the value that is white; the largest here is {high:g}."
    if low >= -0.5 and high <= 0.5:
        return "Use images + 0.5, if they were lessened by a half."
    if low >= -1 and high <= 1:
        return "Use (images + 1) / 2, if they are from -1 to 1."
    if -128 <= low < -16 and high <= 127:
        return "Use (images + 128.0) / 255, if they were lessened by 128."
    if low >= -OVERSHOOT and high <= 2:
        return "Use np.clip(images, 0, 1), if they are from 0 to 1 but for a few."
    return (
        "They look normalised by their mean and deviation: give them as they were before. Or use "
        f"(images + {-low:g}) / {high - low:g}, with these same two numbers for all images."
    )
