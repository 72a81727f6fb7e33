"""What a user of Keras, PyTorch or scikit-learn expects of `import convlet as cl`: fit, look, copy, go on."""

import copy
import io
import json
import os
import pickle
import shutil
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from comparing import assert_same_bits
from matplotlib.figure import Figure

import convlet as cl
from convlet.cli import main
from convlet.datasets import MEMORY
from convlet.engines.numpy.program import NumpyProgram
from convlet.environment import THREADS
from convlet.errors import DataError, FormatError, InputError, StorageError
from convlet.report.terminal import quiet_line
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.folder import recipe_of
from convlet.training.continuing import from_run
from convlet.training.fit import fit_recipe

DATA = tiny.dataset()
PAIR = (DATA.train.images, np.array(tiny.CLASSES)[DATA.train.labels])
QUICK = {"steps": 4, "batch_size": 4, "engine": "numpy", "progress": False}


def fit(network=tiny.NETWORK, data=DATA, **options):
    return cl.fit(network, data, **{**QUICK, **options})


@pytest.fixture(scope="module")
def run():
    return fit()


@pytest.fixture
def saved(tmp_path):
    """A run on an .npz that was named by a relative path, from another folder."""
    tiny.save_npz(tmp_path / "d.npz", DATA)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        fit(data="d.npz", run_dir="r")
    finally:
        os.chdir(before)
    return tmp_path / "r"


def command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# Data


def test_fit_takes_arrays_with_parts_or_a_share_and_a_name():
    pairs = {
        "validation": (DATA.validation.images, DATA.validation.labels),
        "test": (DATA.test.images, DATA.test.labels),
    }
    whole = fit(data=(DATA.train.images, DATA.train.labels), **pairs)
    assert_same_bits(whole.program.state().parameters, fit().program.state().parameters)
    shared = fit(data=PAIR, validation=0.2)
    assert shared.classes == tiny.CLASSES and len(shared.history.validations) == 1


def test_a_share_is_held_out_of_a_data_set_without_validation_examples():
    bare = cl.Dataset("bare", tiny.CLASSES, DATA.train)
    held = fit(data=bare, validation=0.2)
    assert len(held.history.validations) == 1
    pair = fit(data=(DATA.train.images, DATA.train.labels), validation=0.2)
    assert_same_bits(held.program.state().parameters, pair.program.state().parameters)


@pytest.mark.parametrize(("word", "hint"), [("verbose", "progress=False"), ("validation_split", "validation=0.2")])
def test_words_of_other_libraries_are_refused_with_ours(word, hint):
    with pytest.raises(TypeError, match=f"{word}=.*{hint}"):
        fit(**{word: 0})
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        fit(colour=0)


def test_a_list_of_layers_is_refused_with_how_to_make_a_network_of_it():
    with pytest.raises(
        InputError, match=r"network=a list of 2: expected a Sequential, such as Sequential\(\[…\], input"
    ):
        fit([cl.Flatten(), cl.Dense(3)])


@pytest.mark.parametrize("data", [DATA, "mnist"])
def test_a_data_set_has_parts_of_its_own(data):
    with pytest.raises(InputError, match=r"they go with data=\(images, labels\)"):
        fit(data=data, validation=0.1)


@pytest.mark.parametrize("data", [np.zeros((3, 5, 4)), None, (1, 2, 3)])
def test_what_is_no_data_is_refused_with_what_is(data):
    with pytest.raises(InputError, match=r"expected a Dataset.*a name or path, or a pair of arrays"):
        fit(data=data)


def test_a_run_evaluates_pairs_by_the_names_of_their_classes(run):
    wanted = run.evaluate(DATA.train)
    for labels in (PAIR[1], DATA.train.labels):
        np.testing.assert_array_equal(run.evaluate((PAIR[0], labels)).labels, wanted.labels)
    with pytest.raises(InputError, match=r"expected a part of a data set, such as data\.test, or a pair"):
        run.evaluate(DATA)


# A run knows its data


def test_a_run_notes_where_its_data_is_and_what_it_was(saved):
    data = recipe_of(saved).data
    assert (data.source, data.sha256) == (str(saved.parent / "d.npz"), cl.datasets.load(saved.parent / "d.npz").sha256)
    assert cl.load(saved, engine="numpy").data == data
    assert cl.load(saved / "best.safetensors", engine="numpy").data == data
    assert command("evaluate", saved, "--engine", "numpy").exit_code == 0


def test_data_that_has_changed_is_refused_with_both_fingerprints(saved):
    before = recipe_of(saved).data.sha256
    tiny.save_npz(saved.parent / "d.npz", tiny.dataset(seed=1))
    after = cl.datasets.load(saved.parent / "d.npz").sha256
    done = command("evaluate", saved, "--engine", "numpy")
    assert done.exit_code == 1 and before[:12] in done.output and after[:12] in done.output
    assert "convlet evaluate" in done.output and "DATA" in done.output
    assert command("evaluate", saved, saved.parent / "d.npz", "--engine", "numpy").exit_code == 0


