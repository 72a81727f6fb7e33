"""What is printed, on streams and terminals of every kind: nothing ends a command, and nothing is cut that matters."""

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from convlet import cli
from convlet.cli import printing
from convlet.report.terminal.progress import ProgressLine
from convlet.runs.checkpoint import load_checkpoint, save_checkpoint

ENCODINGS = ("ascii", "cp1252", "utf-8")
CLASSES = ("áo thun", "→", "猫")  # in cp1252: all, none, none


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A run whose classes have names that are not ASCII, its data, its recipe, and a picture."""
    folder = tmp_path_factory.mktemp("named")
    data, run = tiny.save_npz(folder / "data.npz", tiny.dataset()), folder / "rün"
    tiny.train(steps=20, run_dir=run)
    for name in ("last.safetensors", "best.safetensors"):
        checkpoint = load_checkpoint(run / name)
        object.__setattr__(checkpoint, "classes", CLASSES)
        save_checkpoint(run / name, checkpoint)
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(folder / "eins → zwei.png")
    return {"run": run, "data": data, "recipe": run / "recipe.toml", "picture": folder / "eins → zwei.png"}


COMMANDS = {
    "train": ("train", "{recipe}", "--data", "{data}", "--engine", "numpy", "--run-dir", "{new}"),
    "evaluate": ("evaluate", "{run}", "{data}", "--engine", "numpy"),
    "predict": ("predict", "{run}", "{picture}", "--engine", "numpy"),
    "summary": ("summary", "{run}"),
    "look": ("look", "{run}", "{picture}", "--engine", "numpy"),
    "recipes": ("recipe",),
    "recipe": ("recipe", "lenet-5"),
    "plan": ("summary", "deep-mnist", "--engine", "numba"),
    "compare": ("compare", "{recipe}", "--data", "{data}", "--engines", "numpy", "--steps", "2"),
    **{f"{verb} --help": (verb, "--help") for verb in cli.VERBS},
}


def test_a_result_in_words_is_shown_as_it_is_whatever_a_file_is_called(capsys):
    printing.show(False, {}, "[red]page\x1b.html: 3 MB")
    assert capsys.readouterr().out == "[red]page?.html: 3 MB\n"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_verb_prints_on_a_stream_of_any_encoding(named, tmp_path, undrawn, command, encoding):
    arguments = [part.format(**named, new=tmp_path / "rün → 2") for part in COMMANDS[command]]
    result = CliRunner(charset=encoding).invoke(cli.main, arguments)
    beyond_tolerance = command == "compare" and result.exit_code == 1  # of four images' batch normalisation
    assert result.exit_code == 0 or beyond_tolerance, result.exception
    said = result.stdout_bytes.decode(encoding) + result.stderr_bytes.decode(encoding)  # strictly: it is that encoding
    assert said and "\\u" not in said
    if command in ("evaluate", "predict"):
        shown = {"ascii": ("ao thun", ">"), "cp1252": ("áo thun", ">"), "utf-8": CLASSES}[encoding]
        assert all(name in said for name in shown)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_refusals_print_on_a_stream_of_any_encoding(tmp_path, encoding):
    for arguments, says in ((["train", "→.toml"], "convlet: recipe"), (["predict", "→", "--nó"], "No such option")):
        result = CliRunner(charset=encoding).invoke(cli.main, arguments)
        assert result.exit_code == 2
        assert says in result.stderr_bytes.decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_process_of_its_own_prints_what_its_streams_can_hold(encoding):
    code = "import sys; from convlet.cli import main; sys.argv[1:] = ['summary', 'first-kernels']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=tiny.environment(PYTHONIOENCODING=encoding)
    )
    assert done.returncode == 0, done.stderr
    times = {"ascii": "x", "cp1252": "×"}[encoding]
    assert f"Conv2D 16 {times} 3{times}3 tanh" in done.stdout.decode(encoding)


def test_only_the_place_that_prints_prints():
    """click.echo and print are nowhere else; rich prints to the console it makes."""
    wrong = []
    for path in sorted(Path(cli.__file__).parent.glob("*.py")):
        if path.name != "printing.py":
            text = path.read_text("utf-8")
            wrong += [path.name for word in ("click.echo", "Console(", "sys.stdout") if word in text]
    assert wrong == []


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\rb", "two\nlines", "\u202egnp"])
def test_names_of_files_are_shown_without_control_characters(named, tmp_path, name):
    picture, run = tmp_path / f"{name}.png", named["run"]
    picture.write_bytes(named["picture"].read_bytes())
    (tmp_path / f"{name}.toml").write_text("name =")
    shown = [
        ("predict", run, picture, "--engine", "numpy"),
        ("predict", run, tmp_path / f"{name}.gif", "--engine", "numpy"),
        ("summary", tmp_path / f"{name}.toml"),
        ("evaluate", tmp_path / name, "--engine", "numpy"),
        ("train", tmp_path / name),
    ]
    for arguments in shown:
        result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
        lines = (result.stdout + result.stderr).splitlines()
        assert lines and all(line.isprintable() for line in lines), result.output
        assert result.exit_code == 0 or len(lines) == 1


def test_a_command_to_copy_stands_whole_on_a_line_of_its_own(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "40")
    command = "convlet train --resume " + "runs/a-long-name-" * 4
    printing.say("Stopped and saved after a good many steps. Go on with:", command)
    lines = stream.getvalue().splitlines()
    assert lines == ["Stopped and saved after a good many", "steps. Go on with:", f"  {command}"]


# --- progress ---------------------------------------------------------------------------------------------------------


def progress(width, step=5_234):
    line = ProgressLine(step, 10_000, "loss 0.0432", "accuracy 0.983", "12,345 images/s", "3 min 23 s left")
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(line)
    return console.file.getvalue()


def test_a_narrow_terminal_loses_the_speed_first_then_the_bar_and_never_step_or_time():
    parts = {"speed": "images/s", "bar": "━", "loss": "loss", "accuracy": "accuracy"}
    kept = [{name for name, mark in parts.items() if mark in progress(width)} for width in range(20, 140)]
    assert all(fewer <= more for fewer, more in pairwise(kept))
    assert [sorted(each) for each in (kept[60 - 20], kept[72 - 20], kept[80 - 20], kept[120 - 20])] == [
        ["accuracy"],
        ["accuracy", "loss"],
        ["accuracy", "bar", "loss"],
        ["accuracy", "bar", "loss", "speed"],
    ]
    for width in range(38, 140):
        shown = progress(width)
        assert "step  5,234 of 10,000" in shown and "3 min 23 s left" in shown
        assert shown.count("\n") == 1 and len(shown) <= width + 1


def test_a_full_bar_and_an_empty_one_differ_without_colours():
    assert "·" not in progress(100, step=10_000) and "━" not in progress(100, step=0)
    half = progress(100, step=5_000)
    assert half.count("━") == half.count("·") > 3
