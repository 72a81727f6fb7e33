"""What a checkpoint says of its data: by which name and fingerprint to know it, and not in whose folders it lay."""

import copy
import pickle
import shlex
import shutil

import pytest
import tiny
from quick import DATA, command, fit, save

import convlet as cl
from convlet.runs.data_source import DataSource
from convlet.runs.folder import recipe_of


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "a user")


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "a user").mkdir()


def test_no_file_of_a_run_but_its_recipe_names_a_folder(saved):
    cl.load(saved, engine="numpy").save(saved / "mine.safetensors")
    assert {path.name for path in saved.iterdir() if b"a user" in path.read_bytes()} == {"recipe.toml"}
    assert recipe_of(saved).data.source == str(saved.parent / "d.npz")


def test_a_run_folder_needs_no_data_said_and_a_checkpoint_alone_says_which_it_needs(saved, tmp_path, monkeypatch):
    alone = shutil.copy(saved / "last.safetensors", tmp_path / "alone.safetensors")
    monkeypatch.chdir(tmp_path)
    assert command("evaluate", saved, "--engine", "numpy").exit_code == 0
    assert command("train", "--resume", saved, "--steps", 6, "--engine", "numpy").exit_code == 0
    data = cl.load(alone, engine="numpy").data
    assert data == DataSource("d.npz", sha256=recipe_of(saved).data.sha256)
    for words, remedy in (
        (["evaluate", alone], f"Give DATA: convlet evaluate {alone} DATA."),
        (["train", "--from", alone, "--steps", 5, "--run-dir", "new"], "Give --data DATA."),
        (["look", alone, "--index", 0], "give --data"),
    ):
        done = command(*words, "--engine", "numpy")
        assert done.exit_code != 0 and "d.npz" in done.stderr and remedy in done.stderr
    monkeypatch.chdir(saved.parent)  # beside its data, which is known by its fingerprint
    assert command("evaluate", alone, "--engine", "numpy").exit_code == 0


def test_data_that_was_moved_is_asked_for_by_the_option_that_takes_it(saved, tmp_path):
    (saved.parent / "d.npz").rename(tmp_path / "moved.npz")
    done = command("train", "--resume", saved, "--steps", 6, "--engine", "numpy")
    assert done.exit_code == 1 and f"convlet train --resume {shlex.quote(str(saved))} --data DATA." in done.stderr
    done = command("train", "--resume", saved, "--steps", 6, "--engine", "numpy", "--data", tmp_path / "nowhere.npz")
    assert done.exit_code == 1 and "--data DATA" not in done.stderr


def test_a_run_goes_on_whose_classes_are_numbers_with_a_zero_before_them(tmp_path):
    labels = [f"{label % 3 + 1:02}" for label in range(len(DATA.train))]
    data = cl.Dataset.from_arrays(DATA.train.images, labels)
    how = {"batch_size": 4, "engine": "numpy", "progress": False, "run_dir": tmp_path / "run"}
    cl.fit(tiny.NETWORK, data, steps=2, **how)
    assert cl.fit(tiny.NETWORK, data, steps=4, resume=True, **how).classes == ("01", "02", "03")


@pytest.mark.parametrize("again", [copy.copy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_of_a_run_knows_as_much_of_its_data_as_the_run(saved, again):
    run = cl.load(saved, engine="numpy")
    assert again(run).data == run.data == recipe_of(saved).data


@pytest.mark.parametrize(
    ("source", "name"),
    [
        *(("mnist", "mnist"), ("in memory", "in memory"), ("/data/d.npz", "d.npz"), ("/", "/")),
        ("/data/mnist", "./mnist"),  # a folder: not the MNIST inside the package
    ],
)
def test_without_its_place_data_keeps_its_name(source, name):
    assert DataSource(source, 20).without_place() == DataSource(name, 20)
    assert fit(data=DATA).checkpoint().data.sha256 == tiny.dataset().sha256
