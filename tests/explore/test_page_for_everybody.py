"""The page at every size, in both languages, by keys alone and after a reload; unasked it does nothing."""

import json
import os
import re
from pathlib import Path

import pytest
from browsing import WAYS, Page

from convlet.explore import script

AXE = Path(__file__).parents[2] / ".venv-page" / "typescript" / "node_modules" / "axe-core" / "axe.min.js"


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
    for layer in ("max_pooling2d_2", "dense_1"):  # where nothing is kept, Enter keeps the first number
        page.page.locator(f"#network [data-layer={layer}] [role=grid]").focus()
        page.page.keyboard.press("Enter")
        page.settle()
        assert page.fragment()["focus"] == f"{layer}.0.0.0"
    page.go("focus=conv2d_2.1.5.5&image=5&lang=en")
    page.page.locator("#network [data-layer=conv2d_2] [role=grid]").focus()
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


WIDTHS = (2560, 1920, 1280, 1100, 1024, 720, 390, 360)


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("state", LAYOUTS)
def test_nothing_overlaps_or_scrolls_sideways_in_a_window_of_any_width(open_page, state, language):
    page = open_page("served", f"{state}&lang={language}&image=5", width=WIDTHS[0], height=800)
    for width in WIDTHS:
        page.page.set_viewport_size({"width": width, "height": 800})
        if width == WIDTHS[-1]:
            page.page.reload()  # as it opens in the narrowest one
            page.page.wait_for_selector("body[data-ready=yes]")
        page.settle()
        assert page.page.evaluate("innerWidth") == width
        found = page.probe("layout()")
        assert found == {"sideways": 0, "overlaps": 0, "wide": [], "cut": []}, width


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("vi", "dark")])  # colours know no language
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
    code = script.bundled(script.modules())  # without its comments: what a browser has to read
    assert "/**" not in code and " // " not in code and "\n " not in code
    assert len(code.encode()) + (script.PAGE / "style.css").stat().st_size <= 200_000


def test_an_exported_file_names_its_script_and_style_by_hash_and_allows_nothing_else(urls):
    from urllib.request import url2pathname

    text = Path(url2pathname(urls["file"].removeprefix("file://"))).read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src &#x27;none&#x27;" in policy and "unsafe" not in policy and "http" not in policy
    assert policy.count("sha256-") == 2
    assert json.loads(re.search(r'id="texts">(.*?)</script>', text)[1])["vi"]["kernel"] == "hạt nhân"
