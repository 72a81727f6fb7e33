"""One image file → pixels: every kind there is, every way one can be broken, and drawings of digits."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from convlet.datasets import mnist
from convlet.datasets.readers.pictures import light_background, read_picture
from convlet.errors import DataError, FormatError, InputError

GREY, COLOUR = (28, 28, 1), (28, 28, 3)


def digit():
    return mnist().test.images[0, ..., 0]


def saved(path, picture, **options):
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "tiff", "webp"])
def test_a_grey_image_is_read_as_it_is(tmp_path, kind):
    options = {"lossless": True} if kind == "webp" else {}
    path = saved(tmp_path / f"x.{kind}", Image.fromarray(digit()), **options)
    pixels = read_picture(path, GREY)
    assert (pixels.shape, pixels.dtype) == (GREY, np.uint8)
    np.testing.assert_array_equal(pixels[..., 0], digit())
    np.testing.assert_array_equal(read_picture(path, COLOUR), np.repeat(digit()[..., None], 3, axis=2))


def test_what_a_file_is_called_does_not_matter(tmp_path):
    np.testing.assert_array_equal(
        read_picture(saved(tmp_path / "x.jpg", Image.fromarray(digit()), format="PNG"), GREY)[..., 0], digit()
    )


def test_an_image_is_resized(tmp_path):
    big = Image.fromarray(digit()).resize((140, 84), Image.Resampling.NEAREST)
    assert read_picture(saved(tmp_path / "x.png", big), GREY).shape == GREY
    assert read_picture(saved(tmp_path / "x.png", big), (10, 12, 3)).shape == (10, 12, 3)


def test_sixteen_bits_are_scaled_to_eight_and_not_cut_off(tmp_path):
    path = saved(tmp_path / "x.png", Image.fromarray(digit().astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_picture(path, GREY)[..., 0], digit())


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_of_32_bits_are_refused(tmp_path, dtype):
    with pytest.raises(FormatError, match="32 bits"):
        read_picture(saved(tmp_path / "x.tiff", Image.fromarray(digit().astype(dtype))), GREY)


def test_what_is_transparent_shows_white(tmp_path):
    rgba = np.zeros((28, 28, 4), np.uint8)  # black, and invisible
    rgba[10:20, 10:20, 3] = 255
    pixels = read_picture(saved(tmp_path / "x.png", Image.fromarray(rgba)), GREY)[..., 0]
    assert pixels[15, 15] == 0 and pixels[0, 0] == 255
    palette = Image.fromarray(np.zeros((28, 28), np.uint8)).convert("P")
    assert read_picture(saved(tmp_path / "p.png", palette, transparency=0), GREY).min() == 255
    half = Image.fromarray(np.full((28, 28, 2), (0, 128), np.uint8), mode=None)
    assert read_picture(saved(tmp_path / "la.png", half), GREY)[0, 0, 0] == pytest.approx(127, abs=1)


def test_black_and_white_without_grey_is_read(tmp_path):
    bits = Image.fromarray(np.eye(28, dtype=bool))
    np.testing.assert_array_equal(read_picture(saved(tmp_path / "x.png", bits), GREY)[..., 0], np.eye(28) * 255)


def test_a_camera_held_sideways_is_put_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    path = saved(tmp_path / "x.png", Image.fromarray(digit()), exif=exif)
    np.testing.assert_array_equal(read_picture(path, GREY)[..., 0], np.rot90(digit(), -1))


@pytest.mark.parametrize("shape", [(28, 28, 2), (28, 28, 4), (784,)])
def test_a_network_that_takes_neither_grey_nor_colour_is_refused(tmp_path, shape):
    with pytest.raises(InputError, match="grey"):
        read_picture(saved(tmp_path / "x.png", Image.fromarray(digit())), shape)


# --- broken files -----------------------------------------------------------------------------------------------------


def png_bytes():
    file = io.BytesIO()
    Image.fromarray(digit()).save(file, "PNG")
    return file.getvalue()


def png_of_size(width, height):
    """A PNG that says it is so large, with no pixels behind it."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


