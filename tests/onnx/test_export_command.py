"""`convlet export RUN model.onnx` on the command line: what it says, refuses and writes."""

import json

import numpy as np
import pytest
from commands import convlet, refused

import convlet as cl
from convlet import experiment

onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra: make test-extras")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on images in a file."""
    folder, stream = tmp_path_factory.mktemp("export"), np.random.default_rng(0)
    images, labels = stream.integers(0, 256, (60, 5, 4), np.uint8), np.arange(60) % 3
    np.savez(folder / "data.npz", x_train=images, y_train=labels, x_test=images[:40], y_test=labels[:40])
    network = cl.Sequential([cl.Conv2D(2, 2, activation="relu"), cl.Flatten(), cl.Dense(3)], (5, 4, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "draw_run", lambda *arguments, **options: [])
        cl.fit(network, folder / "data.npz", steps=2, engine="numpy", progress=False, run_dir=folder / "run")
    return folder / "run"


def test_a_model_is_written_and_what_onnx_runtime_makes_of_the_test_images_is_told(run, tmp_path):
    said = convlet("export", run, tmp_path / "model.onnx").stdout
    assert "of 40 test images none has another class in ONNX Runtime, and no probability differs by more than" in said
    assert "; one image takes it 0." in said
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert session.get_inputs()[0].shape == ["N", 5, 4, 1]
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["0", "1", "2"]


def test_the_same_as_json(run, tmp_path):
    result = json.loads(convlet("export", run, tmp_path / "model.onnx", "--softmax", "--uint8", "--json").stdout)
    assert result["agreement"]["images"] == 40 and result["agreement"]["changed"] == 0
    assert result["images"] == "test" and result["bytes"] == (tmp_path / "model.onnx").stat().st_size


def test_where_the_data_is_gone_noise_takes_its_place(run, tmp_path, monkeypatch):
    from convlet.runs.data_source import DataSource

    def gone(source):
        raise cl.errors.DataError("gone")

    monkeypatch.setattr(DataSource, "load", gone)
    for options in ([], ["--uint8"]):
        said = convlet("export", run, tmp_path / "model.onnx", *options).stdout
        assert "of 100 images of noise none has another class" in said


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("model.onnx", ["--lang", "vi"], "only a file that ends in .html takes it"),
        ("page.html", ["--softmax"], "only a file that ends in .onnx takes it"),
        ("model.keras", ["--uint8"], "only a file that ends in .onnx or .h takes it"),
    ],
)
def test_an_option_of_another_kind_of_file_is_refused(run, tmp_path, name, options, message):
    refused("export", run, tmp_path / name, *options, says=message)
    assert not (tmp_path / name).exists()


def test_without_the_extra_it_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.exchange.library.installed", lambda name: False)
    refused("export", run, tmp_path / "model.onnx", says="pip install 'convlet[onnx]'", code=1)


def test_with_onnx_alone_the_file_is_written_and_said_to_be_unchecked(run, tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.exchange.exporting.installed", lambda name: False)
    said = convlet("export", run, tmp_path / "model.onnx").stdout
    assert "not checked, since onnxruntime is not installed" in said and (tmp_path / "model.onnx").exists()
