"""The page on a network of today: blocks with shortcuts, depthwise kernels, preprocessing, each in its own words."""

import re

import numpy as np
import pages
import pytest
from browsing import Page

from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import Sequential
from convlet.engines import engine
from convlet.explore import exporting
from convlet.explore.edits import edited

NETWORK = Sequential(
    [
        Normalization(),
        Rescaling(0.5, 0.25),
        MaxPooling2D(2),
        Conv2D(4, 3, activation="leaky_relu"),
        Residual(
            [
                DepthwiseConv2D(3, padding="same"),
                BatchNormalization(scale=False),
                Activation("silu"),
                Conv2D(4, 1),
            ]
        ),
        GlobalMaxPooling2D(),
        Dense(10),
    ],
    (28, 28, 1),
)
WORDS = {  # a number of each kind, and what is said of it
    "normalization_1.0.14.14": "by the mean and the variance of the training images",
    "rescaling_1.0.14.14": "is multiplied by the same number",
    "conv2d_1.2.5.5": "leaky_relu",
    "depthwise_conv2d_1.3.5.5": "A kernel of its own lies over one section of each map",
    "batch_normalization_1.1.5.5": "by averages that training measured",
    "activation_1.2.5.5": "silu(",
    "residual_1.3.6.6": "what went around them",
    "global_max_pooling2d_1.2.0.0": "the largest number under this window",
}


@pytest.fixture(scope="module")
def content():
    with pages.studio(NETWORK, pages.digits(40, 20)) as made:
        yield made.content


@pytest.fixture(scope="module")
def open_page(browser, content, tmp_path_factory):
    file = tmp_path_factory.mktemp("blocks") / "page.html"
    file.write_text(exporting.page(content), "utf-8")
    page = Page(browser.new_page(viewport={"width": 1280, "height": 900}), file.as_uri())
    yield page.go
    assert page.complaints == []
    page.page.close()


def halved(parameters):
    return {name: array.astype(np.float16).astype(np.float32) for name, array in parameters.items()}


@pytest.mark.parametrize("focus", WORDS)
def test_a_number_of_every_kind_is_explained_in_its_own_words(open_page, focus):
    page = open_page(f"focus={focus}&image=3&lang=en")
    panel = page.text("#panel .explain")
    assert WORDS[focus] in panel
    page.go(f"focus={focus}&image=3&lang=vi")
    assert WORDS[focus] not in page.text("#panel .explain") or "(" in WORDS[focus] or "_" in WORDS[focus]


def test_an_addition_shows_both_numbers_and_leads_to_either(open_page):
    page = open_page("focus=residual_1.3.6.6&image=3&lang=en")
    assert page.page.locator("#panel .handles .field").count() == 3
    *terms, total = re.split(r" [+=] ", page.text(".explain .sentence").replace("\N{MINUS SIGN}", "-"))
    assert sum(map(float, terms)) == pytest.approx(float(total), abs=1e-9)
    links = page.page.locator(".explain button.link")
    assert "conv2d_2" in links.nth(0).inner_text() and "conv2d_1" in links.nth(1).inner_text()
    links.nth(1).click()
    page.settle()
    assert page.fragment()["focus"] == "conv2d_1.3.6.6"


def test_a_depthwise_kernel_is_multiplied_with_the_section_of_its_own_map(open_page, content):
    page = open_page("focus=depthwise_conv2d_1.3.5.5&image=3&lang=en")
    kernel = halved(content.parameters)["depthwise_conv2d_1/kernel"][..., 3, 0]
    shown = page.page.evaluate("probe.printed()")["tables"][1]
    assert len(shown) == 9
    assert [float(text.replace("\N{MINUS SIGN}", "-")) for text in shown] == pytest.approx(kernel.ravel(), abs=0.0051)
    assert page.page.locator("#panel .handles figcaption").first.inner_text() == "conv2d_1, map 4"


def test_a_silenced_depthwise_filter_can_be_heard_again(open_page, content):
    page = open_page("view=ablate&focus=depthwise_conv2d_1.2.5.5&image=3&lang=en")
    before = page.numbers(".bars .share")
    page.click("text=Silence it")
    parameters = edited(NETWORK, halved(content.parameters), [["silence", "depthwise_conv2d_1", 2]])
    logits = engine("numpy").compile(NETWORK, parameters).predict(content.shown.batch([3])[0])[0]
    shares = 100 * np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert page.numbers(".bars .share") == pytest.approx(shares.tolist(), abs=0.051)
    assert page.numbers(".bars .share") != before
    page.click("text=Put everything back")
    assert page.numbers(".bars .share") == before


@pytest.mark.parametrize("state", ["shows=kernels", "view=slide", "step=2", "focus=depthwise_conv2d_1.0.0.0"])
def test_every_view_shows_it_without_a_complaint(open_page, state):
    page = open_page(f"{state}&lang=vi")
    assert page.page.locator("#network .layer").count() == len(list(NETWORK)) + 2
    assert page.probe("layout()") | {"cut": []} == {"sideways": 0, "overlaps": 0, "wide": [], "cut": []}
