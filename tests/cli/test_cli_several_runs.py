"""`convlet runs`: the list of runs, and two side by side."""

import json

import numpy as np
import pytest
import quick
import tiny
from commands import convlet, refused

from convlet.datasets import Dataset, Examples


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A folder with two runs on the same data, by a relative path, of different seeds and lengths."""
    folder = tmp_path_factory.mktemp("two")
    tiny.save_npz(folder / "d.npz", tiny.dataset(train=60, test=400))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convlet.experiment.draw_run", lambda *_, **__: None)
        quick.fit(data=folder / "d.npz", run_dir=folder / "a", steps=1)
        quick.fit(data=folder / "d.npz", run_dir=folder / "b", steps=400, seed=1)
    return folder


def side_by_side(*arguments):
    return json.loads(convlet("runs", *arguments, "--engine", "numpy", "--json").stdout)


def test_all_runs_of_a_folder_are_listed_with_what_differs(two, monkeypatch):
    found = json.loads(convlet("runs", two, "--json").stdout)["runs"]
    assert [row["steps"] for row in found] == [400, 1]
    assert [row["differs"] for row in found] == [{"steps": "400", "seed": "1"}, {"steps": "1", "seed": "0"}]
    assert found[0]["validation_accuracy"] > found[1]["validation_accuracy"]
    shown = convlet("runs", two).stdout
    assert shown.index("\nb ") < shown.index("\na ") and "seed 1" in shown
    (two / "else").mkdir(exist_ok=True)
    monkeypatch.chdir(two / "else")
    refused("runs", says="runs: cannot be read", code=1)  # the usual folder


def test_two_runs_are_compared_on_the_same_images(two):
    facts = side_by_side(two / "a", two / "b")
    counted = [facts[name] for name in ("both_right", "only_first", "only_second", "neither_right")]
    assert sum(counted) == facts["images"] == 400
    first, second = facts["runs"]
    assert (
        first["accuracy"] == (counted[0] + counted[1]) / 400 and second["accuracy"] == (counted[0] + counted[2]) / 400
    )
    assert first["differs"] == {"steps": "1", "seed": "0"} and facts["p"] < 1e-4
    assert "The second is better" in convlet("runs", two / "a", two / "b", "--engine", "numpy").stdout
    assert "The first is better" in convlet("runs", two / "b", two / "a", "--engine", "numpy").stdout
    assert "the same images right" in convlet("runs", two / "a", two / "a", "--engine", "numpy").stdout


def test_two_runs_are_compared_on_other_data_too(two, tmp_path):
    other = tiny.save_npz(tmp_path / "other.npz", tiny.dataset(test=30, seed=5))
    assert side_by_side(two / "a", two / "b", "--data", other)["images"] == 30
    assert side_by_side(two / "a", two / "b", "--part", "validation")["part"] == "validation"


def test_runs_that_were_tested_on_other_images_are_not_compared(two, tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.experiment.draw_run", lambda *_, **__: None)
    data = tiny.dataset(train=60, test=400)
    changed = Examples(255 - np.asarray(data.test.images), data.test.labels)  # with the same labels
    tiny.save_npz(tmp_path / "e.npz", Dataset("e", tiny.CLASSES, data.train, data.validation, changed))
    quick.fit(data=tmp_path / "e.npz", run_dir=tmp_path / "e")
    says = "are not tested on the same images, so they cannot be paired: give --data"
    refused("runs", two / "a", tmp_path / "e", "--engine", "numpy", says=says, code=1)
    assert side_by_side(two / "a", tmp_path / "e", "--data", two / "d.npz")["images"] == 400


def test_evaluating_and_comparing_leave_a_runs_folder_as_it_was(two):
    before = sorted(path.name for path in (two / "a").iterdir())
    convlet("evaluate", two / "a", "--engine", "numpy")
    side_by_side(two / "a", two / "b")
    convlet("report", two / "a", "--engine", "numpy", "--output", two / "else.html")
    assert sorted(path.name for path in (two / "a").iterdir()) == before


def test_what_is_no_folder_of_runs_and_no_two_runs_is_refused(two):
    refused("runs", two / "a", says="it is a run itself")
    refused("runs", two / "a", two / "b", two / "a", says="3 were named")
    refused("runs", two, "--data", "mnist", says="it goes with two runs")
    refused("runs", two / "a", two / "nothing", says="nothing: cannot be read", code=1)
