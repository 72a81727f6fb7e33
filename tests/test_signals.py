"""Stopping without losing anything: real signals, sent to real processes, at chosen moments."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import tiny

from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.run import load
from convlet.signals import SIGNALS, Stopped, stop_on_signals

STOPPABLE = """
import os, signal, sys, time, tiny
from convlet.runs import run as room
from convlet.signals import SIGNALS, Stopped

folder, number, moment, resume = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4] == "yes"
data = tiny.dataset()

def send():
    os.kill(os.getpid(), number)

def watch(run):
    if moment == "step" and run.history.steps == 8 and run.clock.taken == 8:
        send()
    if moment == "last step" and run.history.steps == 14:
        send()

if moment == "validation":
    evaluate = room.evaluate
    def and_signal(*arguments, **options):
        send()
        return evaluate(*arguments, **options)
    room.evaluate = and_signal
if moment == "compiling":
    from convlet.engines.numpy.program import NumpyProgram
    NumpyProgram.prepare = lambda *arguments: send()

before = [signal.getsignal(n) for n in SIGNALS]
try:
    run = tiny.train(data, steps=14, run_dir=folder, resume=resume, watch=watch)
    print("finished", run.history.steps)
except Stopped as stopped:
    print("stopped", stopped.signal, stopped)
assert [signal.getsignal(n) for n in SIGNALS] == before
"""


@pytest.mark.parametrize(
    ("number", "moment", "steps"),
    [
        (signal.SIGINT, "step", 8),
        (signal.SIGTERM, "step", 8),
        (signal.SIGHUP, "step", 8),
        (signal.SIGTERM, "validation", 6),
        (signal.SIGINT, "compiling", 0),
        (signal.SIGINT, "last step", 14),
    ],
)
def test_the_first_signal_ends_the_step_saves_and_the_resumed_run_is_the_one_never_stopped(
    tmp_path, number, moment, steps
):
    said = tiny.in_new_process(STOPPABLE, tmp_path / "r", int(number), moment, "no")
    assert said.startswith(f"stopped {int(number)} stopped by {number.name} after step {steps} of 14; it is saved in ")
    saved = load_checkpoint(tmp_path / "r" / "last.safetensors")
    assert saved.state.step == saved.history.steps == steps
    resumed = tiny.train(steps=14, run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=14))


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_ends_at_once_and_what_was_saved_stays(tmp_path, second):
    code = """
import sys, time, tiny
from convlet.signals import Stopped
def watch(run):
    if run.history.steps == 8:
        print("hanging", flush=True)
        while True:
            time.sleep(0.01)
try:
    tiny.train(steps=14, run_dir=sys.argv[1], watch=watch)
except Stopped:
    print("stopped")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "r"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=tiny.environment(),
    ) as process:
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)  # the first one waits for the step to end
        process.send_signal(second)
        killer = threading.Timer(20, process.kill)  # a hang must not hang the tests
        killer.start()
        said, errors = process.communicate()
        killer.cancel()
    assert said == ""
    assert "KeyboardInterrupt" in errors if second == signal.SIGINT else process.returncode == -second
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 6


def test_the_flag_is_raised_once_and_handlers_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="stopped by SIGTERM") as caught:
            stop.check()
    assert caught.value.signal == signal.SIGTERM
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_handlers_come_back_after_an_error_too():
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ZeroDivisionError), stop_on_signals():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_second_signal_acts_as_it_would_have_without_us():
    with pytest.raises(KeyboardInterrupt) as caught, stop_on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert not isinstance(caught.value, Stopped)


def test_a_handler_of_ones_own_gets_the_second_signal_and_comes_back():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard == [] and stop.signal == signal.SIGTERM
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGTERM)
        assert len(heard) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_one_inside_another_stops_both_and_a_second_signal_ends_at_once():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals() as outer:
        with stop_on_signals() as inner:
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(Stopped):
                inner.check()
        with pytest.raises(Stopped):
            outer.check()
    with pytest.raises(KeyboardInterrupt) as caught, stop_on_signals(), stop_on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert not isinstance(caught.value, Stopped)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_training_in_a_thread_works_and_leaves_signals_alone(tmp_path):
    before, runs = [signal.getsignal(number) for number in SIGNALS], []

    def train():
        runs.append(tiny.train(steps=8, run_dir=tmp_path / "r"))
        assert [signal.getsignal(number) for number in SIGNALS] == before

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert tiny.fingerprint(runs[0]) == tiny.fingerprint(tiny.train(steps=8))
    assert load(tmp_path / "r", engine="numpy").history.steps == 8


def test_stopped_is_a_keyboard_interrupt_so_a_script_ends_as_at_ctrl_c():
    assert issubclass(Stopped, KeyboardInterrupt) and not issubclass(Stopped, Exception)


def test_a_signal_that_was_ignored_is_heard_and_then_ignored_again():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal == signal.SIGINT
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_hangup_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.signal is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("ending", "code"), [("end_process(7)", 7), ("end_process(0)", 0), ("pass", 1)])
@pytest.mark.parametrize("stdout", [os.devnull, "/dev/full"])
def test_a_process_ends_though_something_in_it_never_will(ending, code, stdout):
    if not os.path.exists(stdout):  # noqa: PTH110
        pytest.skip(f"not run: this system has no {stdout}")
    program = f"""
import atexit, sys, threading
from convlet.signals import abandon_threads, end_process
atexit.register(threading.Event().wait)  # as the interpreter waits for a device's thread, and for ever
abandon_threads()
sys.stdout.write("something")  # which the flush at the end cannot write
{ending}
"""
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with open(stdout, "w") as out:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=out, stderr=subprocess.PIPE, env=buffered, timeout=60
        )
    assert done.returncode == code, done.stderr
