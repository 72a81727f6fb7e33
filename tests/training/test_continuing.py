"""A new run from another's weights: the same, another head, resumed wherever it was stopped."""

import json
import os
import signal

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from quick import DATA, PAIR, command, fit, save

import convlet as cl
from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import InputError, StorageError
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.folder import recipe_of
from convlet.training.continuing import from_run
from convlet.training.fit import fit_recipe


@pytest.fixture(scope="module")
def run():
    return fit()


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path)


def test_a_new_run_starts_from_anothers_weights(run):
    first = fit(run, watch=lambda _: None, optimizer=cl.SGD(1e-30), steps=1)
    learnt = {name for name, parameter in run.network.parameters.items() if parameter.trainable}
    before, after = run.program.state().parameters, first.program.state().parameters
    assert_same_bits({n: after[n] for n in learnt}, {n: before[n] for n in learnt})
    assert first.history.steps == 1 and first.classes == run.classes


def test_another_number_of_classes_makes_the_last_layer_anew(run):
    images, labels = DATA.train.images, np.arange(23) % 5
    tuned = fit(run, (images, labels), optimizer=cl.SGD(1e-30), steps=1)
    before, after = run.program.state().parameters, tuned.program.state().parameters
    assert tuned.network.output_shape == (5,)
    assert_same_bits({"k": after["conv2d_1/kernel"]}, {"k": before["conv2d_1/kernel"]})
    fresh = tuned.network.initial_parameters(0)
    assert_same_bits({"k": after["dense_1/kernel"]}, {"k": fresh["dense_1/kernel"]})


def test_the_same_classes_in_another_order_take_their_weights_along(run):
    data = cl.Dataset.from_arrays(*PAIR, classes=("cat", "ant", "bee"))
    tuned = fit(run, data, optimizer=cl.SGD(1e-30), steps=1)
    before, after = run.program.state().parameters, tuned.program.state().parameters
    for name in ("dense_1/kernel", "dense_1/bias"):
        np.testing.assert_array_equal(after[name], before[name][..., [2, 0, 1]])


def test_as_many_other_classes_make_the_last_layer_anew(run, tmp_path):
    data = cl.Dataset.from_arrays(*PAIR[:1], np.array(["ant", "bee", "dog"])[DATA.train.labels])
    tuned = fit(run, data, optimizer=cl.SGD(1e-30), steps=1, run_dir=tmp_path / "r")
    fresh = tuned.network.initial_parameters(0)["dense_1/kernel"]
    np.testing.assert_array_equal(tuned.program.state().parameters["dense_1/kernel"], fresh)
    _, _, said = from_run(run, data.classes, 0)
    assert "its last layer, dense_1, is made anew for 3 classes: 'ant', 'bee', 'dog'." in said


def test_only_a_dense_layer_is_made_anew():
    network = cl.Sequential([cl.Conv2D(3, 3), cl.GlobalAveragePooling2D()], tiny.SHAPE)
    with pytest.raises(InputError, match="its last layer is GlobalAveragePooling2D, and only a Dense"):
        fit(fit(network), (DATA.train.images, np.arange(23) % 5))


def test_a_run_from_another_is_resumed_though_it_was_stopped_before_its_first_save(run, tmp_path):
    def stop(each):
        if each.history.steps == 2:
            raise SystemExit

    whole = fit(run, run_dir=tmp_path / "whole")
    with pytest.raises(SystemExit):
        fit(run, run_dir=tmp_path / "r", watch=stop)
    resumed = tiny.train(steps=4, run_dir=tmp_path / "r", resume=True)
    assert_same_bits(resumed.program.state().parameters, whole.program.state().parameters)
    assert recipe_of(tmp_path / "r").parent == weights_sha256(run.program.state().parameters)
    assert recipe_of(tmp_path / "r").description == ""


def test_a_run_from_another_that_was_stopped_while_compiling_is_resumed_from_the_same_weights(
    saved, tmp_path, monkeypatch
):
    def prepare(program, batch_size, progress):
        os.kill(os.getpid(), signal.SIGINT)
        progress(0, 1, "a kernel")

    options = ("--steps", 3, "--engine", "numpy", "--json")
    tiny.save_npz(tmp_path / "data.npz", DATA)
    begin = ("train", "--from", saved, "--data", tmp_path / "data.npz", *options, "--run-dir")
    whole = command(*begin, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(NumpyProgram, "prepare", prepare)
        stopped = command(*begin, tmp_path / "stopped")
    assert "Stopped before the first step, so there is nothing new to save. Go on with:" in stopped.stderr
    resumed = command("train", "--resume", tmp_path / "stopped", "--engine", "numpy", "--json")
    assert json.loads(resumed.stdout)["weights_sha256"] == json.loads(whole.stdout)["weights_sha256"]


def test_a_run_from_another_whose_first_weights_are_gone_never_starts_from_initial_ones(run, tmp_path):
    def stop(each):
        raise SystemExit

    with pytest.raises(SystemExit):
        fit(run, run_dir=tmp_path / "r", watch=stop)
    (tmp_path / "r" / "last.safetensors").unlink()
    with pytest.raises(StorageError, match="it was to start from another run's weights"):
        tiny.train(steps=4, run_dir=tmp_path / "r", resume=True)
    with pytest.raises(InputError, match=r"parent=.*: this recipe starts from another run's weights"):
        fit_recipe(recipe_of(tmp_path / "r"), DATA, engine="numpy")


def test_the_command_line_trains_from_a_run(saved, tmp_path):
    five = cl.Dataset.from_arrays(DATA.train.images, np.arange(23) % 5)
    tiny.save_npz(tmp_path / "five.npz", five)
    options = ("--data", tmp_path / "five.npz", "--steps", 3, "--engine", "numpy", "--run-dir", tmp_path / "tuned")
    done = command("train", "--from", saved, *options)
    assert done.exit_code == 0, done.output
    assert "its last layer, dense_1, is made anew for 5 classes" in done.output
    tuned = cl.load(tmp_path / "tuned", engine="numpy")
    assert tuned.network.output_shape == (5,) and tuned.history.steps == 3 and tuned.history.batch_size == 4
    (tmp_path / "alone.safetensors").write_bytes((saved / "last.safetensors").read_bytes())
    alone = command("train", "--from", tmp_path / "alone.safetensors", *options[:-1], tmp_path / "again")
    assert alone.exit_code == 0, alone.output
    assert_same_bits(
        cl.load(tmp_path / "again", engine="numpy").program.state().parameters, tuned.program.state().parameters
    )
    for wrong in (("--resume", saved), ("--hosts", "a:1,b:1", "--process-id", "0")):
        assert command("train", "--from", saved, *wrong).exit_code == 2
