"""Commands as real processes: signals, pipes and terminals."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
import tiny
from commands import convlet

from convlet import __version__
from convlet.runs.checkpoint import load_checkpoint, weights_sha256
from convlet.runs.recipe import load_recipe
from convlet.training.fit import fit_recipe

# A command that draws no pictures: they take most of its time, and other tests see them drawn by processes.
UNDRAWN = (
    "from convlet import experiment\n"
    "experiment.draw_run = lambda *arguments, **options: []\n"
    "from convlet.cli import main\n"
    "main()"
)


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "convlet", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=tiny.environment(),
        timeout=60,
        **options,
    )


def test_the_module_is_the_command():
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"convlet, version {__version__}\n", "")


def test_a_reader_that_leaves_early_is_no_error(shop):
    with subprocess.Popen(
        [sys.executable, "-m", "convlet", "summary", shop / "tiny.toml", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=tiny.environment(),
    ) as process:
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def never_stopped(shop):
    """The weights of the long run."""
    recipe = load_recipe(str(shop / "long.toml"))
    run = fit_recipe(recipe, recipe.data.load(), engine="numpy")
    return weights_sha256(run.program.state().parameters)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_command_saves_says_how_to_go_on_and_that_gives_the_same_weights(
    shop, tmp_path, number, never_stopped, undrawn
):
    options = ["--engine", "numpy", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "convlet", "train", shop / "long.toml", "--run-dir", tmp_path / "r", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=tiny.environment(),
    ) as process:
        while not (tmp_path / "r" / "last.safetensors").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        killer = threading.Timer(60, process.kill)  # a hang must not hang the tests
        killer.start()
        said, errors = process.communicate()
        killer.cancel()
    assert process.returncode == 128 + number
    assert said == "" and "Traceback" not in errors
    command = f"  convlet train --resume {tmp_path / 'r'} --engine numpy"
    assert errors.splitlines()[-2:] == ["Stopped and saved. Go on with:", command]
    assert {path.name for path in (tmp_path / "r").iterdir()} >= {"last.safetensors", "curves.svg", "metrics.csv"}
    saved = load_checkpoint(tmp_path / "r" / "last.safetensors")
    assert 0 < saved.state.step < 3000
    resumed = convlet("train", "--resume", tmp_path / "r", "--engine", "numpy", "--json")
    assert json.loads(resumed.stdout)["weights_sha256"] == never_stopped


def on_a_terminal(*arguments, **environment):
    """What a command that draws nothing shows on a terminal of 100 columns, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", UNDRAWN, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=tiny.environment(TERM="xterm-256color", **environment),
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0, shown.decode()
    return shown.decode()


def test_on_a_terminal_there_is_a_bar_and_no_color_takes_the_colours_but_not_the_bar(shop, tmp_path):
    arguments = ("train", shop / "tiny.toml", "--engine", "numpy", "--epochs", "20")
    coloured = on_a_terminal(*arguments, "--run-dir", tmp_path / "1")
    plain = on_a_terminal(*arguments, "--run-dir", tmp_path / "2", NO_COLOR="1")
    colours = re.compile(r"\x1b\[[0-9;]*(3[0-9]|9[0-9]|38;5;\d+|38;2;[\d;]+)m")
    assert "step 300 of 300" in coloured and "step 300 of 300" in plain
    assert colours.search(coloured) and not colours.search(plain)
    assert "Traceback" not in coloured + plain


def test_colours_asked_for_where_there_is_no_terminal_bring_no_bar(shop, tmp_path, monkeypatch, undrawn):
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "r")
    assert "\r" not in shown.stderr and "\x1b[2K" not in shown.stderr and "\x1b[1m" in shown.stderr


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(head -c 1 >/dev/null)"])
def test_progress_that_cannot_be_written_does_not_end_training(shop, tmp_path, stderr):
    command = f'exec "$0" -c "$1" train "$2" --run-dir "$3" --engine numpy --json {stderr}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, UNDRAWN, shop / "tiny.toml", tmp_path / "r"],
        stdout=subprocess.PIPE,
        text=True,
        env=tiny.environment(),
        timeout=100,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["steps"] == 40
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 40


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="not run: this system has no /dev/full")
def test_a_result_that_cannot_be_written_is_said_to_be_so(shop):
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -m convlet summary "$1" >/dev/full', sys.executable, shop / "tiny.toml"],
        stderr=subprocess.PIPE,
        text=True,
        env=tiny.environment(),
        timeout=100,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("convlet: the output cannot be written: No space left on device.")


def test_a_closed_terminal_ends_training_with_the_run_saved(shop, tmp_path):
    ours, theirs = pty.openpty()
    arguments = ("train", shop / "long.toml", "--run-dir", tmp_path / "r", "--engine", "numpy")
    with subprocess.Popen(
        [sys.executable, "-m", "convlet", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # its own terminal, so that closing it is heard
        env=tiny.environment(TERM="xterm-256color"),
    ) as process:
        os.close(theirs)
        while not (tmp_path / "r" / "last.safetensors").exists():
            os.read(ours, 65536)
        before = load_checkpoint(tmp_path / "r" / "last.safetensors").state.step
        os.close(ours)
        process.wait(60)
    assert process.returncode == 128 + signal.SIGHUP
    assert before <= load_checkpoint(tmp_path / "r" / "last.safetensors").state.step < 3000
