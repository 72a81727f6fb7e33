"""What `--log tensorboard` writes, read back by its framing and by the messages of tensorboardX.

The checksums are computed here bit by bit, as RFC 3720 has them.
"""

import io
import os
import signal
import struct
import warnings
from dataclasses import replace

import numpy as np
import pytest
import tiny
from commands import RECIPE, convlet
from PIL import Image

pytest.importorskip("tensorboardX", reason="tensorboardX is an extra: make test-extras")
from tensorboardX.proto.event_pb2 import Event, SessionLog

from convlet import experiment, fit
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import OneCycle
from convlet.errors import InputError, NumericsError
from convlet.report import tensorboard
from convlet.runs.data_source import DataSource
from convlet.runs.ensemble import Ensemble
from convlet.runs.recipe import Recipe, Training
from convlet.signals import Stopped

STEPS = 14  # of two validations, and one more at the end


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Pictures take most of the time of so small a run."""
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])


def perform(folder, *, watch=lambda run: None, steps=STEPS, optimizer=None, **options):
    adam = optimizer or Adam(OneCycle(0.01))
    recipe = Recipe("tiny", tiny.NETWORK, Training(4, steps=steps), adam, DataSource("tiny.npz"))
    planned = experiment.new(recipe, tiny.dataset(), folder, "numpy")
    return experiment.perform(replace(planned, **{"log": "tensorboard", **options}), tiny.dataset(), watch)


def checksum(content):
    """CRC-32C, masked as TensorFlow does."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def events(folder):
    """Every event of the one file there is."""
    (path,) = folder.glob("*tfevents*")
    content, place, found = path.read_bytes(), 0, []
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        body = content[place + 12 : place + 12 + length]
        sums = struct.unpack_from("<I", content, place + 8) + struct.unpack_from("<I", content, place + 12 + length)
        assert sums == (checksum(content[place : place + 8]), checksum(body)) or length > 1000
        found.append(Event.FromString(body))
        place += 16 + length
    return found


def curve(folder, tag):
    """(step, value) of a scalar, in the order of the file."""
    return [(e.step, value.simple_value) for e in events(folder) for value in e.summary.value if value.tag == tag]


def assert_curves_are_the_history(folder, history):
    losses = np.float32(history.losses).tolist()
    assert curve(folder, "loss/training") == list(enumerate(losses, 1))
    right = np.float32(np.array(history.correct) / history.batch_size).tolist()
    assert curve(folder, "accuracy/training") == list(enumerate(right, 1))
    validated = [(step, float(np.float32(loss))) for step, loss, _ in history.validations]
    assert curve(folder, "loss/validation") == validated
    assert [step for step, _ in curve(folder, "accuracy/validation")] == [row[0] for row in history.validations]


def test_curves_recipe_and_the_result_are_in_one_file_that_tensorboard_can_read(tmp_path):
    run, evaluation = perform(tmp_path / "r")
    assert_curves_are_the_history(tmp_path / "r", run.history)
    rate = Adam(OneCycle(0.01)).rate
    assert curve(tmp_path / "r", "learning_rate") == [(s + 1, np.float32(rate(s, STEPS))) for s in range(STEPS)]
    assert curve(tmp_path / "r", "accuracy/test") == [(STEPS, np.float32(evaluation.accuracy))]
    assert all(value > 0 for _, value in curve(tmp_path / "r", "images_per_second"))
    first, start, told, *others = events(tmp_path / "r")
    assert first.file_version == "brain.Event:2" and start.session_log.status == SessionLog.START
    (text,) = told.summary.value
    assert (text.tag, text.metadata.plugin_data.plugin_name) == ("recipe/text_summary", "text")
    assert b'{ type = "Conv2D", filters = 2' in text.tensor.string_val[0]
    assert sorted(event.wall_time for event in others) == [event.wall_time for event in others]


def test_pictures_of_the_folder_and_the_confusion_are_shown(tmp_path, monkeypatch):
    def draw(folder, **what):
        (folder / "kernels.png").write_bytes(PNG)

    from convlet.report.figures.style import blank, to_bytes

    PNG = to_bytes(blank(2, 1, "kernels"), "png")
    monkeypatch.setattr(experiment, "draw_run", draw)
    perform(tmp_path / "r")
    shown = {value.tag: value.image for event in events(tmp_path / "r") for value in event.summary.value}
    assert shown["kernels"].encoded_image_string == PNG
    assert (shown["kernels"].width, shown["kernels"].height) == Image.open(io.BytesIO(PNG)).size
    assert shown["confusion"].encoded_image_string.startswith(b"\x89PNG")


