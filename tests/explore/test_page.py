"""The page in a real browser, served and as one file: every view does what it says."""

import re
import threading
from dataclasses import replace

import numpy as np
import pages
import pytest
from browsing import WAYS

from convlet.engines import engine
from convlet.explore.edits import edited

# --------------------------------------------------------------------------------------------------------- second 0


@pytest.mark.parametrize("way", WAYS)
def test_a_real_image_is_there_with_one_number_explained(open_page, way):
    page = open_page(way)
    assert re.fullmatch(r"Why is this number −?\d+\.\d+\?", page.text("#panel h2"))
    assert page.page.locator("#panel .products table").count() == 3
    assert page.page.locator(".bars li").count() == 10
    assert sum(page.numbers(".bars .share")) == pytest.approx(100, abs=1)
    assert page.page.locator("[role=grid]").count() >= len(list(pages.DIGITS)) + 1


@pytest.mark.parametrize("way", WAYS)
def test_the_page_computes_what_the_engine_computes(open_page, studio, way):
    page = open_page(way, "image=3")
    image, _ = studio.content.shown.batch([3])
    content = studio.content
    parameters = content.parameters
    if way == "file":
        parameters = {name: array.astype(np.float16).astype(np.float32) for name, array in parameters.items()}
    logits = engine("numpy").compile(content.network, parameters).predict(image)[0]
    shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)


# ------------------------------------------------------------------------------------------------------------ draw


@pytest.mark.parametrize("way", WAYS)
def test_probabilities_follow_the_pen_and_every_stage_is_shown(open_page, way):
    page = open_page(way)
    page.click("text=Clear")
    assert "Draw" in page.text(".note")
    blank = page.numbers(".bars .share")
    box = page.page.locator(".pad").bounding_box()
    mouse = page.page.mouse
    mouse.move(box["x"] + 120, box["y"] + 40)
    mouse.down()
    for y in range(50, 210, 8):
        mouse.move(box["x"] + 120, box["y"] + y)
    page.settle()
    while_drawing = page.numbers(".bars .share")
    assert while_drawing != blank
    mouse.up()
    page.settle()
    assert page.page.locator(".stages figcaption").all_inner_texts() == ["drawn", "cut", "scaled to 20 × 20", "centred"]
    page.click("label.switch input")
    assert page.page.locator(".stages figcaption").all_inner_texts() == ["drawn", "only made smaller"]
    assert page.fragment()["prepared"] == "0"
    drawn = page.numbers(".bars .share")
    page.page.reload()
    page.page.wait_for_selector("body[data-ready=yes]")
    assert page.numbers(".bars .share") == drawn
    page.click("text=Undo")
    assert page.fragment().get("strokes", "") == ""


@pytest.mark.parametrize("way", WAYS)
def test_an_image_file_becomes_the_networks_image(open_page, tmp_path, way):
    from PIL import Image

    path = tmp_path / "seven.png"
    image = np.full((60, 60), 255, np.uint8)
    image[10:14, 15:40], image[10:50, 36:40] = 0, 0
    Image.fromarray(image).save(path)
    page = open_page(way)
    before = page.numbers(".bars .share")
    page.page.locator("input[type=file]").set_input_files(path)
    page.until("document.querySelector('.note').textContent.endsWith('%.')")
    assert page.numbers(".bars .share") != before
    assert page.fragment()["image"] == "-1"


@pytest.mark.parametrize("way", WAYS)
def test_a_tall_picture_of_a_digit_keeps_its_proportions(open_page, tmp_path, way):
    from PIL import Image, ImageDraw

    picture = Image.new("L", (200, 600), 255)
    ImageDraw.Draw(picture).ellipse((40, 200, 160, 320), outline=0, width=14)
    picture.save(tmp_path / "nought.png")
    page = open_page(way)
    page.page.locator("input[type=file]").set_input_files(tmp_path / "nought.png")
    page.until("location.hash.includes('image=-1')")
    page.settle()
    rows, columns = np.nonzero(np.array(page.probe("image()")) > 40)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1 and np.ptp(rows) >= 17


