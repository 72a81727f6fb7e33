"""The commands on a folder of pictures: what is said, kept and done again."""

import csv
import json
import shutil

import pytest
from commands import RECIPE, convlet, refused
from pictured import folder, picture, save

import convlet as cl
from convlet.errors import DataError, InputError
from convlet.runs.checkpoint import weights_sha256
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


@pytest.fixture
def trained(tmp_path, recipe, undrawn):
    """A folder of pictures, and a run of 10 steps on it."""
    photos, run = folder(tmp_path / "photos"), tmp_path / "run"
    convlet("train", recipe, "--data", photos, "--run-dir", run, *NUMPY)
    return photos, run


def test_a_run_on_a_folder_that_goes_on_is_the_run_that_never_stopped(tmp_path, recipe, trained):
    photos, run = trained
    whole = tmp_path / "whole"
    convlet("train", recipe, "--data", photos, "--steps", 27, "--run-dir", whole, *NUMPY)
    convlet("train", "--resume", run, "--steps", 27, *NUMPY)  # three epochs and a part of the fourth
    own, other = (weights_sha256(cl.load(path, engine="numpy").program.state().parameters) for path in (run, whole))
    assert own == other
    assert (run / "split.csv").read_bytes() == (whole / "split.csv").read_bytes()


def parts(run):
    with (run / "split.csv").open(encoding="utf-8", newline="") as table:
        return {row["path"]: row["part"] for row in csv.DictReader(table)}


def test_pictures_that_have_changed_since_are_named_and_taken_where_that_is_insisted_on(tmp_path, trained):
    photos, run = trained
    before = parts(run)
    one, two = (next(path for path, part in before.items() if part == name) for name in ("train", "test"))
    other = next(path for path, part in before.items() if part == "train" and path != one)
    save(photos / one, picture(4000))
    (photos / two).unlink()
    shutil.copy(photos / other, photos / "bee/a copy.png")
    for i in range(9):
        save(photos / f"bee/new-{i}.png", picture(5000 + i))
    says = f"changed: '{one}'; gone: '{two}'; new: 'bee/a copy.png', 'bee/new-0.png', 'bee/new-1.png' and 7 more"
    for words in (("evaluate", run), ("train", "--resume", run, "--steps", 14), ("train", "--resume", run)):
        message = refused(*words, *NUMPY, says=says, code=1).stderr
        assert "--data-changed ok" in message
    assert parts(run) == before
    found = convlet("evaluate", run, "--data-changed", "ok", "--json", *NUMPY)
    assert says in found.stderr and json.loads(found.stdout)["images"] == 3
    convlet("train", "--resume", run, "--steps", 14, "--data-changed", "ok", *NUMPY)
    after = parts(run)
    assert all(after[path] == before[path] for path in before if path != two)
    assert after["bee/a copy.png"] == "train" == after["bee/new-3.png"]
    convlet("train", "--resume", run, "--steps", 16, *NUMPY)  # these are its pictures now
    assert json.loads(convlet("evaluate", run, "--json", *NUMPY).stdout)["images"] == 3


def test_in_python_too_a_run_goes_on_with_pictures_that_have_changed_where_that_is_insisted_on(trained):
    photos, run = trained
    before = parts(run)
    gone = next(path for path, part in before.items() if part == "test")
    (photos / gone).unlink()
    save(photos / "bee/new.png", picture(5000))
    common = {"run_dir": run, "engine": "numpy", "progress": False}
    for given in ((run / "recipe.toml",), (run / "recipe.toml", photos)):
        with pytest.raises((InputError, DataError), match=f"gone: '{gone}'; new: 'bee/new.png'"):
            cl.fit(*given, resume=True, **common)
    with pytest.raises(InputError, match="data_changed=True without resume=True"):
        cl.fit(run / "recipe.toml", data_changed=True, **common)
    whole = cl.fit(run / "recipe.toml", photos, resume=True, data_changed=True, steps=14, **common)
    assert whole.history.steps == 14
    assert parts(run) == {path: part for path, part in before.items() if path != gone} | {"bee/new.png": "train"}


def test_a_changed_picture_to_test_on_is_named_too_and_a_renamed_one_is_the_same(trained):
    photos, run = trained
    for path, part in parts(run).items():
        if part == "test":
            (photos / path).rename(photos / path.replace("/", "/renamed "))
    convlet("evaluate", run, *NUMPY)  # known by their pixels
    path = next(path for path, part in parts(run).items() if part == "test")
    save(photos / path, picture(4000))
    refused("evaluate", run, *NUMPY, says=f"changed: '{path}'. Put them back", code=1)


