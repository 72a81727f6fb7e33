"""The runs in a folder: what their files say of them, in which order, and what differs between their recipes."""

import json
from dataclasses import replace

import pytest
import tiny

from convlet.descriptions.augmentation import Shift
from convlet.descriptions.layers import Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import OneCycle
from convlet.errors import StorageError
from convlet.report.facts.runs import list_json
from convlet.runs.data_source import DataSource
from convlet.runs.listing import ABSENT, differences, listed_runs
from convlet.runs.recipe import Recipe, Training


def recipe(**parts):
    training = Training(**{"batch_size": 4, "steps": 9, **parts.pop("training", {})})
    network = Sequential([Flatten(), Dense(3)], (5, 4, 1))
    return replace(Recipe("r", network, training, Adam(0.01), DataSource("a.npz")), **parts)


def keep(folder, validations=(), evaluation=None, steps=9, **parts):
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe(**parts).to_toml(), "utf-8")
    rows = [{"step": i, "loss": 1.0, "accuracy": accuracy} for i, accuracy in enumerate(validations)]
    (folder / "history.json").write_text(json.dumps({"steps": steps, "validations": rows}), "utf-8")
    if evaluation is not None:
        facts = {"accuracy": evaluation, "accuracy_low": evaluation - 0.1, "accuracy_high": evaluation + 0.1}
        (folder / "evaluation.json").write_text(json.dumps(facts), "utf-8")


def test_runs_come_by_their_data_and_the_best_validation_first(tmp_path):
    keep(tmp_path / "1", [0.5, 0.7], 0.6)
    keep(tmp_path / "2", [0.9, 0.8], 0.9)
    keep(tmp_path / "3", [0.99], data=DataSource("b.npz"))
    keep(tmp_path / "4")
    (tmp_path / "no run").mkdir()
    (tmp_path / "a file").write_text("")
    runs, faults = listed_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["2", "1", "4", "3"] and faults == []
    assert [run.validation for run in runs] == [0.8, 0.7, None, 0.99]
    assert [run.test for run in runs] == [0.9, 0.6, None, None]
    assert {run.steps for run in runs} == {9}


def test_runs_differ_from_those_on_the_same_data(tmp_path):
    keep(tmp_path / "1", training={"seed": 1})
    keep(tmp_path / "2", training={"seed": 2})
    keep(tmp_path / "3", data=DataSource("b.npz"), training={"seed": 3})
    runs, _ = listed_runs(tmp_path)
    assert [row["differs"] for row in list_json(runs)] == [{"seed": "1"}, {"seed": "2"}, {}]


def test_with_patience_the_validation_is_the_best_for_those_weights_are_kept(tmp_path):
    keep(tmp_path / "1", [0.5, 0.9, 0.7], training={"patience": 2})
    (run,), _ = listed_runs(tmp_path)
    assert run.validation == 0.9


def test_a_run_that_is_not_drawn_yet_is_read_from_its_checkpoint(tmp_path):
    trained = tiny.train(steps=6, run_dir=tmp_path / "r")
    (run,), _ = listed_runs(tmp_path)
    assert not (tmp_path / "r" / "history.json").exists()
    assert run.steps == 6 and run.validation == trained.history.validations[-1][2]


def test_a_run_that_has_just_begun_is_listed_without_figures(tmp_path):
    keep(tmp_path / "r")
    (tmp_path / "r" / "history.json").unlink()
    (run,), _ = listed_runs(tmp_path)
    assert run.steps is run.validation is run.test is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"accuracy": "high"}', '{"steps": "x"}', "[" * 99_999])
def test_damaged_files_of_figures_are_as_if_they_were_not_there(tmp_path, text):
    keep(tmp_path / "r", [0.5])
    for name in ("history.json", "evaluation.json"):
        (tmp_path / "r" / name).write_text(text, "utf-8")
    (run,), faults = listed_runs(tmp_path)
    assert run.validation is run.test is None and faults == []


def test_a_run_whose_recipe_cannot_be_read_is_named_and_the_others_are_listed(tmp_path):
    keep(tmp_path / "good")
    keep(tmp_path / "bad")
    (tmp_path / "bad" / "recipe.toml").write_text("what = 1", "utf-8")
    runs, (fault,) = listed_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["good"]
    assert str(tmp_path / "bad") in fault


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(StorageError, match="there is no run in it"):
        listed_runs(tmp_path)
    with pytest.raises(StorageError, match="nowhere: cannot be read"):
        listed_runs(tmp_path / "nowhere")


def test_what_differs_is_told_and_nothing_else():
    rate = OneCycle(0.01)
    one, other = recipe(), recipe(optimizer=Adam(rate), training={"seed": 3}, augmentation=(Shift(0.1),))
    assert differences([one, other]) == [
        {"learning_rate": "0.01", "seed": "0", "augmentation": ABSENT},
        {"learning_rate": "OneCycle(peak=0.01)", "seed": "3", "augmentation": "Shift(amount=0.1)"},
    ]
    assert differences([one, one, one]) == [{}, {}, {}]
    assert differences([one]) == [{}]
    (first, second) = differences([one, replace(one, optimizer=SGD(0.01))])
    assert first["optimizer"] == "Adam" and second["optimizer"] == "SGD"


def test_networks_differ_by_the_numbers_of_their_layers_or_by_their_size():
    wide = Sequential([Flatten(), Dense(3, activation="relu")], (5, 4, 1))
    deep = Sequential([Flatten(), Dense(4), Dense(3)], (5, 4, 1))
    assert differences([recipe(), recipe(network=wide)])[1] == {"dense_1.activation": "relu"}
    assert differences([recipe(), recipe(network=deep)]) == [
        {"network": "2 layers, 63 weights"},
        {"network": "3 layers, 99 weights"},
    ]
