"""`convlet import model.onnx` on the command line: another tool's network as a run like any other."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import convlet, refused

import convlet as cl
from convlet.runs.run import Run

pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra: make test-extras")

MODEL = Path(__file__).parents[1] / "fixtures" / "onnx" / "lenet-captured.onnx"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Images that the model knows as PyTorch did, with names for its five classes; on the reference engine."""
    monkeypatch.setattr("convlet.runs.run.default_engine", lambda: "numpy")
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
    names = np.array([0, 10, 20, 30, 40])
    labels = names[cl.onnx.load(MODEL, engine="numpy").predict(images).argmax(axis=1)]
    labels[:5] = names
    np.savez(tmp_path / "data.npz", x_train=images, y_train=labels, x_test=images[5:], y_test=labels[5:])
    return tmp_path / "data.npz"


def test_a_model_becomes_a_run_that_is_evaluated_trained_on_and_exported(data, tmp_path):
    folder = tmp_path / "run"
    said = json.loads(convlet("import", MODEL, "--data", data, "--output", folder, "--json").stdout)
    assert said == {"schema": 1, "run": str(folder), "layers": 7, "weights": 1015} | {
        "classes": ["0", "10", "20", "30", "40"],
        "images": 35,
        "accuracy": 1.0,
    }
    assert json.loads(convlet("evaluate", folder, "--engine", "numpy", "--json").stdout)["accuracy"] == 1.0
    assert "conv1" in convlet("summary", folder).stdout
    convlet("export", folder, tmp_path / "again.onnx")
    images = np.load(data)["x_test"]
    again = cl.onnx.load(tmp_path / "again.onnx", engine="numpy")
    assert again.classes == ("0", "10", "20", "30", "40")
    assert np.abs(again.predict(images) - cl.load(folder, engine="numpy").predict(images)).max() < 1e-6


def test_without_data_its_classes_are_numbers_and_it_says_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.runs.run.default_engine", lambda: "numpy")
    monkeypatch.chdir(tmp_path)
    said = convlet("import", MODEL).stdout
    assert said.startswith("runs/lenet-captured-1: 7 layers, 1,015 weights, 5 classes.")
    run = cl.load("runs/lenet-captured-1", engine="numpy")
    assert isinstance(run, Run) and run.classes == tuple("01234") and run.history.steps == 0


def test_what_is_none_of_ours_leaves_no_folder(tmp_path):
    (tmp_path / "page.onnx").write_text("<html>there is nothing here</html>")
    refused("import", tmp_path / "page.onnx", "--output", tmp_path / "run", says="page.onnx: not an ONNX model", code=1)
    refused("import", tmp_path / "page.html", says="expected a name that ends in .onnx")
    assert not (tmp_path / "run").exists()


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    refused("import", MODEL, "--output", tmp_path / "run", says="there is already something in it", code=1)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("convlet.exchange.library.installed", lambda name: False)
    refused("import", MODEL, says="pip install 'convlet[onnx]'", code=1)
