"""Whatever ends training, what was earned is saved, and whoever hears of the end hears where."""

import os
import signal
import subprocess
import sys

import pytest
import tiny
from comparing import assert_same_bits

from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import NumericsError, StorageError
from convlet.runs.checkpoint import load_checkpoint
from convlet.signals import Stopped
from convlet.training import saving

pytestmark = pytest.mark.usefixtures("no_flushing")

STEPS = 14  # of 4 images among 23: an epoch ends within steps 6 and 12


def raising(error, at):
    def watch(run):
        if run.history.steps == at and run.clock.taken:
            raise error

    return watch


def signalling(number, at):
    def watch(run):
        if run.history.steps == at and run.clock.taken:
            os.kill(os.getpid(), number)

    return watch


@pytest.fixture
def heard():
    """Ctrl-C as a terminal's process hears it, where the tests run as somebody's background job too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def notes(error):
    return getattr(error, "__notes__", [])


class Own(BaseException):
    """Of nobody's family."""


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("a bug"), SystemExit(3), MemoryError(), BrokenPipeError(32, "x"), KeyboardInterrupt(), Own()],
)
def test_an_error_in_somebodys_watch_comes_after_the_run_was_saved_and_a_note_says_where(tmp_path, error):
    with pytest.raises(type(error)) as caught:
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=raising(error, at=8))
    assert caught.value is error
    assert notes(error) == [
        f"The run ended after step 8 of 14; it is saved in {tmp_path / 'r'}: go on with resume (fit's resume=True, "
        "or convlet train --resume)."
    ]
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 8
    resumed = tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=STEPS))


def test_where_there_is_no_run_dir_an_error_says_that_nothing_was_saved():
    with pytest.raises(ZeroDivisionError) as caught:
        tiny.train(steps=STEPS, watch=raising(ZeroDivisionError(), at=8))
    assert notes(caught.value) == ["The run ended after step 8 of 14; nothing was saved, for there is no run_dir."]


def test_a_step_that_was_broken_off_half_way_is_not_saved(tmp_path, monkeypatch):
    update = NumpyProgram._update

    def break_off(program, optimizer, gradients, learning_rate):
        if program.steps == 8:
            update(program, optimizer, dict(list(gradients.items())[:1]), learning_rate)
            raise MemoryError
        update(program, optimizer, gradients, learning_rate)

    monkeypatch.setattr(NumpyProgram, "_update", break_off)
    with pytest.raises(MemoryError) as caught:
        tiny.train(steps=STEPS, run_dir=tmp_path / "r")
    assert notes(caught.value) == ["The run broke off within step 9, and is kept as it was saved last."]
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 6
    monkeypatch.undo()
    resumed = tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=STEPS))


@pytest.mark.parametrize("failure", [StorageError("no space left."), MemoryError(), ValueError("a bug in saving")])
def test_where_the_run_cannot_be_saved_the_first_error_stays_and_the_note_says_why(tmp_path, monkeypatch, failure):
    def watch(run):
        if run.history.steps == 8 and run.clock.taken:
            monkeypatch.setattr(saving, "save_checkpoint", full)
            raise ZeroDivisionError

    def full(path, checkpoint):
        raise failure

    with pytest.raises(ZeroDivisionError) as caught:
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=watch)
    assert notes(caught.value) == [f"The run could not be saved after step 8 of 14: {str(failure) or 'MemoryError'}"]


@pytest.mark.parametrize("from_another", [False, True])
def test_a_run_that_fails_before_its_first_step_leaves_no_folder_and_the_same_command_may_be_repeated(
    tmp_path, monkeypatch, from_another
):
    further = {"initial": tiny.train(steps=1).program.state().parameters} if from_another else {}

    def fail(program, batch, learning_rate):
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError) as caught:
        patch.setattr(NumpyProgram, "step", fail)
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", **further)
    assert notes(caught.value) == ["The run ended before its first step, so there is nothing to keep."]
    assert not (tmp_path / "r").exists()
    tiny.train(steps=STEPS, run_dir=tmp_path / "r", **further)


def test_a_resumed_run_that_fails_at_once_stays_as_it_was(tmp_path, monkeypatch):
    def fail(program, batch, learning_rate):
        raise MemoryError

    tiny.train(steps=8, run_dir=tmp_path / "r")
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(NumpyProgram, "step", fail)
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 8


