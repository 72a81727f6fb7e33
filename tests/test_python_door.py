"""What a user of Keras, PyTorch or scikit-learn expects of `import convlet as cl`: fit, look, copy, go on."""

import copy
import io
import json
import os
import pickle
import threading

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from matplotlib.figure import Figure
from quick import DATA, fit

import convlet as cl
from convlet.environment import THREADS
from convlet.errors import DataError, InputError
from convlet.runs.folder import recipe_of


@pytest.fixture(scope="module")
def run():
    return fit()


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
    names |= {"recipe.toml", "environment.json", "evaluation.json", "report.html", "baseline.safetensors"}
    assert {path.name for path in (tmp_path / "r").iterdir()} >= names


# Looking


def test_a_network_prints_its_summary_when_it_is_called(capsys):
    assert tiny.NETWORK.summary(training_images=23) is None
    summary = capsys.readouterr().out
    assert "Conv2D 2 × 3×3" in summary and "training images" in summary and "\x1b" not in summary
    tiny.NETWORK.summary()
    assert "training images" not in capsys.readouterr().out


def test_a_network_prints_its_summary_on_a_stream_of_any_encoding(monkeypatch):
    for encoding, times in (("ascii", "x"), ("cp1252", "×"), ("shift_jis", "×"), ("utf-8", "×")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr("sys.stdout", stream)
        tiny.NETWORK.summary()
        stream.seek(0)
        assert f"Conv2D 2 {times} 3{times}3" in stream.read()


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
    with pytest.raises(InputError, match=r"image: shape .* Of several, give one at a time: images\[0\]\."):
        run.input_gradients(DATA.test.images, "bee")


def test_one_image_and_a_batch_are_told_from_each_other(run):
    image = DATA.test.images[0]
    for one in (image, image[..., 0]):
        with pytest.raises(InputError, match=r"One image is a batch of one: image\[np.newaxis\]\."):
            run.predict(one)
        assert run.predict(one[np.newaxis]).shape == (1, len(DATA.classes))
        with pytest.raises(InputError, match=r"give one at a time: images\[0\]\."):
            run.feature_maps(one[np.newaxis])
    with pytest.raises(InputError, match=r"expected \(N, 5, 4, 1\)\.$"):
        run.predict(image[:3])
    with pytest.raises(InputError, match=r"expected \(5, 4, 1\)\.$"):
        run.feature_maps(image[:3])


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


def test_comparing_takes_a_recipe_alone():
    recipe = cl.Recipe(
        "small", cl.Sequential([cl.Flatten(), cl.Dense(3)], tiny.SHAPE), cl.load_recipe("lenet-5").training
    )
    (comparison,) = cl.compare(recipe, DATA, engines=["numpy"], steps=2)
    assert comparison.within
    with pytest.raises(DataError, match="images of shape"):
        cl.compare(recipe, engines=["numpy"])
