"""One image file → pixels as a network takes them. For labelled folders of images this is not the place.

Whatever the file holds comes out upright, in 8 bits, grey or in colour, with nothing transparent, and small enough for
memory. Where a digit is in a picture is for `convlet.datasets.digits`.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convlet.errors import DataError, FormatError, InputError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
LARGEST = 64 * 2**20  # bytes of one file
MOST_PIXELS = 128 * 10**6  # decoded at once: 0.5 GB in colour
PLENTY = 16 * 10**6  # pixels; beyond them a picture is made smaller before anything else is done with it
DEPTHS = (12, 16)  # bits of a grey value, in files of 16
LIGHT = 160  # of 255; where all that is not transparent is lighter, it was made for a dark ground


def read_picture(path: str | Path, image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of an image file: grey or colour as `image_shape` asks, and resized to it.

    Raises DataError where the file cannot be read, FormatError where it is no image that can be decoded whole,
    InputError where a network takes neither grey nor colour.
    """
    return fitted(open_picture(path), image_shape)


def fitted(picture: Image.Image, image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of a picture, as `image_shape` asks. Raises InputError as `read_picture` does."""
    if len(image_shape) != 3 or image_shape[2] not in (1, 3):
        raise InputError(f"image_shape={image_shape}: expected (H, W, 1) for grey or (H, W, 3) for colour.")
    height, width, channels = image_shape
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


def open_picture(path: str | Path) -> Image.Image:
    """The picture in a file, upright, in 8 bits, without transparency. Raises DataError or FormatError."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; an image may have at most {LARGEST:,}.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, and of sizes that have a limit of our own
            with Image.open(path, formats=FORMATS) as picture:
                _decode(picture, path)
                return _on_ground(ImageOps.exif_transpose(_smaller(_eight_bits(picture, path))))
    except UnidentifiedImageError:
        raise FormatError(f"{path}: not an image; expected one of {', '.join(FORMATS)}.") from None
    except Image.DecompressionBombError:
        raise FormatError(f"{path}: too many pixels. {_remedy()}") from None
    except (OSError, SyntaxError, ValueError) as error:
        kind = DataError if isinstance(error, OSError) and error.errno else FormatError
        raise kind(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _decode(picture: Image.Image, path: Path) -> None:
    """Have the pixels, of a large JPEG only every second, fourth or eighth in each direction: so it fits in memory."""
    if picture.width * picture.height > PLENTY:
        scale = (PLENTY / (picture.width * picture.height)) ** 0.5
        picture.draft(None, (round(picture.width * scale / 2), round(picture.height * scale / 2)))
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise FormatError(f"{path}: too many pixels: {pixels:,}. {_remedy()}")
    picture.load()


def _remedy() -> str:
    return f"At most {MOST_PIXELS:,} can be decoded: save it smaller, 4,000 pixels wide for instance."


def _eight_bits(picture: Image.Image, path: Path) -> Image.Image:
    """16-bit grey as 8-bit; Pillow itself would cut every value above 255 down to white.

    Cameras and scanners of 12 bits leave the upper four of 16 empty: which range it is, the largest value tells.
    """
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PNG"):
        raise FormatError(f"{path}: pixels of 32 bits; expected 8 or 16. Save it as an ordinary PNG.")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    white = next(2**bits - 1 for bits in DEPTHS if values.max() < 2**bits or bits == DEPTHS[-1])
    return Image.fromarray((values * (255 / white)).round().clip(0, 255).astype(np.uint8))


def _smaller(picture: Image.Image) -> Image.Image:
    """A picture of more pixels than plenty with a whole fraction of them, each the mean of many."""
    factor = int(np.ceil((picture.width * picture.height / PLENTY) ** 0.5))
    if factor == 1:
        return picture
    exif = picture.getexif()
    if picture.mode in ("1", "P", "PA"):
        picture = picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    smaller = picture.reduce(factor)
    smaller.info["exif"] = exif.tobytes()
    return smaller


def _on_ground(picture: Image.Image) -> Image.Image:
    """What is transparent shows white, as on a page; or black, where all the rest is so light that it would vanish."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    picture = picture.convert("RGBA")
    grey, opaque = np.asarray(picture.convert("L")), np.asarray(picture.getchannel("A")) > 127
    for_dark = opaque.any() and not opaque.all() and np.percentile(grey[opaque], 5) > LIGHT
    ground = Image.new("RGBA", picture.size, "black" if for_dark else "white")
    return Image.alpha_composite(ground, picture).convert("RGB")
