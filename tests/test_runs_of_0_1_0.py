"""What convlet 0.1.0 has left on people's disks is still theirs: its run folders load, evaluate and go on.

`tests/fixtures/runs-of-0.1.0` was made by that version, each run by the engine in its name; `expected.json` holds what
it said of them. The weights that are loaded are the same to the bit. Further steps depend on the processor in their
last bits, so those are compared by the loss.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import convlet

import convlet as cl
from convlet import experiment

RUNS = Path(__file__).parent / "fixtures" / "runs-of-0.1.0"
EXPECTED = json.loads((RUNS / "expected.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Pictures take most of the time, and have tests of their own."""
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])


def said(*arguments):
    """What a command says as JSON."""
    done = convlet(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["numpy-ended", "numpy-patient", "numba-ended", "numba-patient"])
def test_a_finished_run_evaluates_as_it_did(name):
    found, expected = said("evaluate", RUNS / name, "--engine", "numpy"), EXPECTED[name]
    assert found["accuracy"] == expected["test_accuracy"]
    assert found["loss"] == pytest.approx(expected["test_loss"], rel=1e-6)


@pytest.mark.parametrize("name", ["numpy-ended", "numpy-patient", "numba-ended", "numba-patient"])
def test_a_finished_run_that_goes_on_has_its_weights_to_the_bit(name, tmp_path):
    """It takes no further step, so what it says of its weights is what was saved, by whatever engine."""
    shutil.copytree(RUNS / name, tmp_path / "run")
    found = said("train", "--resume", tmp_path / "run", "--engine", "numba")
    assert found["weights_sha256"] == EXPECTED[name]["weights_sha256"]
    assert found["steps"] == EXPECTED[name]["steps"]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("made_by", ["numpy", "numba", "keras"])
def test_a_run_that_was_stopped_goes_on_to_the_same_end(made_by, engine, tmp_path):
    shutil.copytree(RUNS / f"{made_by}-stopped", tmp_path / "run")
    found, expected = said("train", "--resume", tmp_path / "run", "--engine", engine), EXPECTED[f"{made_by}-resumed"]
    assert found["steps"] == expected["steps"] == 40
    assert found["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)
    assert len(cl.load(tmp_path / "run").history.losses) == 40


# That version made a class of every number up to the largest label: five of the labels 1, 2 and 4 in `gaps.npz`.


@pytest.fixture
def gaps(tmp_path, monkeypatch):
    """A folder of such a run, beside its data."""
    shutil.copytree(RUNS / "numpy-gaps", tmp_path / "run")
    shutil.copy(RUNS / "gaps.npz", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def test_a_run_on_labels_with_gaps_is_evaluated_on_its_own_data_and_on_data_that_is_named(gaps):
    for data in ([], ["gaps.npz"]):
        found = said("evaluate", gaps, *data, "--engine", "numpy")
        assert found["loss"] == pytest.approx(EXPECTED["numpy-gaps"]["test_loss"], rel=1e-6)
        assert [row["class"] for row in found["classes"] if row["images"]] == ["1", "2", "4"]


def test_a_run_on_labels_with_gaps_goes_on_to_the_same_end_again_and_again(gaps):
    expected = EXPECTED["numpy-gaps-resumed"]
    for steps in (20, 30):
        found = said("train", "--resume", gaps, "--engine", "numpy", "--steps", steps)
    assert found["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)
    assert found["validation_accuracy"] == expected["validation_accuracy"]
    assert said("evaluate", gaps, "--engine", "numpy")["loss"] == pytest.approx(expected["test_loss"], rel=1e-4)


def test_a_run_on_labels_with_gaps_goes_on_in_python(gaps):
    recipe = cl.load_recipe(gaps / "recipe.toml")
    run = cl.fit(recipe, run_dir=gaps, resume=True, steps=30, engine="numpy", progress=False)
    loss = run.evaluate(cl.datasets.load("gaps.npz").test).loss
    assert loss == pytest.approx(EXPECTED["numpy-gaps-resumed"]["test_loss"], rel=1e-4)


def test_other_data_is_not_taken_for_that_of_a_run_on_labels_with_gaps(gaps):
    arrays = dict(np.load("gaps.npz"))
    np.savez("gaps.npz", **{**arrays, "y_train": arrays["y_train"][::-1]})
    evaluated = convlet("evaluate", gaps, "--engine", "numpy", code=1)
    assert "it is not the same data" in evaluated.stderr
    resumed = convlet("train", "--resume", gaps, "--steps", 20, "--engine", "numpy", code=2)
    assert "are not those that the run" in resumed.stderr