@pytest.mark.parametrize("way", WAYS)
def test_undo_takes_back_a_stroke_and_nothing_else(open_page, way):
    page = open_page(way, "image=7")
    page.click("text=Undo")
    assert page.fragment()["image"] == "7"
    page.go("image=-1&strokes=5k.50.5k.c0_1.2.3.4")
    page.click("text=Undo")
    assert page.fragment()["strokes"] == "5k.50.5k.c0"
    page.click("text=Undo")
    page.settle()
    assert page.fragment()["image"] == "-1" and page.text(".note") == "Draw, and it answers at once."


def test_a_file_that_is_no_image_is_refused_in_the_readers_language(open_page, tmp_path):
    path = tmp_path / "no.png"
    path.write_bytes(b"no image")
    page = open_page("served", "lang=vi")
    page.page.locator("input[type=file]").set_input_files(path)
    page.until("document.querySelector('.note').textContent.includes('Tệp này không phải là ảnh')")
    assert all("400" in complaint for complaint in page.complaints)
    page.complaints.clear()


# ----------------------------------------------------------------------------------------------------------- slide


@pytest.mark.parametrize("way", WAYS)
def test_the_kernel_slides_and_the_output_fills_in(open_page, way):
    page = open_page(way, "view=slide&image=5&slide=vertical_3_1_valid_0_0_")
    step = "#panel button >> text=Step"
    assert page.page.locator(".slide .products table").count() == 1
    for _ in range(3):
        page.click(step)
    assert page.page.locator(".slide .products table").count() == 2
    assert page.text(".slide [aria-live]") == "Row 1, column 1: position 1 of 676."
    page.click(step)
    assert page.text(".slide [aria-live]") == "Row 1, column 2: position 2 of 676."
    placed = page.probe("painted('.slide canvas', 1)")
    assert placed == 2
    page.page.reload()
    page.page.wait_for_selector("body[data-ready=yes]")
    assert page.text(".slide [aria-live]") == "Row 1, column 2: position 2 of 676."


def test_playing_ends_at_the_last_position_and_then_rests(open_page):
    page = open_page("served", "view=slide&image=5&slide=vertical_3_3_valid_70_3_")
    page.click("#panel button >> text=Play")
    page.until("location.hash.includes('_80_3_')")
    page.until("[...document.querySelectorAll('#panel button')].some((b) => b.textContent === 'Play')")


@pytest.mark.parametrize("way", WAYS)
def test_stride_padding_size_and_cells_can_be_changed(open_page, way):
    page = open_page(way, "view=slide&image=5&slide=blur_3_1_valid_0_3_")
    page.page.select_option("[data-word=padding]", "same")
    page.page.select_option("[data-word=stride]", "2")
    page.page.select_option("[data-word=size]", "5")
    page.settle()
    assert "14 × 14" in page.text(".slide .handles figure:last-child figcaption")
    assert page.text(".slide .counts") == (
        "25 weights, each used 196 times. A dense layer that does the same has 153,664 weights."
    )
    page.page.locator(".kernelcells input").nth(3).fill("0.5")
    page.settle()
    assert page.fragment()["slide"].startswith("own_5_2_same_")
    assert page.page.locator("[data-word=kernel]").input_value() == "own"


# ---------------------------------------------------------------------------------------------------------- ablate


@pytest.mark.parametrize("way", WAYS)
def test_a_silenced_filter_changes_the_answer_and_can_be_put_back(open_page, studio, way):
    page = open_page(way, "view=ablate&focus=conv2d_1.1.5.5&image=5")
    before = page.numbers(".bars .share")
    page.click("text=Silence it")
    assert page.fragment()["edits"] == "silence~conv2d_1~1"
    content = studio.content
    parameters = edited(content.network, content.parameters, [["silence", "conv2d_1", 1]])
    if way == "file":
        parameters = {name: array.astype(np.float16).astype(np.float32) for name, array in parameters.items()}
    program = engine("numpy").compile(content.network, parameters)
    logits = program.predict(content.shown.batch([5])[0])[0]
    shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
    page.until("/\\d %.*test images|% of/.test(document.querySelector('.accuracy').textContent)")
    right = (program.predict(content.data.test.batch(slice(None))[0]).argmax(axis=1) == content.data.test.labels).mean()
    page.until("!document.querySelector('.accuracy').textContent.endsWith('…')")
    assert page.text(".accuracy").startswith(f"{100 * right:.2f} % of 120 test images")
    page.click("text=Put everything back")
    assert page.numbers(".bars .share") == before
    assert "edits" not in page.fragment()


