"""Every sum that the page prints adds up, in a real browser, served and as one file."""

import re

import numpy as np
import pytest
from browsing import WAYS, number

from convlet.engines import engine


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
