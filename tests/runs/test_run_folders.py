"""Run folders: begun whole, never overwritten, one process's at a time."""

import errno
import json
import os
from pathlib import Path

import pytest
import tiny

from convlet.errors import RecipeError, StorageError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.folder import begin_run, claim_folder, hold, recipe_of
from convlet.runs.recipe import Recipe, Training
from convlet.runs.run import load

RECIPE = Recipe("tiny", tiny.NETWORK, Training(steps=3))


def test_a_run_folder_begins_with_its_recipe_and_the_machine(tmp_path):
    with hold(tmp_path / "deep" / "r"):
        begin_run(tmp_path / "deep" / "r", RECIPE)
    assert recipe_of(tmp_path / "deep" / "r") == RECIPE
    about = json.loads((tmp_path / "deep" / "r" / "environment.json").read_text())
    assert {"python", "packages", "system", "processor", "cores"} == about.keys()
    assert str(Path.home()) not in json.dumps(about)


def test_an_existing_run_is_never_overwritten(tmp_path):
    tiny.train(steps=2, run_dir=tmp_path / "r")
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    with pytest.raises(StorageError, match=r"already something in it.*never overwritten"):
        tiny.train(steps=3, run_dir=tmp_path / "r")
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before


def test_an_empty_folder_may_become_a_run(tmp_path):
    assert tiny.train(steps=1, run_dir=tmp_path).run_dir == tmp_path


def test_a_folder_is_one_processs_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    other = "import sys, tiny; from pathlib import Path; tiny.train(steps=2, run_dir=Path(sys.argv[1]), resume=True)"
    tiny.train(steps=1, run_dir=tmp_path / "r")
    with hold(tmp_path / "r"), pytest.raises(AssertionError, match="another process is training in it"):
        tiny.in_new_process(other, tmp_path / "r")
    tiny.in_new_process(other, tmp_path / "r")
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 2


def test_a_run_whose_best_weights_are_lost_says_that_its_last_ones_are_taken(tmp_path):
    trained = tiny.train(steps=30, patience=50, validate_every=1, run_dir=tmp_path / "r")
    assert trained.history.validations and repr(load(tmp_path / "r", engine="numpy")) == repr(trained)
    (tmp_path / "r" / "best.safetensors").unlink()
    with pytest.warns(UserWarning, match=r"best\.safetensors, this run's best weights, is missing"):
        load(tmp_path / "r", engine="numpy")


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    with hold(tmp_path / "r"):
        assert (tmp_path / "r").is_dir()
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("where", ["a file", "a file/below", "x" * 300])
def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path, where):
    (tmp_path / "a file").write_bytes(b"mine")
    with pytest.raises(StorageError, match="cannot be used"):
        tiny.train(steps=1, run_dir=tmp_path / where)
    assert (tmp_path / "a file").read_bytes() == b"mine"


def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        tiny.train(steps=1, run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_the_first_free_folder_is_claimed_and_nobody_else_gets_it(tmp_path):
    assert claim_folder(tmp_path, "x") == tmp_path / "x-1"
    (tmp_path / "x-3").mkdir()
    assert claim_folder(tmp_path, "x") == tmp_path / "x-2"
    assert claim_folder(tmp_path, "x") == tmp_path / "x-4"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"name = ", b""])
def test_a_folder_without_a_readable_recipe_is_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "recipe.toml").write_bytes(content)
    with pytest.raises((StorageError, RecipeError)) as caught:
        recipe_of(tmp_path)
    assert str(tmp_path / "recipe.toml") in str(caught.value)
