"""`convlet evaluate`, `summary`, `predict` and the help."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from commands import convlet, refused
from PIL import Image, ImageDraw

from convlet import cli
from convlet.cli import printing
from convlet.datasets import mnist
from convlet.engines import PLANNED
from convlet.runs.recipe import built_in, load_recipe


def test_evaluating_a_run_gives_what_training_printed(digits, monkeypatch):
    monkeypatch.setattr(printing, "SLOW_SECONDS", 600)  # on a busy machine too, nothing but the result is printed
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
    message = "part 'test': d has no such part; it has 'train', 'validation', and 'all' is all of them."
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


def test_a_summary_takes_whatever_evaluate_takes(digits, tmp_path):
    of_the_run = json.loads(convlet("summary", digits[0], "--json").stdout)
    assert of_the_run["optimizer"] == "Adam" and of_the_run["training_images"] == 55_000
    assert json.loads(convlet("summary", digits[0] / "best.safetensors", "--json").stdout) == of_the_run
    alone = tmp_path / "taken elsewhere"
    alone.write_bytes((digits[0] / "last.safetensors").read_bytes())
    assert json.loads(convlet("summary", alone, "--json").stdout) == of_the_run  # it carries its recipe
    (tmp_path / "run").mkdir()
    alone.rename(tmp_path / "run" / "last.safetensors")
    assert json.loads(convlet("summary", tmp_path / "run", "--json").stdout) == of_the_run


def test_a_summary_speaks_of_what_there_is():
    shown = convlet("summary", "first-kernels").stdout
    assert "433 kB  of weights, float32" in shown and "Adam" not in shown
    plan = convlet("summary", "first-kernels", "--engine", "numba").stdout
    assert "convolution + tanh" in plan and "bias" not in plan
    assert "dense + bias" in convlet("summary", "lenet-5", "--engine", "numba").stdout


def test_every_engine_that_summary_offers_has_a_plan():
    offered = convlet("summary", "--help").stdout.partition("--engine [")[2].partition("]")[0].split("|")
    assert offered == list(PLANNED)
    for engine in offered:
        assert json.loads(convlet("summary", "--engine", engine, "--json").stdout)["blocks"]


# --- look and recipe --------------------------------------------------------------------------------------------------


def test_looking_into_a_run_draws_its_kernels_and_an_images_maps(digits, tmp_path):
    found = json.loads(convlet("look", digits[0], "--engine", "numpy", "--json", "--output", tmp_path / "new").stdout)
    kernels, maps = found["written"]
    assert (kernels["shows"], maps["shows"], maps["image"]) == ("kernels", "feature maps", "test:0")
    assert maps["class"] == "7" and 0.9 < maps["probability"] < 1
    for row, name in ((kernels, "kernels.png"), (maps, "maps-test-0.png")):
        assert row["file"] == str(tmp_path / "new" / name)
        with Image.open(row["file"]) as picture:
            picture.load()
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"kernels.png", "maps-test-0.png"}


def test_looking_at_a_file_of_ones_own_and_at_a_chosen_image(digits, tmp_path):
    drawn_one("L", 255, 0).save(tmp_path / "one.png")
    shown = convlet("look", digits[0], tmp_path / "one.png", "--digit", "--engine", "numpy", "--output", tmp_path)
    assert shown.stdout.splitlines()[-1] == f"  {tmp_path / 'maps-one.png'}"
    assert (tmp_path / "maps-one.png").exists()
    chosen = ("look", digits[0], "--part", "validation", "--index", "4", "--engine", "numpy", "--output", tmp_path)
    convlet(*chosen)
    assert (tmp_path / "maps-validation-4.png").exists()
    refused(*chosen[:5], "5000", *chosen[6:], says="--index=5000: there are 5,000 validation images, counted from 0")
    refused("look", digits[0], tmp_path / "one.png", "--index", "4", says="expected one of them")


def test_looking_without_the_data_still_draws_the_kernels(shop, tmp_path, undrawn):
    data = tiny.save_npz(tmp_path / "d.npz", tiny.dataset())
    arguments = ("--data", data, "--run-dir", tmp_path / "r", "--engine", "numpy", "--steps", "2")
    convlet("train", shop / "tiny.toml", *arguments)
    data.unlink()
    result = convlet("look", tmp_path / "r", "--engine", "numpy", "--json")
    assert [row["shows"] for row in json.loads(result.stdout)["written"]] == ["kernels"]
    assert "Without them only the kernels are drawn." in result.stderr
    refused("look", tmp_path / "r", "--index", "0", "--engine", "numpy", says="d.npz", code=1)


def test_looking_at_an_image_of_other_data(shop, tmp_path, undrawn):
    """The data need not be what the run was trained on, and a run's folder need not have its recipe."""
    arguments = ("--run-dir", tmp_path / "r", "--engine", "numpy", "--steps", "2")
    convlet("train", shop / "tiny.toml", *arguments)
    (tmp_path / "r" / "recipe.toml").unlink()
    other = tiny.save_npz(tmp_path / "other.npz", tiny.dataset(train=7))
    command = ("look", tmp_path / "r", "--engine", "numpy", "--part", "train")
    convlet(*command, "--index", "6", "--data", other)
    assert (tmp_path / "r" / "maps-train-6.png").exists()
    refused(*command, "--index", "7", "--data", other, says="there are 7 train images")
    refused(*command, "x.png", "--data", other, says="expected one of them")
    refused(*command, "--data", tmp_path / "none.npz", says="none.npz", code=1)
    untested = tiny.save_npz(tmp_path / "untested.npz", tiny.dataset(test=0))
    convlet(*command[:-2], "--data", untested)
    assert (tmp_path / "r" / "maps-validation-0.png").exists()


