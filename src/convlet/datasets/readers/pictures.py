"""One image file → pixels as a network takes them. For labelled folders of images this is not the place."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convlet.errors import DataError, FormatError, InputError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
LARGEST = 64 * 2**20  # bytes of one file
FAINT = 24  # of 255: ink that differs less from the paper is none
DIGIT, FIELD = 20, 28  # MNIST's digits fit in 20 × 20 pixels, and stand in 28 × 28


def read_picture(path: str | Path, image_shape: tuple[int, ...], *, digit: bool = False) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of an image file: grey or colour as `image_shape` asks, and resized to it.

    With `digit` the image is first made like one of MNIST's: light on dark, cut to the digit, scaled to 20 pixels,
    and placed with its centre of mass in the middle of 28 × 28.

    Raises DataError where the file cannot be read, FormatError where it is no image that can be decoded whole,
    InputError where a network takes neither grey nor colour.
    """
    if len(image_shape) != 3 or image_shape[2] not in (1, 3):
        raise InputError(f"image_shape={image_shape}: expected (H, W, 1) for grey or (H, W, 3) for colour.")
    height, width, channels = image_shape
    picture = _open(Path(path))
    if digit:
        picture = _like_mnist(picture.convert("L"), str(path))
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


def light_background(pixels: NDArray[np.uint8]) -> bool:
    """Whether the border of an image (H, W, C) is light: MNIST's are dark."""
    return _paper(pixels) > 127


def _paper(pixels: NDArray[Any]) -> float:
    """How light the border of an image (H, W, …) is."""
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def _open(path: Path) -> Image.Image:
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; an image may have at most {LARGEST:,}.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata: what matters is whether the pixels are there
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                picture.load()
                return _on_white(ImageOps.exif_transpose(_eight_bits(picture, path)))
    except UnidentifiedImageError:
        raise FormatError(f"{path}: not an image; expected one of {', '.join(FORMATS)}.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FormatError(f"{path}: too many pixels: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:
        kind = DataError if isinstance(error, OSError) and error.errno else FormatError
        raise kind(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _eight_bits(picture: Image.Image, path: Path) -> Image.Image:
    """16-bit grey as 8-bit; Pillow itself would cut every value above 255 down to white."""
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PNG"):
        raise FormatError(f"{path}: pixels of 32 bits; expected 8 or 16. Save it as an ordinary PNG.")
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture, np.float64) / 257).round().clip(0, 255).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    """What is transparent shows white, as on a page."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _like_mnist(picture: Image.Image, name: str) -> Image.Image:
    pixels = np.asarray(picture, np.float64)
    paper = _paper(pixels)
    ink = np.maximum(paper - pixels if paper > 127 else pixels - paper, 0)
    if ink.max() < FAINT:
        raise DataError(f"{name}: nothing is drawn in it; expected one digit on a plain background.")
    ink = np.where(ink > ink.max() / 8, ink, 0) * (255 / ink.max())  # paper is never quite one colour
    drawing = Image.fromarray(ink.round().astype(np.uint8))
    cut = drawing.crop(drawing.getbbox())
    scale = DIGIT / max(cut.size)
    size = (max(1, round(cut.width * scale)), max(1, round(cut.height * scale)))
    cut = cut.resize(size, Image.Resampling.LANCZOS)
    weights = np.asarray(cut, np.float64) + 1e-9
    row, column = ((np.indices(weights.shape) * weights).sum(axis=(1, 2)) / weights.sum()).tolist()
    field = Image.new("L", (FIELD, FIELD))
    field.paste(cut, (round(FIELD / 2 - 0.5 - column), round(FIELD / 2 - 0.5 - row)))
    return field
