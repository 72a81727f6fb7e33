"""From a picture to one digit, stage by stage.

sized      the picture, 512 pixels long, without its finest grain
written    its ink, dark or light; ruled lines painted over; the piece that is most of a digit
groups     the pieces that make up a digit; whether there are more digits than one
alone      the ink of these pieces, nothing else
pen        strokes that are finer than MNIST's made as thick as these
like_mnist in `centring`
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from convlet.datasets.digits.centring import like_mnist
from convlet.datasets.digits.ink import dark_ink, grown, light_ink
from convlet.datasets.digits.pieces import Piece, pieces_of
from convlet.datasets.digits.rules import without_rules
from convlet.errors import DataError

Array = NDArray[Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom

LONG = 512  # pixels of the picture's longer side while a digit is looked for
SHORT = 80  # pixels of a digit; one that comes out smaller is looked at again from nearer
GRAIN = 0.7  # pixels of blur against a camera's noise
FAINT = (0.1, 0.2, 0.4)  # what differs less from its paper is no ink; the first that leaves the digit free will do
BORDER = 1  # pixels; what comes so near to the border goes on outside
DARK_PAGE = 85  # of 255: white paper in deep shade is lighter, a board in good light darker
USUAL = 5  # times as likely is dark ink on a light page, or light ink on a dark one
SPECK = 10  # pixels; what is smaller is no digit
WEAK, STRONG = 0.15, 0.85  # of the pen's ink: where paper ends, and where the stroke is whole
DRAWN = 0.4  # of the pen's ink: what has as much is drawn, a piece of it or a stroke's width
CRUMB = 0.02  # of the largest piece's ink: less is no part of a digit
DIGITS_INK = 0.15  # of the largest piece's ink: less is no digit beside it
BESIDE, BESIDE_INK = 0.25, 0.05  # of its height and ink: what is more than that is another drawing, not a crumb
FINEST = 0.08  # of the digit's longer side: the width of MNIST's finer strokes
WIDEST = 1.4  # times its height: no digit is as wide


@dataclass(frozen=True)
class Digit:
    """What was found in a picture: (28, 28) uint8, light on dark; its box in the picture; why to doubt it, or ""."""

    pixels: NDArray[np.uint8]
    box: Box
    doubt: str


@dataclass(frozen=True)
class Ink:
    """Ink of one kind, dark or light, (H, W); the number of each pixel's piece, (H, W); the pieces, most ink first."""

    amount: Array
    labels: Array
    pieces: list[Piece]


def find_digit(picture: Image.Image, name: str) -> Digit:
    """The one digit in a picture of any size and mode.

    Raises DataError, which begins with the picture's `name`, where nothing is drawn or more than one digit.
    """
    digit = _find(picture, name)
    left, top, right, bottom = digit.box
    side = max(right - left, bottom - top)
    if side >= SHORT * max(picture.size) / LONG or max(picture.size) <= LONG:
        return digit
    near = (
        max(int(left - side), 0),
        max(int(top - side), 0),
        min(int(right + side), picture.width),
        min(int(bottom + side), picture.height),
    )
    digit = _find(picture.crop(near), name)
    left, top, right, bottom = digit.box
    return replace(digit, box=(left + near[0], top + near[1], right + near[0], bottom + near[1]))


def _find(picture: Image.Image, name: str) -> Digit:
    pixels = sized(picture)
    ink, main, doubt = written(pixels)
    if main is None:
        raise DataError(f"{name}: nothing is drawn in it; expected one digit, drawn or photographed.")
    digits = groups(main, ink.pieces)
    if len(digits) > 1:
        raise DataError(f"{name}: {len(digits)} digits; expected one. Cut them apart, a picture for each.")
    if not doubt and more_is_drawn(digits[0], ink.pieces):
        doubt = "more is drawn beside it"
    box = around(digits[0])
    if box[2] - box[0] > WIDEST * (box[3] - box[1]):
        doubt = "it is wider than a digit"
    scale = max(picture.size) / LONG
    box = (scale * box[0], scale * box[1], scale * box[2], scale * box[3])
    return Digit(like_mnist(pen(alone(ink, digits[0]))), box, doubt)


def sized(picture: Image.Image) -> Array:
    """The picture in colour, (H, W, 3) uint8, its longer side 512 pixels, its finest grain taken away."""
    scale = LONG / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(GRAIN)))


def written(pixels: Array) -> tuple[Ink, Piece | None, str]:
    """The ink that a digit is written with, in pixels (H, W, 3); its largest piece; why to doubt it, or "".

    Dark and light ink are both looked for. What is paper for the one is ink for the other in the bays and loops of a
    stroke, so the one that stands out most from what is widely around it is taken; on a light page dark ink counts
    more, and on a dark one light ink.
    """
    kinds = [pieces_by_pen(without_rules(ink(pixels), FAINT[0])) for ink in (dark_ink, light_ink)]
    free = [[piece for piece in kind.pieces if stands_free(piece, pixels.shape)] for kind in kinds]
    seen = pixels.min(axis=2), pixels.max(axis=2)
    scores = [
        standing_out(kind, pieces[0], grey) if pieces else 0
        for kind, pieces, grey in zip(kinds, free, seen, strict=True)
    ]
    scores[0 if np.median(pixels) > DARK_PAGE else 1] *= USUAL
    best = int(np.argmax(scores))
    if scores[best] > 0:
        return replace(kinds[best], pieces=free[best]), free[best][0], ""
    kind = kinds[0 if light_border(pixels) else 1]
    return kind, kind.pieces[0] if kind.pieces else None, "it reaches the picture's border"


