"""What convlet 0.1.0 has left on people's disks is still theirs: its run folders load, evaluate and go on.

`tests/fixtures/runs-of-0.1.0` was made by that version, each run by the engine in its name; `expected.json` holds what
it said of them. The weights that are loaded are the same to the bit. Further steps depend on the processor in their
last bits, so those are compared by the loss.
"""

import json
import shutil
from pathlib import Path

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
