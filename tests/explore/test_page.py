"""The page in a real browser, served and as one file: every view does what it says, and every printed sum adds up."""

import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pages
import pytest

from convlet.engines import engine
from convlet.explore.edits import edited

server = pytest.importorskip("convlet.explore.server", reason="the page's server is an extra: make test-page")

from convlet.explore import exporting  # noqa: E402

WAYS = ("served", "file")
PROBE = Path(__file__).with_name("probe.js")
AXE = Path(__file__).parents[2] / ".venv-page" / "typescript" / "node_modules" / "axe-core" / "axe.min.js"
BARE = ("data:", "about:", "blob:")  # addresses that nobody is asked for
MINUS = "\N{MINUS SIGN}"


class Page:
    """An open page, everything it complained of, and every address it asked for."""

    def __init__(self, page, url):
        self.page, self.url, self.complaints, self.asked = page, url, [], []
        page.add_init_script(path=PROBE)
        page.set_default_timeout(120_000)  # milliseconds; a machine may be busy
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("request", lambda request: self.asked.append(request.url))

    def go(self, state=""):
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}#{state}")
        self.page.wait_for_selector("body[data-ready=yes]")
        return self

    def probe(self, question):
        return self.page.evaluate(f"probe.{question}")

    def until(self, expression, seconds=60):
        """Wait until it is true. (Playwright's own waiting evaluates text, which the page's policy forbids.)"""
        pages.wait_until(lambda: self.page.evaluate(expression), seconds)

    def settle(self):
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def click(self, selector):
        self.page.locator(selector).first.click()
        self.settle()

    def fragment(self):
        return dict(parse_qsl(self.page.evaluate("location.hash").lstrip("#")))

    def numbers(self, selector):
        return [number(text) for text in self.page.locator(selector).all_inner_texts()]


def number(text):
    return float(text.replace(MINUS, "-").replace(",", ".").replace("%", "").replace("\xa0", ""))


@pytest.fixture(scope="module")
def studio():
    with pages.studio(pages.DIGITS, pages.digits(), steps=400) as made:
        yield made


@pytest.fixture(scope="module")
def urls(studio, tmp_path_factory):
    file = tmp_path_factory.mktemp("exported") / "page.html"
    file.write_text(exporting.page(studio.content), "utf-8")
    with pages.served(studio, language="en") as address:
        yield {"served": address.url, "file": file.as_uri()}


