"""What a notebook shows: of a run, a history, a data set and an evaluation, each by itself."""

import re

import matplotlib
import numpy as np
import pytest
import quick
import tiny
from page_reading import HOSTILE, Reader

import convlet as cl


@pytest.fixture(scope="module")
def run():
    return quick.fit()


def shown(thing):
    """The page's piece that a notebook asks for, read: whole, and without a script."""
    piece = Reader(thing._repr_html_())
    assert not {tag for tag, _ in piece.found} & {"script", "style", "link"}
    return piece


def test_a_data_set_shows_its_classes_with_their_numbers_and_images():
    data = tiny.dataset()
    piece = shown(data)
    assert "tiny: 3 classes, images of 5 × 4 × 1" in piece.text
    for k, name in enumerate(data.classes):
        counts = [str((part.labels == k).sum()) for part in data.parts.values()]
        assert re.search(name + "".join(counts), piece.text)
    assert len(piece.attributes("src")) == sum(min((data.train.labels == k).sum(), 8) for k in range(3))


def test_of_many_classes_some_are_shown_and_the_others_counted():
    images = np.full((40, 3, 3), 200, np.uint8)
    assert "and 10 more classes" in shown(cl.Dataset.from_arrays(images, np.arange(40))).text


def test_an_evaluation_shows_its_accuracy_and_who_is_taken_for_whom(run):
    found = run.evaluate(tiny.dataset().test)
    piece = shown(found)
    assert f"{100 * found.accuracy:.2f}\xa0% of 11 images right" in piece.text
    assert all(name in piece.text for name in tiny.CLASSES) and found.names == tiny.CLASSES
    assert shown(cl.Evaluation(found.logits, found.labels)).text.count("2") >= 1  # classes without names have numbers
    wide = cl.Evaluation(np.eye(40), np.arange(40))
    assert "·" not in shown(wide).text  # no matrix that nobody can read


def test_a_history_shows_its_curves_and_one_without_steps_says_so(run):
    (picture,) = shown(run.history).attributes("src")
    assert picture.startswith("data:image/svg+xml;base64,")
    assert "before the first step" in shown(cl.History(4)).text


def test_a_run_shows_its_network_and_how_far_it_is(run):
    piece = shown(run)
    assert "5 layers, 63 weights, 3 classes" in piece.text.replace(f"{run.network.weights:,}", "63")
    assert "step 4 of 4, numpy engine" in piece.text and len(piece.attributes("src")) == 1


def test_what_classes_are_called_is_text_in_a_notebook_too():
    given = tiny.dataset()
    hostile = cl.Dataset.from_arrays(given.train.images, np.array(HOSTILE)[given.train.labels])
    for thing in (hostile, quick.fit(data=hostile).evaluate(hostile.train)):
        assert "<script>alert" in shown(thing).text


def test_plots_are_figures(run):
    for figure in (run.evaluate(tiny.dataset().test).plot(), run.history.plot(), run.network.plot()):
        assert isinstance(figure, matplotlib.figure.Figure)
