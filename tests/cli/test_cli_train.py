"""`convlet train`: streams, exit codes, what is printed, and that no trace of a program ever shows."""

import json
import os
import re
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from commands import convlet, refused

from convlet import experiment
from convlet.cli import printing
from convlet.engines.numpy.program import NumpyProgram
from convlet.runs.folder import recipe_of
from convlet.training.pace import Pace

TRAIN_KEYS = {
    *(
        "schema",
        "test_accuracy",
        "test_loss",
        "validation_accuracy",
        "steps",
        "train_seconds",
        "compile_seconds",
        "waiting_seconds",
    ),
    *("ms_per_step", "images_per_second", "gflops", "peak_memory_mb", "engine", "threads", "seed", "weights_sha256"),
    "run_dir",
    "processes",
}


def test_training_prints_one_json_object_and_keeps_everything(digits):
    folder, printed = digits
    assert printed.keys() == TRAIN_KEYS
    assert printed["schema"] == 1 and printed["steps"] == 600 and printed["engine"] == "numpy"
    assert 0.88 < printed["test_accuracy"] < 1 and 0.88 < printed["validation_accuracy"] < 1
    assert re.fullmatch("[0-9a-f]{64}", printed["weights_sha256"])
    assert printed["run_dir"] == str(folder)
    assert {path.name for path in folder.iterdir()} == {
        *("recipe.toml", "metrics.csv", "history.json", "last.safetensors", "best.safetensors"),
        *("curves.svg", "kernels.png", "confusion.svg", "mistakes.png", "environment.json"),
        *("evaluation.json", "report.html", "baseline.safetensors"),
    }


def test_results_go_to_stdout_and_progress_to_stderr(shop, tmp_path, undrawn):
    shown = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "a b")
    assert "\x1b" not in shown.stdout + shown.stderr  # no colours and no bar where there is no terminal
    assert "\r" not in shown.stderr
    assert "tiny: 2 layers, 63 weights" in shown.stderr and "60 training images" in shown.stderr
    assert "numpy engine, 1 thread" in shown.stderr
    assert shown.stderr.count("validation accuracy") == 3  # 40 steps of 4 among 60 images, and the end
    assert "validation accuracy" not in shown.stdout.lower().replace("validation accuracy  ", "")
    assert f"Next:\n  convlet evaluate '{tmp_path / 'a b'}'\n  convlet summary" in shown.stdout


def test_data_alone_chooses_a_recipe_says_why_and_keeps_it(shop, tmp_path, undrawn):
    given = ("--data", shop / "data.npz", "--engine", "numpy", "--steps", "3", "--run-dir", tmp_path / "run")
    said = convlet("train", *given).stderr
    assert "Chosen for data, 5 × 4 × 1 pixels:\n  network       S of the family air" in said
    kept = recipe_of(tmp_path / "run")
    assert kept.training.steps == 3 and kept.network.output_shape == (3,) and kept.augmentation
    assert "Training is expected to take" in said and ": 4 × 3 steps of" in said
    assert "training      3 steps, " in said and "training: 3 steps, " in kept.description


