"""What a file says of all test images, though it holds only a few of them: a share, and how far that may be off."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import Page

from convlet.engines import engine
from convlet.explore import exporting
from convlet.explore.edits import edited

SILENCE = [["silence", "conv2d_1", 1]]
WRONG, OTHERS = 25, 15  # images in the file, of 120: that the network has wrong, and others, if there are so many


@pytest.fixture
def estimate(modules):
    """The estimate of some samples, (all, seen, right) each."""

    def asked(*samples):
        given = [dict(zip(("all", "seen", "right"), sample, strict=True)) for sample in samples]
        return modules.run("return convlet.estimate(samples)", samples=given)

    return asked


def test_where_all_were_seen_the_share_is_exact(estimate):
    assert estimate((300, 300, 297)) == {"share": pytest.approx(0.99), "margin": 0}
    assert estimate((60, 60, 3), (240, 240, 237)) == {"share": pytest.approx(0.8), "margin": 0}


def test_the_one_image_of_a_kind_may_be_unseen(estimate):
    assert 0 < estimate((1, 0, 0), (99, 50, 50))["margin"] < 1


def test_each_kind_counts_as_much_as_there_are_of_it(estimate):
    found = estimate((100, 60, 6), (9900, 240, 239))
    assert found["share"] == pytest.approx((100 * 6 / 60 + 9900 * 239 / 240) / 10_000)
    assert 0.005 < found["margin"] < 0.015


def test_the_truth_lies_within_the_margin_nineteen_times_of_twenty(estimate):
    generator = np.random.default_rng(0)
    drawn = generator.hypergeometric(9400, 500, 120, size=400), generator.hypergeometric(30, 70, 60, size=400)
    found = [estimate((9900, 120, int(others)), (100, 60, int(wrong))) for others, wrong in zip(*drawn, strict=True)]
    within = np.mean([abs(each["share"] - 0.943) <= each["margin"] for each in found])
    assert 0.93 <= within <= 0.99


def test_a_file_weighs_its_images_as_there_are_such_of_all(browser, studio, tmp_path):
    content, test = studio.content, studio.content.data.test
    network = content.network
    halved = {name: array.astype(np.float16).astype(np.float32) for name, array in content.parameters.items()}

    def right(parameters, images):
        program = engine("numpy").compile(network, parameters)
        return program.predict(images.batch(slice(None))[0]).argmax(axis=1) == images.labels

    known = right(halved, test)
    order = np.concatenate([np.flatnonzero(~known)[:WRONG], np.flatnonzero(known)[:OTHERS]])
    facts = {"accuracy": float(known.mean()), "images": len(test), "mistakes": int((~known).sum())}
    shown = test.take(order)
    wrong = int((~known[order]).sum())
    file = tmp_path / "page.html"
    file.write_text(exporting.page(replace(content, shown=shown, wrong=wrong, facts=facts)), "utf-8")
    page = Page(browser.new_page(), file.as_uri()).go("view=ablate&focus=conv2d_1.1.5.5&image=5&lang=en")
    assert page.text(".accuracy") == f"{100 * known.mean():.2f} % of 120 test images."
    page.click("text=Silence it")
    page.until("/give or take.*[^…]$/.test(document.querySelector('.accuracy').textContent)")
    silenced = right(edited(network, halved, SILENCE), shown)
    share = (silenced[:wrong].mean() * (~known).sum() + silenced[wrong:].mean() * known.sum()) / len(test)
    pattern = rf"About (.*) % of 120 test images, give or take (.*) %, as {len(order)} of them say"
    said = re.match(pattern, page.text(".accuracy"))
    assert float(said[1]) == pytest.approx(100 * share, abs=0.051)
    assert float(said[2]) > 0
    assert page.text(".accuracy").endswith(f"before, {100 * known.mean():.2f} %.")
    page.page.close()
