"""One image file → pixels: every kind there is, and every way one can be broken."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from roaming import examples

from convlet.datasets import mnist
from convlet.datasets.readers import pictures
from convlet.datasets.readers.pictures import open_picture, picture_in, read_picture
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


def test_an_image_of_other_proportions_is_fitted_as_is_said(tmp_path):
    path = saved(
        tmp_path / "x.png", Image.fromarray(np.repeat(np.uint8([0, 80, 160, 240]), 7)[np.newaxis].repeat(14, 0))
    )
    first = {fit: read_picture(path, (14, 14, 1), fit=fit)[0, :, 0] for fit in ("crop", "pad", "stretch", None)}
    assert (first["crop"][0], first["crop"][-1]) == (80, 160)  # the middle
    assert set(first["pad"]) == {120}  # the median of the border, all around
    assert (first["stretch"][0], first["stretch"][-1]) == (0, 240)
    np.testing.assert_array_equal(first[None], first["stretch"])
    with pytest.raises(InputError, match="fit='squeeze'"):
        read_picture(path, (14, 14, 1), fit="squeeze")


def test_no_fit_is_to_stretch_of_a_jpeg_that_is_decoded_at_a_fraction_too(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (450, 450), np.uint8)
    path = saved(tmp_path / "x.jpg", Image.fromarray(noise))
    np.testing.assert_array_equal(read_picture(path, GREY), read_picture(path, GREY, fit="stretch"))
    whole = np.asarray(open_picture(path).resize((28, 28), Image.Resampling.LANCZOS))
    assert (read_picture(path, GREY)[..., 0] != whole).any()  # so the fraction can be seen


def test_sixteen_bits_are_scaled_to_eight_and_not_cut_off(tmp_path):
    path = saved(tmp_path / "x.png", Image.fromarray(digit().astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_picture(path, GREY)[..., 0], digit())


def test_twelve_bits_in_sixteen_are_not_nearly_black(tmp_path):
    """A camera of 12 bits leaves the upper four empty: the largest value tells."""
    twelve = (digit().astype(np.float64) * (4095 / 255)).round().astype(np.uint16)
    read = read_picture(saved(tmp_path / "12.png", Image.fromarray(twelve)), GREY)
    np.testing.assert_array_equal(read[..., 0], digit())
    dark = read_picture(saved(tmp_path / "16.png", Image.fromarray(np.full((28, 28), 4096, np.uint16))), GREY)
    assert dark.max() == 16


def test_a_nearly_black_file_of_sixteen_bits_stays_nearly_black(tmp_path):
    """Its own largest value says nothing below 12 bits: two such files of one camera would be on two scales."""
    faint = saved(tmp_path / "x.png", Image.fromarray(digit().astype(np.uint16)))
    assert read_picture(faint, GREY).max() == 16  # 255 of 4095


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


@pytest.mark.parametrize(("ink", "ground"), [(255, 0), (200, 0), (100, 255), (0, 255)])
def test_light_ink_on_a_transparent_ground_stands_on_black(tmp_path, ink, ground):
    rgba = np.zeros((28, 28, 4), np.uint8)
    rgba[10:20, 10:20] = (ink, ink, ink, 255)
    pixels = read_picture(saved(tmp_path / "x.png", Image.fromarray(rgba)), GREY)[..., 0]
    assert (pixels[15, 15], pixels[0, 0]) == (ink, ground)


def test_a_picture_that_is_transparent_nowhere_or_everywhere_shows_as_before(tmp_path):
    rgba = np.full((28, 28, 4), 255, np.uint8)
    assert read_picture(saved(tmp_path / "x.png", Image.fromarray(rgba)), GREY).min() == 255
    rgba[..., 3] = 0
    assert read_picture(saved(tmp_path / "y.png", Image.fromarray(rgba)), GREY).min() == 255


@pytest.mark.parametrize(("kind", "mode"), [("png", "1"), ("png", "P"), ("png", "L"), ("png", "RGBA"), ("jpeg", "RGB")])
def test_more_pixels_than_plenty_are_reduced_and_look_the_same(tmp_path, monkeypatch, kind, mode):
    monkeypatch.setattr(pictures, "PLENTY", 5_000)
    exif = Image.Exif()
    exif[0x0112] = 6
    large = Image.fromarray(np.kron(digit(), np.ones((10, 10), np.uint8))).convert(mode)
    path = saved(tmp_path / f"x.{kind}", large, exif=exif)
    opened = open_picture(path)
    assert opened.width * opened.height <= 5_000
    shown = np.asarray(opened.convert("L").resize((28, 28)), float)
    expected = np.asarray(large.convert("L").resize((28, 28)), float)
    assert np.abs(shown - np.rot90(expected, -1)).mean() < 12


def test_a_jpeg_too_large_to_be_decoded_whole_is_decoded_smaller(tmp_path, monkeypatch):
    path = saved(tmp_path / "x.jpg", Image.new("L", (1600, 1200), 70))
    monkeypatch.setattr(pictures, "PLENTY", 200_000)
    decoded = picture_in(path.read_bytes(), "x.jpg", most=500_000)
    assert np.asarray(decoded).mean() == pytest.approx(70, abs=1)
    content = saved(tmp_path / "x.png", Image.new("L", (1600, 1200))).read_bytes()
    with pytest.raises(FormatError, match=r"x\.png: too many pixels: 1,920,000\. At most 500,000"):
        picture_in(content, "x.png", most=500_000)


def test_black_and_white_without_grey_is_read(tmp_path):
    bits = Image.fromarray(np.eye(28, dtype=bool))
    np.testing.assert_array_equal(read_picture(saved(tmp_path / "x.png", bits), GREY)[..., 0], np.eye(28) * 255)


def test_a_camera_held_sideways_is_put_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    path = saved(tmp_path / "x.png", Image.fromarray(digit()), exif=exif)
    np.testing.assert_array_equal(read_picture(path, GREY)[..., 0], np.rot90(digit(), -1))


@pytest.mark.parametrize("shape", [(28, 28, 2), (28, 28, 4), (784,), ()])
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
    "a bomb that Pillow lets through": (
        png_of_size(13_000, 10_000),
        "At most 128,000,000 can be decoded: save it smaller",
    ),
    "a large promise": (png_of_size(10_000, 10_000), "cannot be read"),
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


@examples(300)
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
