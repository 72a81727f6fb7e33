"""What can be said of an image by a single number: how bright, how contrasted, how sharp, how coloured it is.

What it is not: a judgement. What is unusual is told from the whole set (`unusual`), never from a fixed number alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.inspection.views import LARGE, Array, Row, grey, reduced

FLAT = 2 / 255  # of contrast; below it there is nothing on an image
DEVIATIONS = 6.0  # from the median, beyond which a value is unusual
HALF, TINY = 0.5, 1e-6
OF_MAD = 1.4826  # a normal distribution's standard deviation, in its median absolute deviations

Measures = dict[str, NDArray[np.float32]]


def measures(row: Row) -> Measures:
    """Of every image (N,): brightness and contrast, from 0 to 1; sharpness; colourfulness, where there are colours.

    Sharpness is how much of the contrast is between neighbouring pixels: a blurred copy of an image has less, a darker
    one the same.
    """
    found = [_measured(reduced(piece, LARGE)) for piece in row.pieces()]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _measured(images: Array) -> Measures:
    values = grey(images)
    contrast = values.std(axis=(1, 2))
    measured = {
        "brightness": values.mean(axis=(1, 2)),
        "contrast": contrast,
        "sharpness": _detail(values) / np.maximum(contrast, FLAT),
    }
    if images.shape[-1] >= 3:
        colours = images[..., :3].astype(np.int16)
        measured["colourfulness"] = (colours.max(axis=-1) - colours.min(axis=-1)).mean(axis=(1, 2)) / 255
        measured["redness"] = (colours[..., 0] - colours[..., 2]).mean(axis=(1, 2)) / 255
    return {name: array.astype(np.float32) for name, array in measured.items()}


def _detail(values: Array) -> Array:
    """The deviation of each pixel from the mean of its four neighbours, (n,), as a root of a mean square."""
    if min(values.shape[1:]) < 3:
        return np.zeros(len(values), np.float32)
    middle = values[:, 1:-1, 1:-1]
    around = values[:, :-2, 1:-1] + values[:, 2:, 1:-1] + values[:, 1:-1, :-2] + values[:, 1:-1, 2:]
    return np.sqrt(np.square(middle - around / 4).mean(axis=(1, 2)))


@dataclass(frozen=True)
class Unusual:
    """Images with far too little of something, the least first, and what they would have as others do.

    Attributes:
        what: "dark", "bright", "faint" or "blurred".
        places: which images.
        values: of them, how much light, shade, contrast or sharpness they have, where the median image has 1.
    """

    what: str
    places: NDArray[np.int64]
    values: NDArray[np.float32]


def unusual(measured: Measures) -> list[Unusual]:
    """The images that are dark, bright, faint or blurred beside the others of their set.

    That is: less than half of the median's light, shade, contrast or sharpness, and less than `DEVIATIONS` below it on
    a scale of ratios. Flat images, which are nothing of all this, are left out.
    """
    flat = measured["contrast"] < FLAT
    amounts = {
        "dark": measured["brightness"],
        "bright": 1 - measured["brightness"],
        "faint": measured["contrast"],
        "blurred": measured["sharpness"],
    }
    found = []
    for what, amount in amounts.items():
        ratios = amount / max(float(np.median(amount[~flat])), TINY) if not flat.all() else np.ones_like(amount)
        places = np.flatnonzero((ratios < lowest(ratios[~flat])) & ~flat)
        places = places[np.argsort(ratios[places], kind="stable")]
        found.append(Unusual(what, places, ratios[places]))
    return found


def lowest(ratios: Array) -> float:
    """The ratio to the median below which one is unusual: `DEVIATIONS` below 1 on a scale of ratios, or a half.

    A deviation is 1.4826 × the median absolute deviation of those below the median.
    """
    below = -np.log(np.maximum(ratios[ratios <= 1], TINY))
    deviation = OF_MAD * float(np.median(below)) if len(below) else 0.0
    return min(HALF, float(np.exp(-DEVIATIONS * deviation)))