def pieces_by_pen(amount: Array) -> Ink:
    """Ink (H, W) as shares of the pen's: 1 where the stroke of the largest free piece is whole, 0 where it ends."""
    seen = [
        (piece, labels) for labels, pieces in (pieces_of(amount > faint, amount) for faint in FAINT) for piece in pieces
    ]
    if not seen:
        return Ink(amount, np.full(amount.shape, -1), [])
    free = [(piece, labels) for piece, labels in seen if stands_free(piece, amount.shape)]
    main, labels = max(free or seen, key=lambda one: one[0].ink)
    whole = np.percentile(amount[labels == main.number], 90)
    shares = np.clip((amount / whole - WEAK) / (STRONG - WEAK), 0, 1)
    return Ink(shares, *pieces_of(shares >= DRAWN, amount))


def stands_free(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece is neither a speck nor goes on outside a picture of that shape."""
    return piece.side >= SPECK and not piece.touches(shape, BORDER)


def light_border(pixels: Array) -> bool:
    """Whether the border of an image (H, W, C) is light: MNIST's are dark."""
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]))) > 127


def standing_out(ink: Ink, piece: Piece, seen: Array) -> float:
    """How tall a piece is, times the square of how much it differs from what is widely around it in `seen` (H, W).

    The paper in a loop does not differ. A spot of light or shade does, but it is as thick as it is wide.
    """
    rows = slice(max(piece.top - piece.side, 0), piece.bottom + piece.side)
    columns = slice(max(piece.left - piece.side, 0), piece.right + piece.side)
    own = ink.labels[rows, columns] == piece.number
    inside, outside = (float(np.median(seen[rows, columns][which])) + 1 for which in (own, ~own))
    contrast = 1 - min(inside, outside) / max(inside, outside)
    return piece.height * contrast**2 * (1 - stroke_width(own) / piece.side)


def groups(main: Piece, pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each digit, the `main` piece's first. What is a crumb, or far from every digit, is in none."""
    pieces = [piece for piece in pieces if piece.ink > CRUMB * main.ink and piece is not main]
    found = [[main]]
    for piece in pieces:
        if piece.ink > DIGITS_INK * main.ink and all(two_digits(piece, group[0]) for group in found):
            found.append([piece])
            continue
        nearest = min(found, key=lambda group: piece.gap(group[0]))
        if piece.gap(nearest[0]) < 0.25 * max(nearest[0].side, piece.side):
            nearest.append(piece)
    return found


def two_digits(one: Piece, other: Piece) -> bool:
    """Whether two pieces are two digits, not parts of one: nearly as tall, and clearly beside or above each other."""
    tall = max(one.height, other.height)
    across, down = one.distances(other)
    return min(one.height, other.height) > 0.6 * tall and (across > 0.08 * tall or down > 0.2 * tall)


def more_is_drawn(digit: Sequence[Piece], pieces: Sequence[Piece]) -> bool:
    """Whether there is a piece that is no part of the digit, and too tall and too much ink for a crumb."""
    main = digit[0]
    tall, much = BESIDE * main.height, BESIDE_INK * main.ink
    return any(piece not in digit and piece.height > tall and piece.ink > much for piece in pieces)


def around(parts: Sequence[Piece]) -> Box:
    """The box of all these pieces."""
    left, top = min(piece.left for piece in parts), min(piece.top for piece in parts)
    return left, top, max(piece.right for piece in parts), max(piece.bottom for piece in parts)


def alone(ink: Ink, parts: Sequence[Piece]) -> Array:
    """The ink of these pieces with their soft edges, and nothing else: (H, W)."""
    mask = np.isin(ink.labels, [piece.number for piece in parts])
    return np.where(grown(mask, 2)[2:-2, 2:-2], ink.amount, 0)


def pen(ink: Array) -> Array:
    """Ink (H, W), its strokes made as thick as MNIST's finer ones where they are finer."""
    mask = ink >= DRAWN
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    missing = round((FINEST * side - stroke_width(mask)) / 2)
    return grown(ink, missing) if missing > 0 else ink


def stroke_width(mask: Array) -> float:
    """How wide the strokes of a mask (H, W) are, in pixels: twice their area for the length of their outline.

    The outline goes along the edges of pixels, and is so longer by 4 / π in the mean of all directions.
    """
    edged = np.pad(mask, 1)
    edges = (edged[1:] != edged[:-1]).sum() + (edged[:, 1:] != edged[:, :-1]).sum()
    return float(2 * mask.sum() * (4 / np.pi) / edges)
