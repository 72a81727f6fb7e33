"""What convlet 0.1.0 has left on people's disks is still theirs: its run folders load, evaluate and go on.

`tests/fixtures/runs-of-0.1.0` was made by that version, each run by the engine in its name; `expected.json` holds what
it said of them. The weights that are loaded are the same to the bit. Further steps depend on the processor in their
last bits, so those are compared by the loss.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import convlet as cl

RUNS = Path(__file__).parent / "fixtures" / "runs-of-0.1.0"
EXPECTED = json.loads((RUNS / "expected.json").read_text("utf-8"))


def convlet(*arguments):
    """What a command says as JSON."""
    command = [sys.executable, "-m", "convlet", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["numpy-ended", "numpy-patient", "numba-ended", "numba-patient"])
def test_a_finished_run_evaluates_as_it_did(name):
    said, expected = convlet("evaluate", RUNS / name, "--engine", "numpy"), EXPECTED[name]
    assert said["accuracy"] == expected["test_accuracy"]
    assert said["loss"] == pytest.approx(expected["test_loss"], rel=1e-6)


@pytest.mark.parametrize("name", ["numpy-ended", "numpy-patient", "numba-ended", "numba-patient"])
def test_a_finished_run_that_goes_on_has_its_weights_to_the_bit(name, tmp_path):
    """It takes no further step, so what it says of its weights is what was saved."""
    shutil.copytree(RUNS / name, tmp_path / "run")
    said = convlet("train", "--resume", tmp_path / "run", "--engine", "numpy")
    assert said["weights_sha256"] == EXPECTED[name]["weights_sha256"]
    assert said["steps"] == EXPECTED[name]["steps"]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("made_by", ["numpy", "numba", "keras"])
def test_a_run_that_was_stopped_goes_on_to_the_same_end(made_by, engine, tmp_path):
    shutil.copytree(RUNS / f"{made_by}-stopped", tmp_path / "run")
    said, expected = convlet("train", "--resume", tmp_path / "run", "--engine", engine), EXPECTED[f"{made_by}-resumed"]
    assert said["steps"] == expected["steps"] == 40
    assert said["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)
    assert len(cl.load(tmp_path / "run").history.losses) == 40
