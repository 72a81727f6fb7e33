"""From photographs to digits: each thing that goes wrong with a photograph, and what a photograph must not hide."""

import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convlet.datasets import mnist
from convlet.datasets.digits import find_digit, light_border
from convlet.errors import DataError

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def camera():
    sys.path.insert(0, str(EXAMPLES))
    yield import_module("camera")
    sys.path.remove(str(EXAMPLES))


@cache
def known():
    """Images to compare with, as vectors of length 1, and their labels."""
    part = mnist().train.take(slice(6000))
    vectors = part.images.reshape(6000, -1).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), part.labels


def nearest(pixels):
    """The label of the most similar image: a network for tests, which nobody has to train."""
    vectors, labels = known()
    return int(labels[(vectors @ pixels.reshape(-1).astype(np.float32)).argmax()])


@cache
def readable():
    """Test images that the nearest image reads right."""
    test = mnist().test.take(slice(60))
    return [
        (image[..., 0], label) for image, label in zip(test.images, test.labels, strict=True) if nearest(image) == label
    ]


KINDS = (
    *("even light", "light from one side", "vignette", "shadow", "ruled paper", "checked paper", "dark rules"),
    *("stains and crumbs", "table edge", "frame", "chalk on a board", "ballpoint", "marker", "red pen", "yellow pen"),
    *("pencil", "noise", "out of focus", "strong JPEG", "turned", "perspective", "small in the picture"),
    *("fills the picture", "everything at once"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_digits_are_read_right_in_photographs_of_every_kind(camera, kind):
    right = 0
    for i, (image, label) in enumerate(readable()[5:9]):
        random = np.random.default_rng((7, i))
        scene = camera.KINDS[kind] if kind in camera.KINDS else camera.everything(random)
        picture = camera.photograph(image, scene, random)
        right += nearest(find_digit(picture, kind).pixels) == label
    assert right >= 3


def test_the_kinds_of_photographs_are_those_of_the_example(camera):
    assert set(KINDS) == {*camera.KINDS, "everything at once"}


def test_the_box_is_where_the_digit_is(camera):
    picture = Image.new("L", (900, 600), 230)
    ImageDraw.Draw(picture).rectangle((500, 200, 540, 380), fill=20)
    assert find_digit(picture, "one").box == pytest.approx((500, 200, 541, 381), abs=3)
    small = Image.new("L", (4000, 3000), 230)
    ImageDraw.Draw(small).rectangle((3000, 200, 3020, 290), fill=20)
    assert find_digit(small, "one").box == pytest.approx((3000, 200, 3021, 291), abs=3)


def page_with(*digits, size=(640, 480)):
    """A page with these images of MNIST at these places, each so many times as large."""
    page = Image.new("L", size, 235)
    for image, (left, top), times in digits:
        large = Image.fromarray(image).resize((28 * times, 28 * times), Image.Resampling.BICUBIC)
        page.paste(Image.new("L", large.size, 25), (left, top), large)
    return page


@pytest.mark.parametrize("places", [[(60, 100), (300, 110)], [(50, 60), (250, 50), (430, 70)], [(200, 10), (210, 240)]])
def test_several_digits_are_said_to_be_several(places):
    images = [image for image, _ in readable()]
    page = page_with(*[(image, place, 8) for image, place in zip(images, places, strict=False)])
    with pytest.raises(DataError, match=rf"^page\.png: {len(places)} digits; expected one\. Cut them apart"):
        find_digit(page, "page.png")


@pytest.mark.parametrize(("times", "doubt"), [(4, "more is drawn beside it"), (1, "")])
def test_a_smaller_digit_beside_one_is_left_out_and_that_is_doubted_unless_it_is_a_crumb(times, doubt):
    (large, _), (small, _) = readable()[:2]
    found = find_digit(page_with((large, (40, 100), 10), (small, (400, 200), times)), "two sizes")
    assert found.doubt == doubt and found.box[2] < 400


def five_in_two_strokes():
    page = Image.new("L", (400, 400), 240)
    pen = ImageDraw.Draw(page)
    pen.line([(150, 110), (145, 200)], fill=20, width=16)
    pen.arc((110, 190, 260, 330), 200, 130, fill=20, width=16)
    pen.line([(175, 95), (270, 90)], fill=20, width=16)
    return page


def test_a_digit_in_two_strokes_is_one():
    box = find_digit(five_in_two_strokes(), "five").box
    assert box[1] < 95 and box[3] > 320 and box[2] > 260


def test_crumbs_are_no_part_of_a_digit():
    page = page_with((readable()[0][0], (200, 100), 8))
    clean = find_digit(page, "clean")
    pen = ImageDraw.Draw(page)
    for x, y in np.random.default_rng(0).uniform((10, 10), (180, 470), (30, 2)):
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=30)
    np.testing.assert_array_equal(find_digit(page, "crumbs").pixels, clean.pixels)


def test_what_reaches_the_border_is_taken_where_there_is_nothing_else_and_doubted():
    page = Image.new("L", (200, 300), 240)
    ImageDraw.Draw(page).line([(100, 0), (100, 299)], fill=20, width=30)
    found = find_digit(page, "cut off")
    assert found.doubt == "it reaches the picture's border"
    assert find_digit(page_with((readable()[0][0], (200, 100), 8)), "whole").doubt == ""


def test_what_is_wider_than_a_digit_is_doubted():
    page = Image.new("L", (400, 300), 240)
    ImageDraw.Draw(page).line([(60, 150), (340, 160)], fill=20, width=18)
    assert find_digit(page, "dash").doubt == "it is wider than a digit"


@pytest.mark.parametrize("shade", [0, 60, 128, 200, 255])
def test_nothing_is_found_on_a_blank_page_in_uneven_light(shade):
    fading = np.linspace(1, 0.6, 300) * np.full((200, 1), shade)
    with pytest.raises(DataError, match="nothing is drawn"):
        find_digit(Image.fromarray(fading.astype(np.uint8)), "blank")


def test_a_fine_pen_is_made_as_thick_as_mnists():
    page = Image.new("L", (600, 600), 240)
    ImageDraw.Draw(page).line([(300, 60), (300, 540)], fill=20, width=4)
    assert (find_digit(page, "one").pixels > 60).sum() >= 20


def test_digits_of_mnist_itself_are_found_nearly_as_they_are():
    found = [(find_digit(Image.fromarray(image), "x").pixels, image, label) for image, label in readable()[:12]]
    assert sum(nearest(pixels) == label for pixels, _, label in found) >= 11
    assert np.mean([np.abs(pixels.astype(float) - image).mean() for pixels, image, _ in found]) < 16


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 3), (2000, 4), (28, 28)])
def test_no_picture_is_too_small_or_too_long(size):
    grain = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    try:
        assert find_digit(Image.fromarray(grain), "grain").pixels.shape == (28, 28)
    except DataError as error:
        assert str(error).startswith("grain: ")


def test_a_light_border_is_noticed():
    assert light_border(np.full((28, 28, 1), 255, np.uint8))
    assert not light_border(mnist().test.images[0])