@pytest.fixture
def open_page(browser, urls):
    """Opens pages, which may complain of nothing and ask nobody but their own server."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    opened = []

    def open_(way, state="", **size):
        page = Page(context.new_page(), urls[way])
        if size:
            page.page.set_viewport_size(size)
        opened.append(page)
        return page.go(state)

    yield open_
    own = urls["served"].split("?")[0]
    for page in opened:
        assert page.complaints == []
        asked = {url.split("#")[0] for url in page.asked if not url.startswith(BARE)}
        if page.url.startswith("file:"):
            assert asked <= {page.url}
        else:
            assert [url for url in asked if not url.startswith(own)] == []
    context.close()


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


# ---------------------------------------------------------------------------------------------------------- explain


def added(texts):
    """The exact sum of printed numbers, in units of their last digit."""
    digits = max((len(re.split("[.,]", text)[1]) for text in texts if re.search("[.,]", text)), default=0)
    return round(sum(number(text) for text in texts), digits)


def focus_on(page, layer, channel, row, column):
    page.page.evaluate(f"location.hash = '#focus={layer}.{channel}.{row}.{column}&lang={page.lang}&image=5'")
    page.settle()
    page.settle()
    return page.probe("printed()")


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("way", WAYS)
def test_what_is_printed_adds_up_to_the_number_that_the_engine_gives(open_page, studio, way, language):
    content = studio.content
    parameters = content.parameters
    if way == "file":
        parameters = {name: array.astype(np.float16).astype(np.float32) for name, array in parameters.items()}
    image, _ = content.shown.batch([5])
    outputs = engine("numpy").compile(content.network, parameters).activations(image)
    page = open_page(way, f"lang={language}&image=5")
    page.lang = language
    generator = np.random.default_rng(0)
    for placed in content.network:
        output = outputs[placed.name][0]
        for _ in range(12):
            at = tuple(int(generator.integers(side)) for side in output.shape)
            row, column, channel = at if len(at) == 3 else (0, 0, at[0])
            shown = focus_on(page, placed.name, channel, row, column)
            said = re.search(r"[−\d][\d.,]*", shown["title"])[0]
            digits = len(re.split("[.,]", said)[1])
            assert abs(number(said) - float(output[at])) <= 0.51 * 10**-digits, (placed.name, at)
            if len(shown["tables"]) == 3:
                products, sums = shown["tables"][2], list(shown["sum"].values())
                assert added([*products, *sums[:-1]]) == number(sums[-1]), (placed.name, at)
            if shown["bars"]:
                *terms, whole = shown["bars"]
                assert added(terms) == number(whole), (placed.name, at)
            if shown["terms"] and type(placed.layer).__name__ in ("Conv2D", "Dense"):
                total = re.search(r"=([−\d.,]+)", shown["sentences"][-1])[1]
                assert added(shown["terms"]) == number(total), (placed.name, at)


@pytest.mark.parametrize("way", WAYS)
def test_the_probabilities_are_explained_as_shares_of_powers(open_page, way):
    page = open_page(way, "focus=@classes.4.0.0&image=5")
    rows = page.probe("table()")
    powers = [row[2] for row in rows]
    assert added(powers[:-1]) == number(powers[-1])
    dividend, divisor, share = (number(part) for part in re.split("[÷=]", page.text(".explain .sentence")))
    assert round(dividend / divisor, 4) == pytest.approx(share, abs=1e-4)
    assert sum(number(row[3]) for row in rows if row[3]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_a_number_leads_back_to_the_pixels_and_on_to_the_classes(open_page, way):
    page = open_page(way, "focus=@classes.4.0.0")
    page.click(".explain button.link >> text=Explain its score")
    assert page.fragment()["focus"] == "dense_1.4.0.0"
    page.click(".explain .signed button")
    assert page.fragment()["focus"].startswith("dropout_1.")
    page.click(".explain button.link")
    assert page.fragment()["focus"].startswith("flatten_1.")
    page.click(".explain button.link")
    assert page.fragment()["focus"].startswith("max_pooling2d_2.")
    page.click(".explain .onwards button.link")
    assert page.fragment()["focus"].startswith("flatten_1.")


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


# ----------------------------------------------------------------------------------------------------------- train


def test_training_is_live_and_its_time_line_shows_the_network_as_it_was(open_page, studio):
    page = open_page("served", "view=train&image=5")
    before = page.numbers(".bars .share")
    page.click("text=Train it again")
    page.until("/^(Step|Done)/.test(document.querySelector('.train [role=status]').textContent)")
    page.until("document.querySelector('.train [role=status]').textContent.startsWith('Done')", 120)
    page.page.wait_for_selector(".timeline input")
    assert page.page.locator(".train svg polyline").count() >= 3
    page.settle()
    learnt = page.numbers(".bars .share")
    assert learnt != before
    page.page.locator(".timeline input").fill("0")
    page.until("location.hash.includes(encodeURIComponent(',0,0'))")
    page.page.wait_for_timeout(300)
    first = page.numbers(".bars .share")
    initial = studio.content.network.initial_parameters(0)
    logits = engine("numpy").compile(studio.content.network, initial).predict(studio.content.shown.batch([5])[0])[0]
    shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert first == pytest.approx(shares.tolist(), abs=0.051)
    page.click("text=Back to the network that was opened")
    page.settle()
    assert page.numbers(".bars .share") == before


def test_a_fresh_network_learns_while_one_watches_and_is_there_to_be_drawn_on(browser):
    with pages.studio(pages.DIGITS, pages.digits(), steps=150, fresh=True) as fresh, pages.served(fresh) as address:
        context = browser.new_context()
        page = Page(context.new_page(), address.url)
        page.page.goto(address.url)
        page.page.wait_for_selector("body[data-ready=yes]")
        page.until("document.querySelector('.train [role=status]').textContent.startsWith('Done')", 120)
        page.until("new URLSearchParams(location.hash.slice(1)).get('moment')?.endsWith(',150')")
        page.page.wait_for_timeout(300)
        image, _ = fresh.content.shown.batch([0])
        logits = fresh.session.contestants[0].program.predict(image)[0]
        shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
        page.page.reload()
        page.page.wait_for_selector("body[data-ready=yes]")
        page.settle()
        page.page.wait_for_timeout(300)
        assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
        page.page.locator("#network [data-layer=conv2d_1] canvas").first.click(position={"x": 9, "y": 9})
        page.settle()
        assert page.text("#panel .explain h2").startswith("Why is this number")
        assert page.complaints == []
        context.close()


def test_a_file_does_not_offer_what_needs_a_server(open_page):
    page = open_page("file")
    assert page.page.locator("[data-view=train]").count() == 0


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


# ------------------------------------------------------------------------------------ language, theme, keys, reload


@pytest.mark.parametrize("way", WAYS)
def test_language_and_theme_change_in_place(open_page, way):
    page = open_page(way, "focus=conv2d_2.1.5.5&image=5")
    page.click("text=Tiếng Việt")
    page.until("document.documentElement.lang === 'vi'")
    page.settle()
    assert page.text("#panel h2").startswith("Vì sao số này là")
    assert page.fragment()["focus"] == "conv2d_2.1.5.5"
    light = page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.click("text=Tối")
    assert page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    page.page.reload()
    page.page.wait_for_selector("body[data-ready=yes]")
    assert page.text("#panel h2").startswith("Vì sao số này là")
    assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("way", WAYS)
def test_the_keyboard_alone_reaches_and_explains_any_number(open_page, way):
    page = open_page(way, "focus=conv2d_2.1.5.5&image=5")
    for _ in range(60):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("document.activeElement.closest('[data-layer=conv2d_2] [role=grid]') !== null"):
            break
    else:
        pytest.fail("the grid is not reached with the tabulator")
    assert page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for key, focus in (
        ("ArrowDown", "conv2d_2.1.6.5"), ("ArrowRight", "conv2d_2.1.6.6"), ("ArrowUp", "conv2d_2.1.5.6"),
        ("ArrowLeft", "conv2d_2.1.5.5"), ("]", "conv2d_2.2.5.5"), ("[", "conv2d_2.1.5.5"),
    ):  # fmt: skip
        page.page.keyboard.press(key)
        page.settle()
        assert page.fragment()["focus"] == focus
    spoken = page.probe("heard()")
    place, rank = "conv2d_2, map 2 of 4, row 6, column 6", r"(the largest|number \d+ by size) of 144"
    assert re.fullmatch(rf"{place}: −?\d+\.\d+, {rank}", spoken)


DRAWN = "strokes=5k.50.5k.c0.5k.jk_1.2.3.4&image=-1&prepared=0&focus=@classes.1.0.0"
STATES = [
    "focus=conv2d_2.1.5.5&image=7", "view=slide&slide=outline_3_2_same_40_3_&image=7", "shows=kernels&image=9",
    "view=ablate&edits=silence~conv2d_2~1_weight~dense_1/kernel~3~0.25&image=7", "step=4&view=slide&image=7",
    DRAWN, "lang=vi&theme=dark&image=2",
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state[:24])
@pytest.mark.parametrize("way", WAYS)
def test_a_reload_changes_nothing(open_page, way, state):
    page = open_page(way, state)
    page.settle()
    seen, before = shown(page), page.fragment()
    page.page.reload()
    page.page.wait_for_selector("body[data-ready=yes]")
    page.settle()
    assert page.fragment() == before
    assert shown(page) == seen


def shown(page):
    """The lines of the page, but for the accuracy, which comes when it is counted."""
    text = page.page.evaluate("document.getElementById('page').innerText")
    return [line for line in re.sub(r"[\d.,]+ % of .*|.*…", "", text).splitlines() if line.strip()]


@pytest.mark.parametrize(
    "state",
    ["focus=nothing.0.0.0", "focus=conv2d_1.99.0.0", "image=99999", "view=nothing", "edits=silence~no~1_weight~x~1~2",
     "slide=zzz_9_9_no_1_1_", "strokes=zz.zz.zz", "step=99", "moment=7,0,3", "lang=xx&theme=pink", "%%%=&&&=1"],
)  # fmt: skip
def test_an_address_that_makes_no_sense_opens_the_page_all_the_same(open_page, state):
    page = open_page("served", state)
    page.settle()
    page.page.wait_for_timeout(100)
    assert page.text("#panel h2")
    page.complaints[:] = [complaint for complaint in page.complaints if "400" not in complaint]  # of the moment


# ------------------------------------------------------------------------------------------------- sizes and access

LAYOUTS = [
    "focus=conv2d_2.1.5.5", "focus=@classes.1.0.0", "view=slide", "view=ablate&focus=dense_1.1.0.0", "view=train",
    "step=3", "shows=kernels",
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("width", [360, 390, 720, 1024, 1100, 1280, 1920, 2560])
def test_nothing_overlaps_or_scrolls_sideways(open_page, width, language):
    page = open_page("served", width=width, height=800)
    for state in LAYOUTS:
        page.go(f"{state}&lang={language}&image=5")
        page.settle()
        found = page.probe("layout()")
        assert found == {"sideways": 0, "overlaps": 0, "wide": [], "cut": []}, (state, width, language)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_axe_finds_no_fault(browser, urls, scheme, language):
    axe = Path(os.environ.get("AXE", AXE))
    if not axe.is_file():
        pytest.skip("axe-core is not here: make check-page installs it")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe itself is no part of the page
    page = Page(context.new_page(), urls["served"])
    for state in (*LAYOUTS, DRAWN):
        page.go(f"{state}&lang={language}")
        page.page.add_script_tag(path=axe)
        page.page.wait_for_timeout(300)  # for what fades
        found = page.page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")
        assert found == [], (state, scheme, language)
    context.close()


def test_with_reduced_motion_nothing_plays(browser, urls):
    context = browser.new_context(reduced_motion="reduce")
    page = Page(context.new_page(), urls["served"]).go("view=slide&slide=vertical_3_1_valid_0_0_")
    page.click("#panel button >> text=Play")
    page.page.wait_for_timeout(1000)
    assert page.fragment()["slide"] == "vertical_3_1_valid_0_1_"
    assert page.page.evaluate("getComputedStyle(document.querySelector('.layer')).transitionDuration") == "0s"
    context.close()


def test_ten_pages_at_once_are_served(open_page):
    opened = [open_page("served", f"image={i}") for i in range(10)]
    assert len({page.text(".note") for page in opened}) > 1


def test_an_idle_page_asks_for_nothing_and_draws_nothing(open_page):
    page = open_page("served", "view=slide")
    page.settle()
    asked = len(page.asked)
    page.probe("countFrames()")
    page.page.wait_for_timeout(1500)
    assert len(page.asked) == asked
    assert page.page.evaluate("globalThis.frames_") == 0


def test_the_pages_own_code_is_small():
    code = exporting.bundled(exporting.modules())  # without its comments: what a browser has to read
    assert "/**" not in code
    assert len(code.encode()) + (exporting.PAGE / "style.css").stat().st_size <= 200_000


def test_an_exported_file_names_its_script_and_style_by_hash_and_allows_nothing_else(urls):
    from urllib.request import url2pathname

    text = Path(url2pathname(urls["file"].removeprefix("file://"))).read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src &#x27;none&#x27;" in policy and "unsafe" not in policy and "http" not in policy
    assert policy.count("sha256-") == 2
    assert json.loads(re.search(r'id="texts">(.*?)</script>', text)[1])["vi"]["kernel"] == "hạt nhân"