def test_a_time_limit_shortens_a_run_and_says_how_long_it_is_expected_to_take(shop, tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr("convlet.training.pace.measured_pace", lambda *given, **options: Pace(1.0, 0.0))
    common = (shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "run")
    said = convlet("train", *common, "--time-limit", "30s").stderr
    steps = recipe_of(tmp_path / "run").training.steps
    assert 15 < steps <= 19 and f"Training is expected to take {steps}.0 s: {steps} steps of 1.0 s, as all " in said
    refused("train", *common, "--time-limit", "9m", says="never overwritten", code=1)
    refused("train", "--resume", tmp_path / "run", "--time-limit", "9m", says="--time-limit=540.0 with --resume")
    refused("train", *common[:3], "--time-limit", "3s", says="time_limit: 0.0 s are left for training")
    refused("train", *common[:3], "--time-limit", "soon", says="--time-limit='soon': expected a time")


def test_a_run_out_of_time_says_how_to_go_on(shop, tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr("convlet.cli.train.timed", lambda chosen, images, named, ends, **how: (chosen, 0.0))
    shown = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--time-limit", "9m", "--run-dir", tmp_path / "r")
    assert f"convlet train --resume {tmp_path / 'r'}" in shown.stderr and "Out of time after step" in shown.stderr
    gone_on = json.loads(convlet("train", "--resume", tmp_path / "r", "--engine", "numpy", "--json").stdout)
    assert gone_on["steps"] == 40


def test_init_prints_the_recipe_that_data_alone_would_choose(shop, tmp_path, undrawn):
    printed = convlet("init", shop / "data.npz", "--train-images", "50").stdout
    (tmp_path / "mine.toml").write_text(printed, "utf-8")
    common = ("--engine", "numpy", "--steps", "2", "--run-dir")
    convlet("train", tmp_path / "mine.toml", *common, tmp_path / "mine")
    convlet("train", "--data", shop / "data.npz", "--train-images", "50", *common, tmp_path / "chosen")
    mine, chosen = (recipe_of(tmp_path / run) for run in ("mine", "chosen"))
    assert mine.training.validate_every == 10 and chosen.training.validate_every == 1  # so few steps are of one epoch
    mine = replace(mine, description=chosen.description)  # which says how long that one is trained
    assert replace(mine, training=chosen.training) == chosen and mine.data.train_images == 50
    assert mine.training.changed(validate_every=1) == chosen.training
    answer = json.loads(convlet("init", shop / "data.npz", "--train-images", "50", "--json").stdout)
    assert answer["text"] == printed and answer["name"] == "data" and "network" in answer["reasons"]


@pytest.mark.parametrize(("rate", "remark"), [("1e-12", "no better than a guess"), ("0.1", "best so far")])
def test_what_is_no_better_than_a_guess_is_not_praised(shop, tmp_path, undrawn, rate, remark):
    zeros = 'type = "Dense", kernel_initializer = { type = "Constant", value = 0 }'
    text = (shop / "tiny.toml").read_text("utf-8").replace('type = "Dense"', zeros)
    (shop / "zeros.toml").write_text(text, "utf-8")
    arguments = ("--engine", "numpy", "--run-dir", tmp_path / "r", "--learning-rate", rate, "--epochs", "9")
    shown = convlet("train", shop / "zeros.toml", *arguments).stderr
    remarks = [line for line in shown.splitlines() if "validation accuracy" in line]
    assert any(line.endswith(remark) for line in remarks)
    assert rate != "1e-12" or not any(line.endswith("best so far") for line in remarks)


def test_the_same_seed_gives_the_same_weights_and_options_override_the_recipe(shop, tmp_path, undrawn):
    def weights(name, *options):
        arguments = ("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / name, "--json", *options)
        return json.loads(convlet(*arguments).stdout)

    first, again = weights("1"), weights("2")
    assert first["weights_sha256"] == again["weights_sha256"]
    options = {"--seed": 5, "--steps": 7, "--batch-size": 3, "--learning-rate": 0.5, "--patience": 9, "--epochs": 1}
    for number, (option, value) in enumerate(options.items()):
        other = weights(f"other {number}", option, value)
        training = recipe_of(Path(other["run_dir"])).training
        assert (other["weights_sha256"] != first["weights_sha256"]) == (option != "--patience")
        if option != "--learning-rate":
            assert getattr(training, option[2:].replace("-", "_")) == value
    assert recipe_of(tmp_path / "other 3").optimizer.learning_rate == 0.5
    text = (shop / "tiny.toml").read_text("utf-8").replace("steps = 40", "steps = 40, seed = 7")
    (shop / "seeded.toml").write_text(text, "utf-8")
    arguments = ("--engine", "numpy", "--run-dir", tmp_path / "other 8", "--json", "--seed", "0")
    zero = json.loads(convlet("train", shop / "seeded.toml", *arguments).stdout)
    assert zero["weights_sha256"] == first["weights_sha256"]  # 0 is a seed, too
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


def test_a_run_whose_data_was_moved_is_told_how_to_name_their_place_and_goes_on_there(shop, tmp_path, undrawn):
    shutil.copy(shop / "data.npz", tmp_path / "data.npz")
    common = ("--engine", "numpy", "--json")
    convlet("train", shop / "tiny.toml", "--data", tmp_path / "data.npz", "--run-dir", tmp_path / "r", *common)
    (tmp_path / "data.npz").rename(tmp_path / "moved.npz")
    resume = ("train", "--resume", tmp_path / "r", "--steps", "45", *common)
    resumed = f"convlet train --resume {tmp_path / 'r'} --data DATA."
    refused(*resume, says=f"data.npz. If it was moved, name its place: {resumed}\n", code=1)
    assert json.loads(convlet(*resume, "--data", tmp_path / "moved.npz").stdout)["steps"] == 45


def test_a_resumed_run_that_is_stopped_before_its_first_step_is_told_all_that_was_said_of_it(
    shop, tmp_path, monkeypatch, undrawn
):
    def interrupted(program, batch_size, progress):
        os.kill(os.getpid(), signal.SIGINT)
        progress(0, 1, "a kernel")

    convlet("train", shop / "tiny.toml", "--engine", "numpy", "--run-dir", tmp_path / "r", "--json")
    monkeypatch.setattr(NumpyProgram, "prepare", interrupted)
    command = ["train", "--resume", tmp_path / "r", "--engine", "numpy", "--steps", "50", "--data", shop / "data.npz"]
    stopped = convlet(*command, code=130)
    assert stopped.stderr.splitlines()[-1] == f"  convlet {' '.join(map(str, command))}"


def test_without_a_folder_a_run_gets_one_of_its_own(shop, tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        printed = convlet("train", shop / "tiny.toml", "--engine", "numpy", "--steps", "2", "--json").stdout
        assert json.loads(printed)["run_dir"] == f"runs/tiny-{number}"


@pytest.mark.parametrize(
    "option",
    [
        ("deep-mnist",),
        *(("--run-dir", "x"), ("--epochs", "2"), ("--batch-size", "9"), ("--seed", "1")),
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
        (["train", "--data", "{shop}"], "holds no classes: expected a folder for each class", 1),
        (["train", "deep-mnist", "--data", "{shop}/data.npz"], "input_shape = [5, 4, 1]", 1),
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


def test_too_little_memory_without_a_word_says_how_much_was_taken(shop, tmp_path, monkeypatch):
    def exhaust(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(experiment, "perform", exhaust)
    result = refused("train", shop / "tiny.toml", "--run-dir", tmp_path / "r", says="not enough memory: none", code=1)
    assert re.search(r"none is left beside the [\d,]+ MB that this command has taken\.", result.stderr)


def test_ctrl_c_outside_training_ends_with_its_own_exit_code(shop, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "perform", interrupt)
    result = convlet("train", shop / "tiny.toml", "--run-dir", tmp_path / "r", code=130)
    assert result.stderr == "Interrupted.\n"


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 3 TiB"), OSError(5, "Input/output error")])
def test_whatever_ends_a_command_what_was_noted_on_the_way_is_said_too(shop, tmp_path, monkeypatch, error):
    def fail(*arguments, **options):
        error.add_note("The run ended after step 3 of 40; it is saved.")
        raise error

    monkeypatch.setattr(experiment, "perform", fail)
    refused("train", shop / "tiny.toml", "--run-dir", tmp_path / "r", says="The run ended after step 3 of 40", code=1)


@pytest.mark.parametrize(("engine", "compiles"), [("numpy", False), ("numba", True), ("keras", True)])
def test_only_an_engine_that_compiles_is_said_to(monkeypatch, capsys, engine, compiles):
    monkeypatch.setattr(printing, "SLOW_SECONDS", 0.0)
    said = threading.Event()
    say = printing.say
    monkeypatch.setattr(printing, "say", lambda text: (say(text), said.set()))
    with printing.said_if_slow(engine):
        assert said.wait(60)
    assert ("compiled" in capsys.readouterr().err) == compiles
