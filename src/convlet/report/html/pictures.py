"""Images inside a page, as data: within a budget of bytes, so that a page can be sent by mail.

Pixels stay as they are where that costs little; a photograph becomes a JPEG, and one that is larger than a thumbnail is
made as large as that.
"""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convlet.report.html.elements import Html, element

Array = NDArray[Any]
SMALL = 64  # pixels: an image up to this size is drawn with its pixels to be seen
CHEAP = 2500  # bytes that a PNG may always have
QUALITY = 85
VERMILION = np.array([213, 94, 0])


class Album:
    """Hands images out as long as their bytes, as they stand in the page, are within a budget."""

    def __init__(self, budget: int, largest: int = 96) -> None:
        self.left, self.largest = budget, largest

    def picture(self, pixels: Array, alternative: str) -> Html | None:
        """An image (H, W, C), floats from 0 to 1, with words in its place; None where the budget is used up."""
        return self.drawn(_picture(pixels), alternative)

    def drawn(self, image: Image.Image, alternative: str) -> Html | None:
        """The same, of an image that is there already."""
        small = max(image.size) <= SMALL
        image.thumbnail((self.largest, self.largest))
        source = _source(image)
        if len(source) > self.left:
            return None
        self.left -= len(source)
        return element("img", src=source, alt=alternative, class_="small" if small else None)


def _picture(pixels: Array) -> Image.Image:
    levels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if levels.shape[-1] >= 3:
        return Image.fromarray(levels[..., :3])
    return Image.fromarray(levels[..., 0])


def _source(image: Image.Image) -> str:
    """An image as a data address: PNG, or JPEG where that is much smaller."""
    png = _encoded(image, "PNG", optimize=True)
    if len(png) <= CHEAP:
        return data_address(png, "image/png")
    jpeg = _encoded(image, "JPEG", quality=QUALITY)
    return data_address(jpeg, "image/jpeg") if 2 * len(jpeg) < len(png) else data_address(png, "image/png")


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def data_address(content: bytes, kind: str) -> str:
    """The bytes of a file as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def overlaid(pixels: Array, strength: Array) -> Image.Image:
    """An image (H, W, C), paled, with a map (H, W), from 0 to 1, over it: the stronger, the brighter."""
    strength = strength[..., np.newaxis] ** 1.5
    ground = 255 * (0.12 + 0.45 * np.clip(pixels, 0, 1).mean(axis=-1, keepdims=True))
    colour = VERMILION + np.clip(2 * strength - 1, 0, 1) * (255 - VERMILION) * 0.75
    alpha = np.clip(1.6 * strength, 0, 1)
    return Image.fromarray(np.rint(ground * (1 - alpha) + colour * alpha).astype(np.uint8))