def evaluated(*arguments):
    """How many images of each class a run was evaluated on."""
    found = json.loads(convlet("evaluate", *arguments, "--json", *NUMPY).stdout)
    counts = {row["class"]: row["images"] for row in found["classes"]}
    assert found["images"] == sum(counts.values())
    return counts


def test_all_of_other_data_is_evaluated_where_it_has_no_parts(tmp_path, trained):
    _, run = trained
    others = folder(tmp_path / "others", start=500, size=(20, 30))  # fitted as the run's own
    assert evaluated(run, others) == evaluated(run, others, "--part", "all") == {"ant": 20, "bee": 20}
    assert evaluated(run, shutil.make_archive(tmp_path / "others", "zip", others)) == {"ant": 20, "bee": 20}
    rows = [f"others/bee/{i}.png,bee,{('test', 'train')[i % 2]}" for i in range(5)]
    (tmp_path / "others.csv").write_text("\n".join(["where,class,part", *rows]), "utf-8")
    assert evaluated(run, tmp_path / "others.csv", "--paths-column", "where") == {"ant": 0, "bee": 3}
    assert evaluated(run, tmp_path / "others.csv", "--paths-column", "where", "--part", "train")["bee"] == 2
    assert evaluated(run, tmp_path / "others.csv", "--paths-column", "where", "--part", "all")["bee"] == 5
    assert cl.load(run, engine="numpy").evaluate(others).confusion.sum() == 40
    assert cl.load(run, engine="numpy").evaluate(tmp_path / "others").confusion.sum(axis=1).tolist() == [20, 20]


def test_parts_of_other_data_are_asked_for_by_name(tmp_path, trained):
    _, run = trained
    for part, count in (("train", 4), ("val", 3)):
        folder(tmp_path / "parts" / part, count=count, start=10 * count)
    refused(
        "evaluate", run, tmp_path / "parts", *NUMPY, says="part 'test': parts has no such part; it has 'train', 'val"
    )
    assert evaluated(run, tmp_path / "parts", "--part", "validation") == {"ant": 3, "bee": 3}
    assert evaluated(run, tmp_path / "parts", "--part", "all") == {"ant": 7, "bee": 7}


def test_the_runs_own_split_is_evaluated_part_by_part(trained):
    _, run = trained
    counts = [evaluated(run, "--part", part)["ant"] for part in ("train", "validation", "test", "all")]
    assert counts == [16, 2, 2, 20]


def test_classes_of_other_data_are_known_by_name_and_strange_ones_refused(tmp_path, trained):
    _, run = trained
    only = folder(tmp_path / "only", count=3, classes=("bee",), start=700)
    assert evaluated(run, only) == {"ant": 0, "bee": 3}
    folder(only, count=3, classes=("cow", "dog"), start=800)
    says = "class 'cow' is none of the classes: 'ant', 'bee' (nor are 1 more)"
    refused("evaluate", run, only, *NUMPY, says=says, code=1)


def test_broken_pictures_are_left_out_wherever_that_is_said(tmp_path, trained, recipe):
    photos, run = trained
    others = folder(tmp_path / "others", start=500)
    (others / "ant/3.png").write_bytes(b"broken")
    refused("evaluate", run, others, *NUMPY, says="1 of 40 pictures are broken", code=1)
    assert evaluated(run, others, "--skip-broken") == {"ant": 19, "bee": 20}
    path = next(path for path, part in parts(run).items() if part == "test")
    (photos / path).write_bytes(b"broken")
    for words in (("evaluate", run), ("train", "--resume", run, "--steps", 12)):
        refused(*words, *NUMPY, says="1 of 40 pictures are broken", code=1)
        refused(*words, "--skip-broken", *NUMPY, says=f"gone: '{path}'", code=1)
        convlet(*words, "--skip-broken", "--data-changed", "ok", *NUMPY)
    assert sum(evaluated(run).values()) == 3


def test_insisting_is_for_the_runs_own_data(trained, recipe):
    photos, run = trained
    insisting = ("--data-changed", "ok", *NUMPY)
    refused("evaluate", run, photos, *insisting, says="--data-changed ok with DATA")
    refused("train", recipe, "--data", photos, *insisting, says="--data-changed=ok without --resume")


def test_a_table_of_a_runs_pictures_that_is_none_is_refused(trained):
    _, run = trained
    (run / "split.csv").write_text("path,label\nant/1.png,ant\n", "utf-8")
    refused("evaluate", run, *NUMPY, says="split.csv: not the table of a run's pictures", code=1)