@pytest.fixture
def slow(studio, monkeypatch):
    """A page whose server counts what edits make of the test set only when it is told to; and how to tell it."""
    known, counted, told = studio.content, studio._evaluated, threading.Event()

    def waiting(network, parameters, examples):
        assert told.wait(60)
        return counted(network, parameters, examples)

    facts = {"accuracy": 0.5, "images": 120, "mistakes": 60}
    monkeypatch.setattr(studio, "content", replace(known, shown=known.data.test.take(slice(40)), wrong=20, facts=facts))
    monkeypatch.setattr(studio, "_evaluated", waiting)
    yield told.set
    told.set()


def test_while_the_server_counts_the_images_at_hand_say_about_how_many(open_page, slow):
    page = open_page("served", "view=ablate&focus=conv2d_1.1.5.5&image=5&lang=en")
    page.until("document.querySelector('.accuracy').textContent === '50.00 % of 120 test images.'")
    page.click("text=Silence it")
    page.until("/^About .* give or take .*…$/.test(document.querySelector('.accuracy').textContent)")
    slow()
    page.until(
        "/^[0-9.]+ % of 120 test images: \\d+ (fewer|more)/.test(document.querySelector('.accuracy').textContent)"
    )


def test_an_accuracy_that_comes_late_is_not_shown_of_what_was_put_back(open_page, slow):
    page = open_page("served", "view=ablate&focus=conv2d_1.1.5.5&image=5&lang=en")
    page.click("text=Silence it")
    page.until("document.querySelector('.accuracy').textContent.startsWith('About')")
    page.click("text=Put everything back")
    page.until("document.querySelector('.accuracy').textContent === '50.00 % of 120 test images.'")
    with page.page.expect_response("**/evaluate"):
        slow()
    page.page.wait_for_timeout(100)
    assert page.text(".accuracy") == "50.00 % of 120 test images."


@pytest.mark.parametrize("way", WAYS)
def test_a_weight_can_be_edited_and_put_back(open_page, way):
    page = open_page(way, "view=ablate&focus=conv2d_2.1.5.5&image=5")
    before = page.numbers(".bars .share")
    cell = page.page.locator(".ablate .kernelcells input").nth(4)
    kept = cell.input_value()
    cell.fill("9")
    cell.press("Enter")
    page.settle()
    assert page.numbers(".bars .share") != before
    assert page.fragment()["edits"].startswith("weight~conv2d_2/kernel~")
    cell.fill(kept)
    cell.press("Enter")
    page.settle()
    assert page.numbers(".bars .share") == before


# ----------------------------------------------------------------------------------------------------------- walk


@pytest.mark.parametrize("way", WAYS)
def test_the_walk_checks_what_was_done(open_page, way):
    page = open_page(way, "image=5")
    page.click("[data-view=walk]")
    assert page.text(".card .quiet") == "First walk, step 1 of 12"
    assert page.page.locator(".task.done").count() == 0
    row, column = page.probe("brightest()")
    x, y = page.probe(f"point('@image', {row}, {column})")
    page.page.mouse.click(x, y)
    page.page.wait_for_selector(".task.done")
    for step in range(2, 13):
        page.click("[data-go=next]")
        assert page.text(".card .quiet") == f"First walk, step {step} of 12"
    assert page.page.locator("[data-go=next]").count() == 0
    page.page.keyboard.press("Escape")
    page.settle()
    assert page.page.locator(".card").count() == 0