@pytest.mark.parametrize("name", ["tiny", "mnist"])
def test_a_run_on_data_in_memory_says_so_and_asks_for_it(tmp_path, name):
    data = cl.Dataset(name, tiny.CLASSES, DATA.train, DATA.validation, DATA.test)
    assert fit(data=data, run_dir=tmp_path / "r").data.source == MEMORY
    done = command("evaluate", tmp_path / "r", "--engine", "numpy")
    assert done.exit_code == 1 and "it was in memory" in done.output and "DATA" in done.output
    tiny.save_npz(tmp_path / "d.npz", DATA)
    assert command("evaluate", tmp_path / "r", tmp_path / "d.npz", "--engine", "numpy").exit_code == 0


def test_data_that_was_moved_is_named_when_resuming_and_then_known(saved, tmp_path):
    moved = shutil.move(saved.parent / "d.npz", tmp_path / "moved.npz")
    assert command("train", "--resume", saved, "--steps", 6, "--engine", "numpy").exit_code != 0
    done = command("train", "--resume", saved, "--steps", 6, "--engine", "numpy", "--data", moved, "--json")
    assert done.exit_code == 0, done.output
    assert recipe_of(saved).data.source == str(moved)
    assert cl.load(saved, engine="numpy").history.steps == 6
    tiny.save_npz(moved, tiny.dataset(seed=1))
    assert command("train", "--resume", saved, "--steps", 8, "--engine", "numpy", "--data", moved).exit_code == 1


def test_a_checkpoint_that_was_preprocessed_in_an_unknown_way_is_refused(saved):
    path = saved / "last.safetensors"
    path.write_bytes(path.read_bytes().replace(b"uint8 / 255", b"uint8 - 255"))
    with pytest.raises(FormatError, match="preprocessing='uint8 - 255'"):
        cl.load(path)


# A line of progress


