"""The report of a run: whole, harmless whatever the classes are called, and its numbers are those of the evaluation."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import quick
import tiny
from page_reading import HOSTILE, Reader

import convlet as cl
from convlet.datasets import Dataset, Examples
from convlet.inspection import crossing
from convlet.report.facts.assessment import Assessment, assess, saliency
from convlet.report.html.elements import Html, element, escaped, joined
from convlet.report.html.run.report import run_report
from convlet.runs.choosing import chosen_recipe
from convlet.runs.data_source import DataSource
from convlet.runs.evaluation import Evaluation


def data(classes=tiny.CLASSES, test=60, seed=0):
    given = tiny.dataset(train=40, test=test, seed=seed)
    return Dataset(
        "tiny <b>", classes, *(Examples(p.images, p.labels) for p in (given.train, given.validation, given.test))
    )


@pytest.fixture(scope="module")
def hostile():
    run = quick.fit(data=data(HOSTILE))
    return assess(run, data(HOSTILE), "test")


@pytest.fixture(scope="module")
def page(hostile):
    return Reader(run_report(hostile))


def test_the_page_is_whole_and_names_nothing_outside_itself(page):
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "link", "iframe", "object", "form", "base"}
    assert all(re.match(r"data:image/(png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]+$", s) for s in page.attributes("src"))
    assert all(link.startswith("#") for link in page.attributes("href"))
    assert not [name for _, found in page.found for name in found if name.startswith("on")]
    (policy,) = (found["content"] for _, found in page.found if "http-equiv" in found)
    assert policy.startswith("default-src 'none'")


def test_whatever_a_class_is_called_is_text(page):
    assert "<script>alert(1)" in page.text and '"><img src=x' in page.text  # shown, as they are called
    assert "\u202e" not in page.text and "\x00" not in page.text
    assert all(found.get("src") != "x" for _, found in page.found)


def test_its_parts_stand_in_their_order(page):
    sections = [identity for tag, found in page.found if tag in ("section", "div") and (identity := found.get("id"))]
    order = ["verdict", "first", "confusion", "mistakes", "classes", "calibration", "curves", "chosen", "again"]
    assert [identity for identity in sections if not identity.startswith("c-")] == order


def test_every_number_of_the_matrix_opens_as_many_images(hostile, page):
    text = run_report(hostile)
    matrix = hostile.evaluation.confusion
    assert sorted(page.attributes("href")) == sorted(f"#c-{i}-{j}" for i, j in np.argwhere(matrix))
    for i, j in np.argwhere(matrix):
        (panel,) = re.findall(rf'<div id="c-{i}-{j}".*?</div></div>', text)
        assert panel.count("<img ") == min(matrix[i, j], 12)
    assert len(re.findall('class="panel first"', text)) == 1


def test_the_verdict_is_that_of_the_evaluation(hostile, page):
    evaluation, linear = hostile.evaluation, hostile.linear
    low, high = evaluation.accuracy_interval
    for share, digits in ((evaluation.accuracy, 1), (linear.accuracy, 1), (low, 1), (high, 1)):
        assert f"{100 * share:.{digits}f}\xa0%" in page.text
    assert f"of {len(evaluation.labels)} test images right" in page.text


def test_photographs_of_many_classes_stay_within_three_megabytes():
    """The worst there may be: pixels of noise, which no format makes small, and every confusion there is."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (900, 100, 100, 3), dtype=np.uint8)
    labels = np.arange(900) % 30
    noise = Dataset.from_arrays(images[:60], labels[:60], test=(images, labels))
    network = cl.Sequential([cl.AveragePooling2D(25), cl.Flatten(), cl.Dense(30)], (100, 100, 3))
    run = quick.fit(network, noise)
    evaluation = Evaluation(generator.normal(size=(900, 30)), labels)
    text = run_report(Assessment(run, None, noise, "test", evaluation))
    assert 1_000_000 < len(text.encode()) < 3_000_000
    Reader(text)


def test_of_many_classes_the_most_frequent_confusions_are_listed():
    labels = np.repeat(np.arange(40), 2)
    images = np.random.default_rng(0).integers(0, 256, (80, 6, 6), dtype=np.uint8)
    many = Dataset.from_arrays(images, labels, test=(images, labels))
    run = quick.fit(cl.Sequential([cl.Flatten(), cl.Dense(40)], (6, 6, 1)), many)
    logits = np.eye(40)[np.where(labels < 3, labels + 1, labels)] * 5
    text = run_report(Assessment(run, None, many, "test", Evaluation(logits, labels)))
    assert 'class="matrix' not in text
    assert sorted(re.findall(r'href="#c-(\d+)-(\d+)"', text)) == [("0", "1"), ("1", "2"), ("2", "3")]


def test_without_mistakes_there_is_no_list_of_them_and_nothing_to_fix(hostile):
    examples = hostile.examples
    perfect = Evaluation(np.eye(3)[examples.labels] * 30, examples.labels)
    text = run_report(replace(hostile, evaluation=perfect, linear=None, part="test"))
    assert 'id="mistakes"' not in text and "100.0" in text


