"""`convlet export RUN model.h` on the command line: what it says, refuses and writes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import convlet, refused

import convlet as cl
from convlet import experiment
from convlet.exchange.c import exporting
from convlet.exchange.c.int8 import calibrating
from convlet.runs.data_source import DataSource


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on images in a file."""
    folder, stream = tmp_path_factory.mktemp("export"), np.random.default_rng(0)
    images, labels = stream.integers(0, 256, (60, 5, 4), np.uint8), np.arange(60) % 3
    parts = {"x_validation": images[:20], "y_validation": labels[:20], "x_test": images[:40], "y_test": labels[:40]}
    np.savez(folder / "data.npz", x_train=images, y_train=labels, **parts)
    network = cl.Sequential([cl.Conv2D(2, 2, activation="relu"), cl.Flatten(), cl.Dense(3)], (5, 4, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "draw_run", lambda *arguments, **options: [])
        cl.fit(network, folder / "data.npz", steps=2, engine="numpy", progress=False, run_dir=folder / "run")
    return folder / "run"


def test_a_header_is_written_and_what_a_device_must_have_for_it_is_told(run, tmp_path):
    said = convlet("export", run, tmp_path / "my digits.h").stdout
    sizes = "float32 weights of 340 bytes, 96 bytes of scratch memory, 168 multiply-adds an image"
    assert f"{sizes}; of 40 test images none has another class with normalisations folded in" in said
    text = (tmp_path / "my digits.h").read_text("ascii")
    assert "static inline int my_digits_predict(const float *image, float *probabilities, float *scratch)" in text
    assert "#define MY_DIGITS_SCRATCH 24\n" in text and str(tmp_path) not in text


def test_the_same_as_json_and_of_bytes(run, tmp_path):
    result = json.loads(convlet("export", run, tmp_path / "model.h", "--uint8", "--json").stdout)
    assert result["weights"] == "float32" and result["bytes"] == (tmp_path / "model.h").stat().st_size
    assert (result["weight_bytes"], result["scratch_bytes"], result["multiply_adds"]) == (340, 176, 168)
    assert "model_predict(const uint8_t *image" in (tmp_path / "model.h").read_text("ascii")


def test_the_same_run_makes_the_same_header_and_python_does_too(run, tmp_path):
    convlet("export", run, tmp_path / "model.h")
    first = (tmp_path / "model.h").read_bytes()
    cl.load(run, engine="numpy").export(tmp_path / "model.h")
    assert (tmp_path / "model.h").read_bytes() == first


@pytest.mark.parametrize(("option", "ending"), [(["--softmax"], ".onnx"), (["--lang", "vi"], ".html")])
def test_an_option_of_another_kind_of_file_is_refused(run, tmp_path, option, ending):
    refused("export", run, tmp_path / "model.h", *option, says=f"only a file that ends in {ending} takes it")
    with pytest.raises(cl.errors.InputError, match=r"softmax: of a model\.h it cannot be asked for"):
        cl.load(run, engine="numpy").export(tmp_path / "model.h", softmax=True)
    assert not (tmp_path / "model.h").exists()


@pytest.mark.parametrize(
    ("limit", "says"), [("MOST_WEIGHTS", "a network of 85 weights"), ("MOST_SCRATCH", "24 numbers")]
)
def test_a_network_that_is_too_large_for_a_header_is_refused(run, tmp_path, monkeypatch, limit, says):
    monkeypatch.setattr(exporting, limit, 23)
    refused("export", run, tmp_path / "model.h", says=says)
    assert not (tmp_path / "model.h").exists()


def test_weights_that_are_not_finite_and_a_simplified_network_that_differs_are_refused(run, tmp_path, monkeypatch):
    loaded = cl.load(run, engine="numpy")
    whole = exporting.simplified(loaded.network, loaded.program.state().parameters)
    for value, says in (
        (np.inf, "dense_1/bias: not all of its numbers are finite"),
        (3, "The simplified network gives"),
    ):
        network, parameters = whole
        wrong = parameters | {"dense_1/bias": parameters["dense_1/bias"] + np.float32([value, 0, 0])}
        monkeypatch.setattr(exporting, "simplified", lambda *given, wrong=wrong, network=network: (network, wrong))
        refused("export", run, tmp_path / "model.h", says=says, code=1)
        assert not (tmp_path / "model.h").exists()


def test_in_integers_a_header_is_a_quarter_as_large_and_how_often_it_is_right_is_told(run, tmp_path):
    result = json.loads(convlet("export", run, tmp_path / "m.h", "--weights", "int8", "--uint8", "--json").stdout)
    loaded = cl.load(run, engine="numpy")
    found = result["calibrated"]
    assert (found["images"], found["part"], found["validation_images"]) == (20, "validation", 20)
    validation = loaded.data.load().validation
    assert found["float32_accuracy"] == loaded.evaluate(validation).accuracy
    assert found["int8_accuracy"] * 20 == pytest.approx(round(found["int8_accuracy"] * 20))
    assert result["weights"] == "int8" and result["scratch_bytes"] == 44 and result["weight_bytes"] < 140
    text = (tmp_path / "m.h").read_text("ascii")
    assert "m_predict(const uint8_t *image, float *probabilities, int8_t *scratch)" in text
    assert "Integers of 8 bits, by scales from 20 validation images." in text
    said = convlet("export", run, tmp_path / "m.h", "--weights", "int8").stdout
    right = f"right: float32 {found['float32_accuracy']:.2%}, int8 {found['int8_accuracy']:.2%} of 20 validation images"
    assert f"scales from 20 validation images; {right}" in said


def test_the_accuracy_that_is_told_is_that_of_the_integers(run, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrating, "answer", lambda steps, images: np.tile(np.float32([0, 0, 1]), (len(images), 1)))
    result = json.loads(convlet("export", run, tmp_path / "m.h", "--weights", "int8", "--json").stdout)
    assert result["calibrated"]["int8_accuracy"] == 6 / 20


def test_without_validation_images_scales_are_from_training_images_and_without_any_it_is_refused(
    run, tmp_path, monkeypatch
):
    data = cl.load(run, engine="numpy").data.load()
    monkeypatch.setattr(DataSource, "load", lambda source: replace(data, validation=None))
    said = convlet("export", run, tmp_path / "m.h", "--weights", "int8").stdout
    assert "scales from 60 train images, and no validation images to see how often it is right" in said
    (tmp_path / "m.h").unlink()

    def gone(source):
        raise cl.errors.DataError("gone")

    monkeypatch.setattr(DataSource, "load", gone)
    refused(
        "export", run, tmp_path / "m.h", "--weights", "int8", says="these cannot be found. Put the data back", code=1
    )
    assert not (tmp_path / "m.h").exists()
    said = convlet("export", run, tmp_path / "m.h").stdout
    assert "of 100 images of noise none has another class with normalisations folded in" in said
    refused("export", run, tmp_path / "m.onnx", "--weights", "int8", says="only a file that ends in .h takes it")