def test_a_built_in_recipe_is_printed_as_it_is_and_can_be_trained_from(tmp_path):
    listed = json.loads(convlet("recipe", "--json").stdout)["recipes"]
    assert [row["name"] for row in listed] == built_in()
    for name in built_in():
        assert name in convlet("recipe").stdout
        (tmp_path / "mine.toml").write_text(convlet("recipe", name).stdout, "utf-8")
        assert load_recipe(str(tmp_path / "mine.toml")) == load_recipe(name)
        assert "# " in convlet("recipe", name).stdout  # with what explains it
    refused("recipe", "lenet5", says="Did you mean 'lenet-5'?")


# --- predict ----------------------------------------------------------------------------------------------------------


def predicted(run, *images, code=0):
    result = convlet("predict", run, *images, "--engine", "numpy", "--json", code=code, answers=True)
    printed = json.loads(result.stdout)
    assert printed["schema"] == 1
    return [row.get("class") for row in printed["predictions"]], printed, result


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


def test_files_that_are_no_pictures_are_one_message_each_and_the_others_are_answered(digits, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)).save(tmp_path / "noise.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "noise.png").read_bytes()[:1500])
    Image.new("1", (14_000, 14_000)).save(tmp_path / "bomb.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    drawn_one("L", 255, 0).save(tmp_path / "one.png")
    cases = {"text.png": "not an image", "half.png": "cannot be read", "bomb.png": "too many pixels"}
    cases |= {"missing.png": "No such file", "blank.png": "nothing is drawn"}
    for name, says in cases.items():
        refused("predict", digits[0], tmp_path / name, "--digit", "--engine", "numpy", says=says, code=1)
    paths = [tmp_path / name for name in [*cases, "one.png"]]
    classes, printed, result = predicted(digits[0], *paths, "--digit", code=1)
    assert classes == [None] * len(cases) + ["1"]
    for row, (name, says) in zip(printed["predictions"], cases.items(), strict=False):
        assert row["image"] == str(tmp_path / name) and says in row["error"]
    messages = result.stderr.splitlines()
    assert len(messages) == len(cases) and all(line.startswith("convlet: ") for line in messages)
    shown = convlet("predict", digits[0], *paths, "--digit", "--engine", "numpy", code=1, answers=True).stdout
    assert "one.png" in shown and "blank.png" not in shown


def test_two_digits_in_one_picture_are_said_to_be_two(digits, tmp_path):
    page = Image.new("L", (400, 200), 240)
    for left in (60, 220):
        page.paste(drawn_one("L", 240, 0), (left - 60, 0))
    page.save(tmp_path / "two.png")
    refused("predict", digits[0], tmp_path / "two.png", "--digit", "--engine", "numpy", says="2 digits", code=1)


def test_a_doubtful_digit_is_said_to_be_doubtful_and_how_to_see_what_was_seen(digits, tmp_path):
    dash = Image.new("L", (300, 200), 240)
    ImageDraw.Draw(dash).line([(40, 100), (260, 105)], fill=0, width=16)
    dash.save(tmp_path / "dash.png")
    drawn_one("L", 255, 0).save(tmp_path / "one.png")
    _, printed, result = predicted(digits[0], tmp_path / "dash.png", tmp_path / "one.png", "--digit")
    assert "wider than a digit" in printed["predictions"][0]["doubt"]
    assert printed["predictions"][1]["doubt"] is None
    assert result.stderr.count("in doubt") == 1 and "dash.png: in doubt: " in result.stderr
    assert result.stderr.endswith("--show FILE.png shows what was seen.\n")


def test_what_the_network_saw_is_drawn(digits, tmp_path):
    drawn_one("L", 255, 0).save(tmp_path / "one.png")
    result = predicted(digits[0], tmp_path / "one.png", "--digit", "--show", tmp_path / "seen.png")[2]
    assert result.stderr == f"What was seen: {tmp_path / 'seen.png'}\n"
    with Image.open(tmp_path / "seen.png") as seen:
        assert seen.format == "PNG" and min(seen.size) > 300
    predicted(digits[0], tmp_path / "one.png", "--show", tmp_path / "seen.svg")
    assert (tmp_path / "seen.svg").read_text("utf-8").startswith("<?xml")


def test_a_picture_of_another_kind_than_it_is_written_in_is_refused_before_anything_is_done(tmp_path):
    says = f"--show={tmp_path / 'seen.jpg'}: expected a name that ends in .svg or .png."
    refused("predict", tmp_path / "no run", tmp_path / "one.png", "--show", tmp_path / "seen.jpg", says=says)


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_lists_every_verb_there_is():
    shown = convlet("--help").stdout
    others = {"asked", "assessing", "choosing", "printing", "progress", "shared", "speaking", "find_rate"}
    modules = {cli.MODULES.get(verb, verb) for verb in cli.VERBS}
    assert {path.stem for path in Path(cli.__file__).parent.glob("[a-z]*.py")} - others == modules
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