def test_a_run_that_goes_on_after_a_kill_has_each_step_once(tmp_path):
    with pytest.raises(tiny.Killed):
        perform(tmp_path / "r", watch=tiny.killed_after(9))
    assert curve(tmp_path / "r", "loss/training")[-1][0] == 9
    (path,) = (tmp_path / "r").glob("*tfevents*")
    path.write_bytes(path.read_bytes()[:-5])  # the kill came while it was written
    planned = experiment.resumed(tmp_path / "r", "numpy")
    run, _ = experiment.perform(replace(planned, log="tensorboard"), tiny.dataset())
    assert run.clock.taken == STEPS - 6  # three of them for the second time
    assert_curves_are_the_history(tmp_path / "r", run.history)


def test_a_run_that_is_stopped_or_ended_goes_on_with_its_curve(tmp_path):
    def stop(run):
        if run.history.steps == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    constant = {"optimizer": Adam(0.01)}
    with pytest.raises(Stopped):
        perform(tmp_path / "r", watch=stop, **constant)
    assert [step for step, _ in curve(tmp_path / "r", "loss/training")] == [1, 2, 3]
    for steps in (STEPS, STEPS, 20):
        planned = experiment.resumed(tmp_path / "r", "numpy", steps=steps)
        run, _ = experiment.perform(replace(planned, log="tensorboard"), tiny.dataset())
    assert [step for step, _ in curve(tmp_path / "r", "loss/training")] == list(range(1, 21))
    assert [step for step, _ in curve(tmp_path / "r", "loss/test")] == [STEPS, 20]
    assert len([event for event in events(tmp_path / "r") if event.file_version]) == 1
    assert run.history.steps == 20


def test_a_log_that_begins_late_has_the_curve_from_the_start(tmp_path):
    perform(tmp_path / "r", log=None, optimizer=Adam(0.01))
    assert not list((tmp_path / "r").glob("*tfevents*"))
    planned = experiment.resumed(tmp_path / "r", "numpy", steps=20)
    run, _ = experiment.perform(replace(planned, log="tensorboard"), tiny.dataset())
    assert_curves_are_the_history(tmp_path / "r", run.history)


def test_a_log_that_cannot_be_written_is_one_warning_and_the_training_the_same(tmp_path, monkeypatch):
    def full(self, events):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorboard.Log, "_write", full)
    monkeypatch.setattr(tensorboard, "SECONDS", 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run, _ = perform(tmp_path / "r")
    (warning,) = caught
    assert str(warning.message) == "the log for TensorBoard ends here, the run goes on: No space left on device"
    monkeypatch.undo()
    assert tiny.fingerprint(run) == tiny.fingerprint(tiny.train(steps=STEPS, optimizer=Adam(OneCycle(0.01))))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_of_several_networks_the_validation_of_all_comes_last_and_once(seconds, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "SECONDS", seconds)
    both = Ensemble(rates=(1, 0.5))
    recipe = Recipe("x", tiny.NETWORK, Training(4, steps=3), Adam(0.01), DataSource("tiny.npz"), ensemble=both)
    planned = experiment.new(recipe, tiny.dataset(), tmp_path / "r", "numpy")
    for each in (planned, replace(planned, resume=True)):
        run, _ = experiment.perform(replace(each, log="tensorboard"), tiny.dataset())
        assert [step for step, _ in curve(tmp_path / "r", "loss/validation")] == [3, 6, 6]
        assert_curves_are_the_history(tmp_path / "r", run.history)


def test_what_led_to_a_loss_that_is_no_number_is_told(tmp_path):
    with pytest.raises(NumericsError):
        perform(tmp_path / "r", optimizer=SGD(1e8))
    assert curve(tmp_path / "r", "loss/training")


def test_only_the_process_that_keeps_the_run_logs_it(tmp_path):
    perform(tmp_path / "r", saves=False)
    assert not list((tmp_path / "r").glob("*tfevents*"))


def test_fit_logs_where_it_has_a_folder(tmp_path):
    run = fit(
        tiny.NETWORK, tiny.dataset(), steps=3, engine="numpy", progress=False, run_dir=tmp_path / "r", log="tensorboard"
    )
    assert_curves_are_the_history(tmp_path / "r", run.history)
    with pytest.raises(InputError, match="log='tensorboard' without run_dir"):
        fit(tiny.NETWORK, tiny.dataset(), steps=3, log="tensorboard")


def test_the_command_logs_and_goes_on_with_it(tmp_path):
    data = tiny.save_npz(tmp_path / "data.npz", tiny.dataset())
    (tmp_path / "tiny.toml").write_text(RECIPE.format(source=data, shape=[5, 4, 1], units=3, batch=4, steps=6), "utf-8")
    command = ["train", tmp_path / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "r"]
    convlet(*command, "--log", "tensorboard")
    assert [step for step, _ in curve(tmp_path / "r", "loss/training")] == [1, 2, 3, 4, 5, 6]
    convlet("train", "--resume", tmp_path / "r", "--steps", 8, "--engine", "numpy", "--log", "tensorboard")
    assert [step for step, _ in curve(tmp_path / "r", "loss/training")][-2:] == [7, 8]