def test_the_map_of_a_linear_network_is_that_of_its_weights():
    """Of a dense layer alone the gradient of a logit is the class's weights, whatever the image."""
    network = cl.Sequential([cl.Flatten(), cl.Dense(2)], (5, 4, 2))
    run = quick.fit(network, Dataset.from_arrays(np.full((4, 5, 4, 2), 99, np.uint8), [0, 1, 0, 1]))
    parameters = run.program.state().parameters
    kernel = np.zeros((40, 2), np.float32)
    kernel.reshape(5, 4, 2, 2)[3, 2, 1, 0] = -8.0  # one pixel, in its second channel, against the first class
    run.program.restore(replace(run.program.state(), parameters={**parameters, "dense_1/kernel": kernel}))
    first, second = saliency(run, np.zeros((2, 5, 4, 2), np.float32), np.array([0, 1]))
    assert np.unravel_index(first.argmax(), first.shape) == (3, 2)
    assert first[3, 2] == 1 and first[2, 2] == pytest.approx(0.5) and first[2, 1] == pytest.approx(0.25)
    assert not second.any()


def test_what_is_wrong_with_the_data_is_shown_where_somebody_looked(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(crossing, "SEEN", 100)  # this is about copies, which no network has to find
    run, given = hostile.run, data(HOSTILE)
    images = np.array(given.train.images)
    images[30] = images[0]  # a copy, of the same class
    copied = Dataset("copied", HOSTILE, Examples(images, given.train.labels), given.validation, given.test)
    run.report(tmp_path / "r.html", copied, inspect=True)
    text = (tmp_path / "r.html").read_text("utf-8")
    Reader(text)
    faults = text[text.index('id="faults"') : text.index('id="curves"')]
    assert "train 0" in faults and "train 30" in faults and "data:image/png" in faults
    with pytest.raises(cl.errors.InputError, match="is there to evaluate on"):
        run.report(tmp_path / "r.html", tiny.save_npz(tmp_path / "d.npz", tiny.dataset()), inspect=True)
    assert 'id="faults"' not in run_report(hostile)


# --- in Python and on the command line ------------------------------------------------------------------------------


def test_a_run_writes_its_report_of_its_own_data_or_of_other(tmp_path):
    folder = quick.save(tmp_path)
    run = cl.load(folder, engine="numpy")
    assert run.report(tmp_path / "own.html") == tmp_path / "own.html"
    assert (tmp_path / "own.html").read_bytes() == (folder / "report.html").read_bytes()
    run.report(tmp_path / "other.html", data(("0", "1", "2"), test=30), part="test")
    assert "of 30 test images right" in Reader((tmp_path / "other.html").read_text("utf-8")).text
    with pytest.raises(cl.errors.InputError, match="part 'best': tiny <b> has no such part"):
        run.report(tmp_path / "none.html", data(("0", "1", "2")), part="best")


def test_a_run_that_does_not_know_its_data_asks_for_it(tmp_path):
    run = replace(quick.fit(), data=None)
    with pytest.raises(cl.errors.DataError, match="Give data"):
        run.report(tmp_path / "r.html")


def test_the_command_writes_the_report_and_says_what_to_fix_first(tmp_path):
    folder = quick.save(tmp_path)
    (folder / "report.html").unlink()
    found = json.loads(quick.command("report", folder, "--engine", "numpy", "--json").stdout)
    assert found["file"] == str(folder / "report.html") and found["part"] == "test"
    assert found["bytes"] == (folder / "report.html").stat().st_size
    shown = quick.command(
        "report", folder, "--part", "validation", "--output", tmp_path / "v.html", "--engine", "numpy"
    )
    assert shown.stdout.splitlines()[-1].strip() == str(tmp_path / "v.html")
    assert "validation images" in (tmp_path / "v.html").read_text("utf-8")
    assert all(finding["title"] and finding["shows"] and finding["remedy"] for finding in found["first"])


def test_no_folder_of_a_user_is_in_a_report(tmp_path):
    folder = quick.save(tmp_path)
    assert str(tmp_path) not in (folder / "report.html").read_text("utf-8")


# --- elements -------------------------------------------------------------------------------------------------------


def test_an_element_escapes_its_texts_and_keeps_its_elements():
    assert element("p", "a<b", Html("<i>"), None, ["c", element("br")]) == "<p>a&lt;b<i>c<br></p>"
    assert element("a", title='"', hidden=True, id=None, data_x=1.5) == '<a title="&quot;" hidden data-x="1.5"></a>'
    assert joined("<", escaped("<")) == "&lt;&lt;"


def test_why_a_recipe_was_chosen_stands_in_the_report_a_line_for_each_reason(tmp_path):
    chosen = chosen_recipe(quick.DATA, DataSource("in memory")).recipe
    quick.fit(
        replace(chosen, network=tiny.NETWORK, ensemble=None), run_dir=tmp_path / "r"
    )  # a smaller one says the same
    text = (tmp_path / "r" / "report.html").read_text("utf-8")
    assert "<p>network: S of the family air, " in text and "<p>classes: 3 classes of 7 to 8 images: " in text


def test_a_network_without_weights_has_its_report_too():
    images = np.eye(3, dtype=np.float32).reshape(3, 1, 3, 1)
    three = Dataset.from_arrays(images, [0, 1, 2], test=(images, [0, 1, 2]))
    recipe = cl.Recipe("plain", cl.Sequential([cl.Flatten()], (1, 3, 1)), cl.Training(steps=1), data=DataSource("x"))
    assessed = assess(cl.fit(recipe, three, engine="numpy", progress=False), three, "test", beside=False)
    assert "0 weights, 0 multiply-adds" in run_report(replace(assessed, recipe=recipe))
