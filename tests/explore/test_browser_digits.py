"""A drawn digit becomes one of MNIST's in the browser: as in Python, and so that a network reads it."""

import numpy as np
import pages
import pytest
from browsing import WAYS, Page
from strokes import DRAWINGS, drawings

import convlet as cl
from convlet.datasets.digits import like_mnist
from convlet.explore import exporting
from convlet.explore.content import Content
from convlet.explore.studio import Studio
from convlet.explore.wire import packet, weights
from convlet.runs.recipe import load_recipe

PAD = 280  # pixels of the pad's drawing
PEN = 75  # thousandths of the pad
LOST = 0.005  # of accuracy, at most, by cutting real digits out and preparing them again
LEVELS = 2  # of 255: how far the browser's pixels may be from Python's
READ = 0.95  # of the drawings, at least


@pytest.fixture(scope="module")
def run():
    """LeNet-5 after a pass over MNIST or so."""
    network = load_recipe("lenet-5").network
    return cl.fit(network, cl.datasets.mnist(), optimizer=cl.Adam(1e-3), batch_size=32, steps=2000, seed=0)


PREPARE = """
    return places.map((place, i) => {
        const ink = harness.drawnLarge(images.subarray(784 * i, 784 * (i + 1)), place, pad);
        return {pixels: convlet.prepareDigit(ink, pad, pad).pixels, ink: sent ? ink : null};
    });
"""


def drawn_and_prepared(modules, images, sent=False):
    """Images of MNIST (N, 28, 28) drawn on the pad, at any size and place, and prepared; with `sent` the ink too."""
    generator = np.random.default_rng(0)
    sides = generator.integers(170, PAD, len(images))
    places = [
        {"side": int(side), "top": int(top), "left": int(left)}
        for side, (top, left) in zip(
            sides, generator.random((len(images), 2)) * (PAD - sides)[:, np.newaxis], strict=True
        )
    ]
    return modules.run(PREPARE, images=images.reshape(-1), places=places, pad=PAD, sent=sent)


def in_levels(pixels):
    """Pixels from 0 to 1 in MNIST's 256 levels: (28, 28)."""
    return np.round(255 * np.asarray(pixels, np.float64)).astype(np.uint8).reshape(28, 28)


def assert_alike(pixels, ink):
    """Raise an AssertionError unless Python makes of the same ink (H, W) what the browser did."""
    assert np.abs(in_levels(pixels).astype(int) - like_mnist(ink)).max() <= LEVELS


def test_the_browser_prepares_a_digit_as_python_does(modules):
    for made in drawn_and_prepared(modules, cl.datasets.mnist().test.images[:30, ..., 0], sent=True):
        assert_alike(made["pixels"], made["ink"].reshape(PAD, PAD).astype(np.float64))


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (1, 1, (0, 1, 0, 1)),
        (30, 3, (0, 30, 0, 3)),
        (5, 200, (2, 3, 10, 190)),
        (20, 20, (0, 20, 4, 16)),
        (7, 9, (1, 6, 2, 7)),
    ],
)
def test_a_digit_of_any_size_is_prepared_as_python_does(modules, height, width, box):
    ink = np.zeros((height, width), np.float32)
    ink[box[0] : box[1], box[2] : box[3]] = 0.8
    code = "return convlet.prepareDigit(ink, height, width).pixels"
    assert_alike(modules.run(code, ink=ink.reshape(-1), height=height, width=width), ink.astype(np.float64))


def test_every_stage_of_the_preparation_is_there_to_be_shown(modules):
    ink = np.zeros((40, 30), np.float32)
    ink[10:30, 5:15] = 1
    found = modules.run("return convlet.prepareDigit(ink, 40, 30)", ink=ink.reshape(-1))
    assert {key: found["box"][key] for key in ("top", "bottom", "left", "right")} == {
        "top": 10,
        "bottom": 30,
        "left": 5,
        "right": 15,
    }
    stages = {stage["name"]: stage["image"] for stage in found["stages"]}
    assert {name: image["shape"] for name, image in stages.items()} == {
        "cut": [20, 10, 1],
        "scaled": [20, 10, 1],
        "centred": [28, 28, 1],
    }
    assert found["centre"] == {"row": 10, "column": 5}
    assert found["place"] == {"row": 5, "column": 10}  # 4.5 and 9.5, halves up
    assert np.array_equal(stages["centred"]["values"], found["pixels"])
    assert np.array_equal(np.nonzero(found["pixels"].reshape(28, 28).any(axis=1))[0], np.arange(5, 25))


def test_an_empty_pad_is_no_digit(modules):
    code = "try { convlet.prepareDigit(new Float32Array(100), 10, 10); } catch (error) { return error.message; }"
    assert modules.run(code) == "nothing is drawn"


def test_real_digits_drawn_on_the_pad_are_read_as_well_as_the_originals(modules, run):
    test = cl.datasets.mnist().test
    images, labels = test.images[:3000], test.labels[:3000]
    again = np.stack([in_levels(made["pixels"]) for made in drawn_and_prepared(modules, images[..., 0])])
    accuracy, originally = (
        (run.predict(each).argmax(axis=1) == labels).mean() for each in (again[..., np.newaxis], images)
    )
    assert accuracy >= originally - LOST


@pytest.mark.parametrize("way", WAYS)
def test_a_digit_drawn_on_the_page_with_a_mouse_is_read_right(browser, run, tmp_path, way):
    data = cl.datasets.mnist()
    shown = data.test.take(slice(5))
    recipe = load_recipe("lenet-5")
    content = Content(
        "lenet", run.network, run.program.state().parameters, run.classes, recipe, run.engine, data, shown
    )
    studio = Studio(content)
    (tmp_path / "page.html").write_text(exporting.page(content), "utf-8")
    with pages.served(studio, language="en") as address:
        page = Page(browser.new_page(), address.url if way == "served" else (tmp_path / "page.html").as_uri()).go(
            "lang=en"
        )
        answers = []
        for digit, strokes in drawings()[::DRAWINGS]:
            page.click("text=Clear")
            box = page.page.locator(".pad").bounding_box()
            for stroke in strokes:
                points = np.reshape(stroke, (-1, 2)) * box["width"] / 1000 + (box["x"], box["y"])
                page.page.mouse.move(*points[0])
                page.page.mouse.down()
                for point in (*points[4:-4:4], points[-1]):  # a quick hand
                    page.page.mouse.move(*point)
                page.page.mouse.up()
            page.settle()
            answers.append(page.text(".note").startswith(f"It says {digit},"))
        assert sum(answers) >= 9 and page.complaints == []
        page.page.close()


def test_ten_drawings_of_each_digit_are_read_right_from_the_stroke_to_the_class(modules, run):
    code = """
        return drawings.map((strokes) => {
            const {pixels} = convlet.prepareDigit(harness.inkOf(strokes, pad, pen), pad, pad);
            return convlet.probabilities(network, convlet.forward(network, pixels));
        });
    """
    digits, strokes = zip(*drawings(), strict=True)
    given = packet(run.network, weights(run.program.state().parameters))
    probabilities = np.array(modules.run(code, given, drawings=list(strokes), pad=PAD, pen=PEN))
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == digits).mean() >= READ
