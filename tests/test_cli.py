"""The command line: streams, exit codes, what is printed, and that no trace of a program ever shows."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image, ImageDraw

from convlet import __version__, cli, experiment, storage
from convlet.cli import main
from convlet.datasets import mnist
from convlet.recipe import load as load_recipe
from convlet.training import fit_recipe

RECIPE = """
data = {{ source = "{source}" }}
network = {{ input_shape = {shape}, layers = [{{ type = "Flatten" }}, {{ type = "Dense", units = {units} }}] }}
optimizer = {{ type = "Adam", learning_rate = 0.003 }}
training = {{ batch_size = {batch}, steps = {steps} }}
"""

TRAIN_KEYS = {
    *("schema", "test_accuracy", "test_loss", "validation_accuracy", "steps", "train_seconds", "compile_seconds"),
    *("ms_per_step", "images_per_second", "gflops", "peak_memory_mb", "engine", "threads", "seed", "weights_sha256"),
    "run_dir",
    "processes",
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("CONVLET_THREADS", "1")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take most of the time of a tiny run, and have tests of their own."""
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])


def convlet(*arguments, code=0):
    """The result of a command, which ended with that exit code and without a trace."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert "Traceback" not in result.stderr and "Warning" not in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, (result.stdout, result.stderr)
    if code:
        assert result.stdout == ""
    return result


def refused(*arguments, says, code=2):
    """A command that is refused: one message on stderr, which says so, and the exit code."""
    result = convlet(*arguments, code=code)
    assert says in result.stderr
    usage = result.stderr.startswith("Usage: ")  # what click refuses has three lines more
    assert result.stderr.count("\n") == (4 if usage else 1), result.stderr
    assert usage or result.stderr.startswith("convlet: ")
    return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a tiny data set and a recipe for it."""
    folder = tmp_path_factory.mktemp("shop")
    data = tiny.save_npz(folder / "data.npz", tiny.dataset(train=60))
    (folder / "tiny.toml").write_text(RECIPE.format(source=data, shape=[5, 4, 1], units=3, batch=4, steps=40), "utf-8")
    (folder / "long.toml").write_text(
        (folder / "tiny.toml").read_text("utf-8").replace("steps = 40", "steps = 3000, validate_every = 30"), "utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run on real MNIST: one dense layer, a second of training."""
    folder = tmp_path_factory.mktemp("digits")
    recipe = folder / "digits.toml"
    recipe.write_text(RECIPE.format(source="mnist", shape=[28, 28, 1], units=10, batch=100, steps=600), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVLET_THREADS", "1")
        result = convlet("train", recipe, "--engine", "numpy", "--run-dir", folder / "run", "--json")
    return folder / "run", json.loads(result.stdout)


# --- train ------------------------------------------------------------------------------------------------------------


def test_training_prints_one_json_object_and_keeps_everything(digits):
    folder, printed = digits
    assert printed.keys() == TRAIN_KEYS
    assert printed["schema"] == 1 and printed["steps"] == 600 and printed["engine"] == "numpy"
    assert 0.88 < printed["test_accuracy"] < 1 and 0.88 < printed["validation_accuracy"] < 1
    assert re.fullmatch("[0-9a-f]{64}", printed["weights_sha256"])
    assert printed["run_dir"] == str(folder)
    assert {path.name for path in folder.iterdir()} == {
        *("recipe.toml", "metrics.csv", "history.json", "last.safetensors", "best.safetensors"),
        *("curves.svg", "confusion.svg", "mistakes.png", "environment.json"),
    }


def test_results_go_to_stdout_and_progress_to_stderr(shop, tmp_path, undrawn):
    shown = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "a b")
    assert "\x1b" not in shown.stdout + shown.stderr  # no colours and no bar where there is no terminal
    assert "\r" not in shown.stderr
    assert "tiny: 2 layers, 63 weights" in shown.stderr and "60 training images" in shown.stderr
    assert "numpy engine, 1 thread" in shown.stderr
    assert shown.stderr.count("validation accuracy") == 3  # 40 steps of 4 among 60 images, and the end
    assert "validation accuracy" not in shown.stdout.lower().replace("validation accuracy  ", "")
    assert f"Next: convlet evaluate '{tmp_path / 'a b'}'" in shown.stdout


def test_the_same_seed_gives_the_same_weights_and_options_override_the_recipe(shop, tmp_path, undrawn):
    def weights(name, *options):
        arguments = ("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / name, "--json", *options)
        return json.loads(convlet(*arguments).stdout)

    first, again = weights("1"), weights("2")
    assert first["weights_sha256"] == again["weights_sha256"]
    options = {"--seed": 5, "--steps": 7, "--batch-size": 3, "--learning-rate": 0.5, "--patience": 9, "--epochs": 1}
    for number, (option, value) in enumerate(options.items()):
        other = weights(f"other {number}", option, value)
        training = storage.recipe_of(Path(other["run_dir"])).training
        assert (other["weights_sha256"] != first["weights_sha256"]) == (option != "--patience")
        if option != "--learning-rate":
            assert getattr(training, option[2:].replace("-", "_")) == value
    assert storage.recipe_of(tmp_path / "other 3").optimizer.learning_rate == 0.5
    assert weights("other 9", "--epochs", "2")["steps"] == 30
    assert weights("other 10", "--epochs", "2", "--train-images", "20")["steps"] == 10


def test_a_run_goes_on_to_the_same_weights(shop, tmp_path, undrawn):
    common = ("--engine", "numpy", "--json")
    whole = json.loads(convlet("train", shop / "tiny.toml", "--run-dir", tmp_path / "w", *common).stdout)
    convlet("train", shop / "tiny.toml", "--run-dir", tmp_path / "p", "--steps", "17", *common)
    resumed = convlet("train", "--resume", tmp_path / "p", "--steps", "40", *common)
    assert json.loads(resumed.stdout)["weights_sha256"] == whole["weights_sha256"]
    assert "Resumed at step 17 of 40." in resumed.stderr
    again = convlet("train", "--resume", tmp_path / "p", *common)
    assert "The run had ended, at step 40. Go further with --steps." in again.stderr
    assert json.loads(again.stdout)["steps"] == 40


def test_without_a_folder_a_run_gets_one_of_its_own(shop, tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        printed = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--steps", "2", "--json").stdout
        assert json.loads(printed)["run_dir"] == f"runs/tiny-{number}"


@pytest.mark.parametrize(
    "option",
    [
        ("deep-mnist",),
        *(("--data", "mnist"), ("--run-dir", "x"), ("--epochs", "2"), ("--batch-size", "9"), ("--seed", "1")),
        *(("--learning-rate", "0.1"), ("--patience", "2"), ("--train-images", "9")),
    ],
    ids=lambda option: option[0],
)
def test_what_would_make_it_another_run_is_refused_with_resume(tmp_path, option):
    name = option[0] if len(option) == 2 else "RECIPE"
    refused(
        "train", "--resume", tmp_path, *option, says=f"{name}={option[-1]} with --resume: a run continues as it began"
    )


def test_fewer_steps_than_were_taken_are_refused(digits):
    refused("train", "--resume", digits[0], "--engine", "numpy", "--steps", "5", says="steps=5: the run has taken 600")


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["train", "deep-mnits"], "Did you mean 'deep-mnist'?", 2),
        (["train", "missing.toml"], "'missing.toml': cannot be read: No such file", 2),
        (["train", "{shop}"], "expected a .toml file", 2),
        (["train", "{shop}/broken.toml"], "not TOML", 2),
        (["train", "{shop}/typo.toml"], "Did you mean 'network'?", 2),
        (["train", "--data", "nowhere"], "data: 'nowhere' is no dataset", 2),
        (["train", "--data", "{shop}"], "holds no train-images-idx3-ubyte", 1),
        (["train", "--data", "{shop}/data.npz"], "input_shape = [5, 4, 1]", 1),
        (["train", "--data", "{shop}/broken.npz"], "broken.npz", 1),
        (["train", "--train-images", "55001"], "train_images=55001: mnist has only 55,000", 2),
        (["train", "--steps", "0"], "0 is not in the range", 2),
        (["train", "--steps", "x"], "'x' is not a valid integer", 2),
        (["train", "--steps", "5", "--epochs", "5"], "exactly one", 2),
        (["train", "--learning-rate", "nan"], "learning_rate=nan", 2),
        (["train", "--learning-rate", "-1"], "learning_rate=-1.0", 2),
        (["train", "--seed", "9223372036854775808"], "seed=9223372036854775808", 2),
        (["train", "--engine", "abacus"], "'abacus' is not one of", 2),
        (["train", "--resume", "{shop}/none"], "Expected the folder of a run", 1),
        (["train", "--resume", "{shop}"], "Expected the folder of a run", 1),
        (["train", "{shop}/tiny.toml", "--run-dir", "{shop}", "--engine", "numpy"], "never overwritten", 1),
        (["train", "{shop}/tiny.toml", "--run-dir", "{shop}/tiny.toml", "--engine", "numpy"], "cannot be used", 1),
        (["train", "{shop}/tiny.toml", "--run-dir", "/proc/none", "--engine", "numpy"], "cannot be used", 1),
        (["train", "{shop}/tiny.toml", "--run-dir", "x" * 300, "--engine", "numpy"], "cannot be used", 1),
        (["train", "{shop}/tiny.toml", "--threads", "0"], "0 is not in the range", 2),
        (["evaluate", "{shop}/none"], "cannot be read", 1),
        (["evaluate", "{shop}"], "cannot be read", 1),
        (["evaluate", "{shop}/tiny.toml"], "not a checkpoint", 1),
        (["evaluate", "x" * 300], "File name too long", 1),
        (["predict", "{shop}"], "Missing argument 'IMAGE...'", 2),
        (["predict", "{shop}/none", "x.png"], "cannot be read", 1),
        (["summary", "deep"], "expected a .toml file", 2),
        (["summary", "{shop}"], "Expected the folder of a run", 1),
        (["summary", "x" * 300], "File name too long", 1),
        (["nonsense"], "No such command 'nonsense'", 2),
        (["train", "--nonsense"], "No such option", 2),
    ],
)
def test_what_cannot_be_done_is_one_message_and_an_exit_code(shop, tmp_path, monkeypatch, arguments, says, code):
    monkeypatch.chdir(tmp_path)
    (shop / "broken.toml").write_text("name =")
    (shop / "typo.toml").write_text("[netwrok]")
    (shop / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    before = sorted(shop.rglob("*"))
    refused(*(argument.format(shop=shop) for argument in arguments), says=says, code=code)
    assert list(tmp_path.iterdir()) == []  # nothing half-written is left
    assert sorted(shop.rglob("*")) == before


def test_a_wrong_number_of_threads_in_the_environment_is_refused(shop, monkeypatch):
    for said in ("zero", "0", "-1", "1.5"):
        monkeypatch.setenv("CONVLET_THREADS", said)
        refused("train", shop / "tiny.toml", says="CONVLET_THREADS=")


def test_numbers_going_wrong_are_one_message(shop, tmp_path):
    arguments = (
        "train",
        shop / "tiny.toml",
        "--engine",
        "numpy",
        "--run-dir",
        tmp_path / "r",
        "--learning-rate",
        "1e38",
    )
    last = convlet(*arguments, code=1).stderr.splitlines()[-1]
    assert last.startswith("convlet: step 2: the loss is nan; layer 'dense_1' is the first")


def test_names_that_look_like_markup_are_printed_as_they_are(shop, tmp_path, undrawn):
    recipe = tmp_path / "x.toml"
    recipe.write_text("name = '[red]x'\n" + (shop / "tiny.toml").read_text("utf-8"), "utf-8")
    shown = convlet("train", recipe, "--engine", "numpy", "--steps", "2", "--run-dir", tmp_path / "[bold]r")
    assert "[red]x: 2 layers" in shown.stderr and "[bold]r" in shown.stdout


def test_too_little_memory_is_one_message(shop, tmp_path, monkeypatch):
    def exhaust(*arguments, **options):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr(experiment, "perform", exhaust)
    refused("train", shop / "tiny.toml", "--run-dir", tmp_path / "r", says="not enough memory: Unable to", code=1)


# --- evaluate, summary ------------------------------------------------------------------------------------------------


def test_evaluating_a_run_gives_what_training_printed(digits):
    folder, printed = digits
    result = convlet("evaluate", folder, "--engine", "numpy", "--json")
    found = json.loads(result.stdout)
    assert found["schema"] == 1 and found["part"] == "test" and found["data"] == "mnist"
    assert found["accuracy"] == printed["test_accuracy"]
    assert result.stderr == ""
    validated = json.loads(convlet("evaluate", folder, "--engine", "numpy", "--part", "validation", "--json").stdout)
    assert validated["accuracy"] == printed["validation_accuracy"]
    best = json.loads(convlet("evaluate", folder / "best.safetensors", "--engine", "numpy", "--json").stdout)
    assert abs(best["accuracy"] - printed["test_accuracy"]) < 0.01
    assert f"{printed['test_accuracy']:.2%}"[:4] in convlet("evaluate", folder, "--engine", "numpy").stdout


def test_evaluating_on_other_data_checks_that_they_fit(digits, shop):
    refused("evaluate", digits[0], shop / "data.npz", "--engine", "numpy", says="the network takes (28, 28, 1)", code=1)
    refused("evaluate", digits[0], "nowhere", "--engine", "numpy", says="is no dataset")


def test_a_part_that_is_not_there_is_refused(shop, tmp_path, undrawn):
    data = tiny.save_npz(tmp_path / "d.npz", tiny.dataset(test=0))
    convlet(
        "train", shop / "tiny.toml", "--data", data, "--run-dir", tmp_path / "r", "--engine", "numpy", "--steps", "2"
    )
    message = "--part=test: d has no such part; it has train and validation."
    refused("evaluate", tmp_path / "r", "--engine", "numpy", says=message)


def test_summaries_of_recipes_and_runs(digits):
    deep = json.loads(convlet("summary", "--json").stdout)
    assert deep["schema"] == 1 and "3274634" in json.dumps(deep)
    assert json.loads(convlet("summary", "deep-mnist", "--json").stdout) == deep
    assert "7850" in json.dumps(json.loads(convlet("summary", digits[0], "--json").stdout))
    shown = convlet("summary")
    assert "conv2d_1" in shown.stdout.lower().replace(" ", "_") and shown.stderr == ""


def test_a_summary_needs_no_data(shop, tmp_path, undrawn):
    data = tiny.save_npz(tmp_path / "d.npz", tiny.dataset())
    arguments = ("--data", data, "--run-dir", tmp_path / "r", "--engine", "numpy", "--steps", "2")
    convlet("train", shop / "tiny.toml", *arguments)
    assert json.loads(convlet("summary", tmp_path / "r", "--json").stdout)["training_images"] == 23
    data.unlink()
    result = convlet("summary", tmp_path / "r", "--json")
    assert json.loads(result.stdout)["training_images"] is None
    assert "d.npz" in result.stderr and "The summary is without training images." in result.stderr


def test_a_damaged_checkpoint_is_one_message(digits, tmp_path):
    for name in ("recipe.toml", "last.safetensors"):
        (tmp_path / name).write_bytes((digits[0] / name).read_bytes())
    (tmp_path / "last.safetensors").write_bytes((digits[0] / "last.safetensors").read_bytes()[:-10])
    for command in (("evaluate", tmp_path), ("predict", tmp_path, "x.png"), ("train", "--resume", tmp_path)):
        refused(*command, "--engine", "numpy", says="not a checkpoint of convlet", code=1)


# --- predict ----------------------------------------------------------------------------------------------------------


def predicted(run, *images, code=0):
    result = convlet("predict", run, *images, "--engine", "numpy", "--json", code=code)
    printed = json.loads(result.stdout)
    assert printed["schema"] == 1
    return [row["class"] for row in printed["predictions"]], printed, result


def test_digits_of_mnist_saved_as_pictures_are_recognised(digits, tmp_path):
    test = mnist().test
    paths = []
    for index in range(20):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(test.images[index, ..., 0]).save(paths[-1])
    classes, printed, result = predicted(digits[0], *paths)
    assert sum(int(found) == label for found, label in zip(classes, test.labels[:20], strict=True)) >= 17
    assert result.stderr == ""
    Image.fromarray(test.images[0, ..., 0].astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert predicted(digits[0], tmp_path / "16.png")[1]["predictions"][0]["probability"] == pytest.approx(
        printed["predictions"][0]["probability"]
    )
    assert classes[0] in convlet("predict", digits[0], paths[0], "--engine", "numpy").stdout


def drawn_one(mode, paper, ink):
    picture = Image.new(mode, (200, 200), paper)
    ImageDraw.Draw(picture).line([(100, 30), (100, 170)], fill=ink, width=16)
    return picture


def test_a_drawn_digit_is_recognised_when_brought_into_mnists_form(digits, tmp_path):
    drawn_one("L", 255, 0).save(tmp_path / "one.png")
    drawn_one("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)).save(tmp_path / "transparent.png")
    for name in ("one.png", "transparent.png"):
        assert predicted(digits[0], tmp_path / name, "--digit")[0] == ["1"]
    hint = predicted(digits[0], tmp_path / "one.png")[2].stderr
    assert "--digit" in hint and hint.count("\n") == 1


def test_files_that_are_no_pictures_are_one_message(digits, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:1500])
    Image.new("1", (14_000, 14_000)).save(tmp_path / "bomb.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    cases = {"text.png": "not an image", "half.png": "cannot be read", "bomb.png": "too many pixels"}
    cases |= {"missing.png": "No such file", "blank.png": "nothing is drawn", "": "cannot be read"}
    for name, says in cases.items():
        arguments = ("predict", digits[0], tmp_path / "whole.png", tmp_path / name, "--digit", "--engine", "numpy")
        refused(*arguments, says=says, code=1)


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_lists_every_verb_there_is():
    shown = convlet("--help").stdout
    files = {path.stem for path in Path(cli.__file__).parent.glob("[a-z]*.py")} - {"shared"}
    assert files == set(cli.VERBS)
    for verb, line in cli.VERBS.items():
        assert f"  {verb} " in shown and line in shown
        assert convlet(verb, "--help").stdout.startswith(f"Usage: main {verb} ")


def test_help_waits_for_no_library():
    code = """
import sys
from click.testing import CliRunner
from convlet.cli import main
assert CliRunner().invoke(main, ["--help"]).exit_code == 0
print(sorted({"matplotlib", "numba", "rich", "PIL"} & set(sys.modules)))
"""
    assert tiny.in_new_process(code) == "[]\n"


# --- real processes ---------------------------------------------------------------------------------------------------


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
    run = fit_recipe(recipe, recipe.data.load(), engine_name="numpy")
    return storage.weights_sha256(run.program.state().parameters)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
    assert (
        errors.splitlines()[-1]
        == f"Stopped and saved. Go on with: convlet train --resume {tmp_path / 'r'} --engine numpy"
    )
    assert {path.name for path in (tmp_path / "r").iterdir()} >= {"last.safetensors", "curves.svg", "metrics.csv"}
    saved = storage.load_checkpoint(tmp_path / "r" / "last.safetensors")
    assert 0 < saved.state.step < 3000
    resumed = convlet("train", "--resume", tmp_path / "r", "--engine", "numpy", "--json")
    assert json.loads(resumed.stdout)["weights_sha256"] == never_stopped


def on_a_terminal(*arguments, **environment):
    """What a command shows on a terminal of 100 columns, stdout and stderr together."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "convlet", *map(str, arguments)],
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