class Page(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def impatient(monkeypatch):
    for name in ("IN_PLACE_SECONDS", "PLAIN_SECONDS", "PREPARING_SECONDS"):
        monkeypatch.setattr(quiet_line, name, -1)


def test_a_line_on_a_terminal_is_rewritten_in_place_and_ends(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Page(terminal=True))
    fit(progress=True)
    shown = sys.stderr.getvalue()
    assert shown.count("\n") == 1 and shown.endswith("\n") and shown.count("\r") >= 4
    assert "step 4 of 4" in shown.split("\r")[-1] and "step 1 of 4" in shown


def test_a_line_elsewhere_stays_and_silence_is_silence(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Page(terminal=False))
    fit(progress=True)
    lines = sys.stderr.getvalue().splitlines()
    assert "\r" not in sys.stderr.getvalue() and any("step 4 of 4" in line for line in lines)
    monkeypatch.setattr(sys, "stderr", Page(terminal=False))
    fit(progress=False)
    assert sys.stderr.getvalue() == ""
    with pytest.raises(InputError, match="progress='no'"):
        fit(progress="no")


def test_a_line_that_cannot_be_written_stops_nothing(impatient, monkeypatch):
    closed = Page(terminal=True)
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert fit(progress=True).history.steps == 4


def test_fit_works_in_threads(run):
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(fit(progress=True))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for each in runs:
        assert_same_bits(each.program.state().parameters, run.program.state().parameters)
    assert len(runs) == 2


def test_threads_are_those_that_were_asked_for(monkeypatch):
    monkeypatch.setenv(THREADS, "2")
    fit(threads=1)
    assert os.environ[THREADS] == "1"


def test_numbers_of_numpy_are_written_into_a_recipe(tmp_path):
    fit(steps=np.int64(1), batch_size=np.int32(4), seed=np.uint8(3), run_dir=tmp_path / "r")
    training = recipe_of(tmp_path / "r").training
    assert (training.steps, training.batch_size, training.seed) == (1, 4, 3)


def test_a_run_folder_made_here_has_all_that_the_command_line_makes(tmp_path):
    fit(run_dir=tmp_path / "r")
    names = {"curves.svg", "confusion.svg", "mistakes.png", "kernels.png", "metrics.csv", "history.json"}
    assert {path.name for path in (tmp_path / "r").iterdir()} >= names | {"recipe.toml", "environment.json"}


# Looking


def test_a_network_prints_its_summary_when_it_is_called(capsys):
    assert tiny.NETWORK.summary(training_images=23) is None
    summary = capsys.readouterr().out
    assert "Conv2D 2 × 3×3" in summary and "training images" in summary and "\x1b" not in summary
    tiny.NETWORK.summary()
    assert "training images" not in capsys.readouterr().out


def test_a_network_draws_itself():
    figure = tiny.NETWORK.plot()
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    for placed in tiny.NETWORK:
        assert placed.name in words and (not placed.weights or f"{placed.weights} weights" in words)


def test_drawing_a_network_wraps_and_takes_rows_of_numbers():
    deep = cl.Sequential([cl.Dense(3) for _ in range(12)], (200,))
    assert len(deep.plot().axes) == 3


def test_a_history_draws_itself_and_refuses_where_there_is_nothing(run):
    assert isinstance(run.history.plot(), Figure)
    with pytest.raises(InputError, match="no step yet"):
        cl.History(4).plot()


def test_feature_maps_are_each_layers_output_for_one_image(run):
    image = DATA.test.images[0]
    maps = run.feature_maps(image)
    assert {name: array.shape for name, array in maps.items()} == {p.name: p.output_shape for p in run.network}
    logits = run.evaluate(DATA.test).logits[0]
    np.testing.assert_allclose(maps["dense_1"], logits, rtol=1e-5, atol=1e-6)
    for same in (image[..., 0], image / 255):
        np.testing.assert_allclose(run.feature_maps(same)["dense_1"], logits, rtol=1e-5, atol=1e-6)
    for other in (DATA.test.images, image[:4]):
        with pytest.raises(InputError, match=r"image: shape .*; expected \(5, 4, 1\)"):
            run.feature_maps(other)


def test_images_of_one_channel_are_predicted_without_their_channels_axis(run):
    images = DATA.test.images
    np.testing.assert_array_equal(run.predict(images[..., 0]), run.predict(images))
    assert run.predict(images[:0, ..., 0]).shape == (0, 3)


def test_input_gradients_tell_how_a_logit_changes_with_each_pixel(run):
    image = DATA.test.images[0] / 255
    gradient = run.input_gradients(image[..., 0], "bee")
    assert gradient.shape == tiny.SHAPE and gradient.any()
    np.testing.assert_array_equal(gradient, run.input_gradients(DATA.test.images[0], 1))
    step = 1e-2 * np.sign(gradient)
    rise = run.feature_maps(image + step)["dense_1"][1] - run.feature_maps(image - step)["dense_1"][1]
    np.testing.assert_allclose(rise, 2 * (step * gradient).sum(), rtol=1e-2)
    with pytest.raises(DataError, match="'dog' is none of the classes"):
        run.input_gradients(image, "dog")
    with pytest.raises(InputError, match="image: shape"):
        run.input_gradients(DATA.test.images, "bee")


def test_a_picture_is_read_by_its_public_name(tmp_path):
    from PIL import Image

    Image.fromarray(DATA.test.images[0, :, :, 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(cl.read_picture(tmp_path / "a.png", (5, 4, 1)), DATA.test.images[0])


def test_nothing_that_is_shown_at_a_prompt_fills_the_screen(run):
    recipe = cl.load_recipe("deep-mnist")
    things = [run, run.history, cl.History(4), DATA, DATA.train, recipe, recipe.network, run.program.state()]
    things += [run.checkpoint(), run.program, run.evaluate(DATA.test)]
    for thing in things:
        assert 10 < len(repr(thing)) < 240 and "\n" not in repr(thing), type(thing)
    assert "3,274,634 weights" in repr(recipe) and "4 steps" in repr(run.history)


# Copies


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_of_a_run_is_the_same_and_its_own(run, again):
    other = again(run)
    assert other.program is not run.program
    for what in ("network", "history", "classes", "data"):
        assert getattr(other, what) == getattr(run, what)
    assert (other.engine, other.total_steps, repr(other)) == (run.engine, run.total_steps, repr(run))
    np.testing.assert_array_equal(other.predict(DATA.test.images), run.predict(DATA.test.images))


def test_a_run_is_sent_to_another_process(run, tmp_path):
    (tmp_path / "run").write_bytes(pickle.dumps(run))
    np.save(tmp_path / "images.npy", DATA.test.images)
    code = """
import json, pathlib, pickle, sys, numpy
folder = pathlib.Path(sys.argv[1])
run = pickle.loads((folder / "run").read_bytes())
print(json.dumps(run.predict(numpy.load(folder / "images.npy")).tolist()))
"""
    np.testing.assert_allclose(
        json.loads(tiny.in_new_process(code, tmp_path)), run.predict(DATA.test.images), rtol=1e-6
    )


# Going on from a run's weights


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


def test_comparing_takes_a_recipe_alone():
    recipe = cl.Recipe(
        "small", cl.Sequential([cl.Flatten(), cl.Dense(3)], tiny.SHAPE), cl.load_recipe("lenet-5").training
    )
    (comparison,) = cl.compare(recipe, DATA, engines=["numpy"], steps=2)
    assert comparison.within
    with pytest.raises(DataError, match="images of shape"):
        cl.compare(recipe, engines=["numpy"])