BROKEN = {
    "empty": (b"", "not an image"),
    "text": (b"This is no picture.", "not an image"),
    "truncated": (png_bytes()[:-60], "cannot be read"),
    "only a signature": (png_bytes()[:8], ""),
    "a bomb": (png_of_size(100_000, 100_000), "too many pixels"),
    "half a bomb": (png_of_size(10_000, 10_000), "too many pixels"),
    "no pixels": (png_of_size(100, 100), "cannot be read"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    "a PDF": (b"%PDF-1.4\n", "not an image"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
}


@pytest.mark.parametrize("title", BROKEN)
def test_a_broken_file_is_named_in_one_sentence(tmp_path, title):
    content, says = BROKEN[title]
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_picture(tmp_path / "x.png", GREY)
    assert str(caught.value).startswith(f"{tmp_path / 'x.png'}: ") and says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_opened(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(FormatError, match="at most 67,108,864"):
        read_picture(tmp_path / "x.png", GREY)


@pytest.mark.parametrize("where", ["missing.png", "folder", "x" * 300])
def test_a_file_that_cannot_be_opened_is_a_data_error(tmp_path, where):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_picture(tmp_path / where, GREY)
    assert not isinstance(caught.value, FormatError)


def files():
    """One small file of each kind, to be damaged."""
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"):
        file = io.BytesIO()
        Image.fromarray(digit()[:12, :12]).convert("RGB").save(file, kind)
        yield file.getvalue()


FILES = list(files())


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_images_never_raise_anything_but_our_own_errors(data, tmp_path_factory):
    content = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(content), data.draw(st.sampled_from([40, 10**6]))) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(content)
    try:
        assert read_picture(path, GREY).shape == GREY
    except FormatError as error:
        assert "\n" not in str(error)


# --- digits -----------------------------------------------------------------------------------------------------------


def drawn_seven(paper=255, ink=0, size=200, at=(0, 0)):
    picture = Image.new("L", (size, size), paper)
    pen, (x, y) = ImageDraw.Draw(picture), at
    pen.line([(x + 30, y + 40), (x + 100, y + 40), (x + 60, y + 150)], fill=ink, width=14, joint="curve")
    return picture


@pytest.mark.parametrize("at", [(0, 0), (60, 30)])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (190, 40), (90, 220)])
def test_a_drawn_digit_becomes_one_of_mnists(tmp_path, paper, ink, at):
    pixels = read_picture(saved(tmp_path / "x.png", drawn_seven(paper, ink, at=at)), GREY, digit=True)[..., 0]
    rows, columns = np.flatnonzero(pixels.max(axis=1)), np.flatnonzero(pixels.max(axis=0))
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20  # its longer side is 20 pixels
    mass = pixels.astype(float)
    centre = [(np.indices(mass.shape)[axis] * mass).sum() / mass.sum() for axis in (0, 1)]
    assert np.abs(np.array(centre) - 13.5).max() <= 0.75  # within rounding of the middle
    assert not light_background(pixels[..., None])


def test_where_the_digit_stood_and_how_large_it_was_changes_little(tmp_path):
    one = read_picture(saved(tmp_path / "x.png", drawn_seven()), GREY, digit=True)
    moved = read_picture(saved(tmp_path / "y.png", drawn_seven(at=(70, 40))), GREY, digit=True)
    np.testing.assert_array_equal(one, moved)


def test_a_digit_for_a_network_that_takes_colour_or_another_size(tmp_path):
    path = saved(tmp_path / "x.png", drawn_seven())
    assert read_picture(path, COLOUR, digit=True).shape == COLOUR
    assert read_picture(path, (32, 32, 1), digit=True).shape == (32, 32, 1)


@pytest.mark.parametrize("paper", [0, 128, 255])
def test_a_blank_page_has_no_digit(tmp_path, paper):
    with pytest.raises(DataError, match="nothing is drawn"):
        read_picture(saved(tmp_path / "x.png", Image.new("L", (50, 50), paper)), GREY, digit=True)


def test_a_line_one_pixel_wide_is_a_digit_too(tmp_path):
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).line([(150, 20), (150, 280)], fill=0, width=1)
    assert read_picture(saved(tmp_path / "x.png", picture), GREY, digit=True).max() > 0


def test_a_light_border_is_noticed():
    assert light_background(np.full((28, 28, 1), 255, np.uint8))
    assert not light_background(digit()[..., None])
