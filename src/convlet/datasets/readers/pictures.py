"""One image file → pixels as a network takes them. For labelled folders of images see `convlet.datasets.collections`.

Whatever the file holds comes out upright, in 8 bits, grey or in colour, with nothing transparent, and small enough for
memory. Where a digit is in a picture is for `convlet.datasets.digits`.
"""

import io
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convlet.checks import one_of
from convlet.errors import DataError, FormatError, InputError

Size = tuple[int, int]  # (width, height), as Pillow has it
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
LARGEST = 64 * 2**20  # bytes of one file
MOST_PIXELS = 128 * 10**6  # decoded at once: 0.5 GB in colour
PLENTY = 16 * 10**6  # pixels; beyond them a picture is made smaller before anything else is done with it
DEPTHS = (12, 16)  # bits of a grey value, in files of 16
DAMAGE = (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, EOFError, struct.error)
LIGHT = 160  # of 255; where all that is not transparent is lighter, it was made for a dark ground


def read_picture(path: str | Path, image_shape: tuple[int, ...], *, fit: str | None = None) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of an image file: grey or colour as `image_shape` asks, and brought to its size.

    `fit` says how: "crop" keeps the middle, "pad" all of it, "stretch", or None, its corners; with a run's own,
    `run.data.preparation.fit`, they are what `run.predict([path])` sees.

    Raises DataError where the file cannot be read, FormatError where it is no image that can be decoded whole,
    InputError where a network takes neither grey nor colour, or for another `fit`.
    """
    one_of("fit", fit, (*FITS, None))
    content = content_of(Path(path))
    with quiet():
        return prepared(content, str(path), image_shape, fit)


def prepared(
    content: bytes, where: str, image_shape: tuple[int, ...], fit: str | None, *, most: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of an image file's bytes, as a run on pictures of this `fit` takes them; None: "stretch".

    At most so many are decoded. Whoever calls this is `quiet`. Raises FormatError, and InputError as `read_picture`
    does.
    """
    picture = picture_in(content, where, max(image_shape[:2], default=None), most)
    return fitted(picture, image_shape, fit or "stretch")


def fitted(picture: Image.Image, image_shape: tuple[int, ...], fit: str = "stretch") -> NDArray[np.uint8]:
    """The pixels (H, W, C) of a picture, as `image_shape` asks, and brought to its size as `FITS` says.

    Raises InputError as `read_picture` does.
    """
    if len(image_shape) != 3 or image_shape[2] not in (1, 3):
        raise InputError(f"image_shape={image_shape}: expected (H, W, 1) for grey or (H, W, 3) for colour.")
    height, width, channels = image_shape
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = FITS[fit](picture, (width, height))
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


def _stretched(picture: Image.Image, size: Size) -> Image.Image:
    return picture.resize(size, Image.Resampling.LANCZOS)


def _cropped(picture: Image.Image, size: Size) -> Image.Image:
    """The middle of the picture, as much of it as has the proportions asked for."""
    width, height = picture.size
    scale = min(width / size[0], height / size[1])
    left, top = (width - scale * size[0]) / 2, (height - scale * size[1]) / 2
    return picture.resize(size, Image.Resampling.LANCZOS, box=(left, top, width - left, height - top))


def _padded(picture: Image.Image, size: Size) -> Image.Image:
    """All of the picture, on a ground of the median colour of its border."""
    scale = max(picture.width / size[0], picture.height / size[1])
    inner = _stretched(picture, (max(round(picture.width / scale), 1), max(round(picture.height / scale), 1)))
    pixels = np.asarray(inner).reshape(inner.height, inner.width, -1)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = tuple(int(value) for value in np.median(border, axis=0))
    ground = Image.new(picture.mode, size, colour)
    ground.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return ground


FITS = {"crop": _cropped, "pad": _padded, "stretch": _stretched}  # how a picture comes to another size


def open_picture(path: str | Path) -> Image.Image:
    """The picture in a file, upright, in 8 bits, without transparency. Raises DataError or FormatError."""
    content = content_of(Path(path))
    with quiet():
        return picture_in(content, str(path))


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of damaged metadata, nor of sizes that have a limit of our own. Not for one of several threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def content_of(path: Path) -> bytes:
    """The bytes of an image file, all of one moment.

    Raises DataError where it cannot be read, is no regular file or changes meanwhile, FormatError if it is too large.
    """
    descriptor = None
    try:
        # a pipe would let us wait for somebody to write to it
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise DataError(f"{path}: cannot be read: it is no regular file.")
        if before.st_size > LARGEST:
            raise FormatError(f"{path}: {before.st_size:,} bytes; an image may have at most {LARGEST:,}.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
        after = os.fstat(descriptor)
    except (OSError, ValueError) as error:  # ValueError: no path has a NUL in it
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (len(content), after.st_mtime_ns):
        raise DataError(f"{path}: cannot be read: it changed meanwhile. Try again when nothing writes to it.")
    return content


def picture_in(content: bytes, where: str, least: int | None = None, most: int = MOST_PIXELS) -> Image.Image:
    """The picture in these bytes, as `open_picture` gives it; `where` names them in messages.

    It may have `most` pixels. Where it is to be made smaller than twice `least` pixels in each direction anyway, a JPEG
    is decoded at a fraction of its size. Raises FormatError. Whoever calls this is `quiet`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            _decode(picture, where, least, most)
            return _on_ground(ImageOps.exif_transpose(_smaller(_eight_bits(picture, where))))
    except UnidentifiedImageError:
        raise FormatError(f"{where}: not an image; expected one of {', '.join(FORMATS)}.") from None
    except Image.DecompressionBombError:
        raise FormatError(f"{where}: too many pixels. {_remedy(most)}") from None
    except DAMAGE as error:
        raise FormatError(f"{where}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _decode(picture: Image.Image, where: str, least: int | None, most: int) -> None:
    """Have the pixels, of a large JPEG only every second, fourth or eighth in each direction: so it fits in memory."""
    pixels = picture.width * picture.height
    scale = (PLENTY / pixels) ** 0.5 / 2 if pixels > PLENTY else 1.0
    if least is not None:
        scale = min(scale, 2 * least / min(picture.size)) if min(picture.size) else scale
    if scale < 1:
        picture.draft(None, (round(picture.width * scale), round(picture.height * scale)))
    pixels = picture.width * picture.height
    if pixels > most:
        raise FormatError(f"{where}: too many pixels: {pixels:,}. {_remedy(most)}")
    picture.load()


def _remedy(most: int) -> str:
    return f"At most {most:,} can be decoded: save it smaller, 4,000 pixels wide for instance."


def _eight_bits(picture: Image.Image, where: str) -> Image.Image:
    """16-bit grey as 8-bit; Pillow itself would cut every value above 255 down to white.

    Cameras and scanners of 12 bits leave the upper four of 16 empty: which range it is, the largest value tells.
    """
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PNG"):
        raise FormatError(f"{where}: pixels of 32 bits; expected 8 or 16. Save it as an ordinary PNG.")
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
