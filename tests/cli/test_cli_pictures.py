"""The commands on a folder of pictures: what is said, kept and done again."""

import csv
import json

import pytest
from commands import RECIPE, convlet, refused
from pictured import folder, picture, save

import convlet as cl
from convlet.runs.folder import recipe_of

NUMPY = ("--engine", "numpy")


@pytest.fixture
def recipe(tmp_path):
    text = RECIPE.format(source="mnist", shape=[6, 8, 1], units=2, batch=4, steps=10)
    (tmp_path / "tiny.toml").write_text(text, "utf-8")
    return tmp_path / "tiny.toml"


def test_a_run_on_a_folder_keeps_all_that_makes_its_images_again(tmp_path, recipe, undrawn):
    photos, run = folder(tmp_path / "photos"), tmp_path / "run"
    shown = convlet("train", recipe, "--data", photos, "--fit", "pad", "--run-dir", run, *NUMPY)
    assert "Held out, a tenth of each class: 4 for validation and 4 for test" in shown.stderr
    data = recipe_of(run).data
    assert (data.image_size, data.fit, data.channels) == ((6, 8), "pad", 1)  # as its network takes them
    with (run / "split.csv").open(encoding="utf-8", newline="") as table:
        assert sum(row["part"] == "test" for row in csv.DictReader(table)) == 4
    assert cl.load(run, engine="numpy").data.load().collected.preparation == data.preparation
    assert json.loads(convlet("evaluate", run, "--json", *NUMPY).stdout)["images"] == 4
    whole = json.loads(convlet("train", "--resume", run, "--steps", "14", "--json", *NUMPY).stdout)
    assert whole["steps"] == 14
    found = json.loads(convlet("evaluate", run, folder(tmp_path / "others", start=500), "--json", *NUMPY).stdout)
    assert {row["class"] for row in found["classes"]} == {"ant", "bee"}


def test_options_of_pictures_are_taken_and_wrong_ones_refused(tmp_path, recipe, undrawn):
    photos = folder(tmp_path / "photos")
    (photos / "ant/1.png").write_bytes(b"broken")
    common = ("train", recipe, "--data", photos, "--run-dir", tmp_path / "run", *NUMPY)
    refused(*common, says="1 of 40 pictures are broken", code=1)
    refused(*common, "--image-size", "6 by 8", says="expected pixels, such as 64, or rows x columns")
    convlet(*common, "--skip-broken", "--image-size", "9x8", code=1)  # another shape than the network's
    assert not (tmp_path / "run").exists()
    assert "Left out, as broken: 1 of 40" in convlet(*common, "--skip-broken", "--image-size", "6x8").stderr
    refused("train", "--resume", tmp_path / "run", "--fit", "pad", says="--fit=pad with --resume")


def test_fit_takes_a_folder_as_its_network_does(tmp_path, capsys):
    network = cl.Sequential([cl.Flatten(), cl.Dense(2)], input_shape=(6, 8, 3))
    run = cl.fit(network, folder(tmp_path / "photos"), steps=2, engine="numpy")
    assert run.data.preparation.channels == 3 and run.classes == ("ant", "bee")
    assert "Held out" in capsys.readouterr().err


def test_a_changed_folder_is_not_the_same_data(tmp_path, recipe, undrawn):
    photos, run = folder(tmp_path / "photos"), tmp_path / "run"
    convlet("train", recipe, "--data", photos, "--run-dir", run, *NUMPY)
    train = next(path for path in cl.datasets.load(photos).collected.paths("train"))
    save(photos / train, picture(4000))
    refused("evaluate", run, *NUMPY, says="is not the same data", code=1)