def test_a_second_ctrl_c_ends_at_once_and_saves_nothing_more(tmp_path, heard):
    def twice(run):
        if run.history.steps == 8 and run.clock.taken:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=twice)
    assert not isinstance(caught.value, Stopped) and not notes(caught.value)
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 6


def test_a_number_that_went_wrong_leaves_the_last_good_weights(tmp_path):
    def watch(run):
        if run.history.steps == 8 and run.clock.taken:
            raise NumericsError("wrong")

    with pytest.raises(NumericsError):
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=watch)
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 6


# --- stopped by a signal ----------------------------------------------------------------------------------------------


def test_a_stop_says_how_far_the_run_came_and_where_it_is_kept(tmp_path):
    with pytest.raises(Stopped) as caught:
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=signalling(signal.SIGINT, at=8))
    assert str(caught.value) == (
        f"stopped by SIGINT after step 8 of 14; it is saved in {tmp_path / 'r'}: go on with resume "
        "(fit's resume=True, or convlet train --resume)."
    )
    saved = load_checkpoint(tmp_path / "r" / "last.safetensors")
    assert_same_bits(caught.value.run.program.state().parameters, saved.state.parameters)


def test_a_stop_without_a_run_dir_says_that_nothing_was_saved_and_keeps_the_network_in_reach():
    with pytest.raises(Stopped) as caught:
        tiny.train(steps=STEPS, watch=signalling(signal.SIGINT, at=8))
    assert str(caught.value) == (
        "stopped by SIGINT after step 8 of 14; nothing was saved, for there is no run_dir. The network as trained so "
        "far is this exception's run (in a notebook: sys.last_value.run)."
    )
    assert_same_bits(caught.value.run.program.state().parameters, tiny.train(steps=8).program.state().parameters)
    assert caught.value.run.predict(tiny.dataset().test.images).shape == (11, 3)


def test_a_stop_before_the_first_step_says_that_nothing_was_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(NumpyProgram, "prepare", lambda *arguments: interrupted(arguments[-1]))

    def interrupted(progress):
        os.kill(os.getpid(), signal.SIGINT)
        progress(0, 1, "a kernel")

    with pytest.raises(Stopped, match=r"^stopped by SIGINT before the first step, so there is nothing new to save\.$"):
        tiny.train(steps=STEPS, run_dir=tmp_path / "r")
    monkeypatch.undo()
    resumed = tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=STEPS))


SCRIPT = """
import os, signal, sys, tiny, convlet
def watch(run):
    if run.history.steps == 8:
        os.kill(os.getpid(), signal.SIGINT)
quick = {"engine": "numpy", "progress": False, "run_dir": sys.argv[1]}
convlet.fit(tiny.NETWORK, tiny.dataset(), steps=14, batch_size=4, watch=watch, **quick)
"""


def ended(script, *arguments):
    """What a script that ends by itself says on stderr, and its exit code."""
    command, environment = [sys.executable, *arguments[:-1], "-c", script, arguments[-1]], tiny.environment()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    return done.stderr, done.returncode


def test_a_script_at_ctrl_c_ends_with_one_line_that_says_what_was_saved_and_with_130(tmp_path):
    said, code = ended(SCRIPT, tmp_path / "r")
    assert said == (
        f"convlet: stopped by SIGINT after step 8 of 14; it is saved in {tmp_path / 'r'}: go on with resume "
        "(fit's resume=True, or convlet train --resume).\n"
    )
    assert code == 130


def test_what_else_ends_a_script_keeps_its_trace_and_so_does_a_stop_where_a_hook_of_its_own_shows_errors(tmp_path):
    broken = SCRIPT.replace("convlet.fit(", "try:\n    convlet.fit(") + "except KeyboardInterrupt:\n    pass\n1 / 0\n"
    said, code = ended(broken, tmp_path / "broken")
    assert said.startswith("Traceback") and said.endswith("ZeroDivisionError: division by zero\n") and code == 1
    hooked = "import sys\nsys.excepthook = lambda kind, *_: print('hook:', kind.__name__, file=sys.stderr)\n" + SCRIPT
    assert ended(hooked, tmp_path / "hooked") == ("hook: Stopped\n", 1)
