"""Time to an accuracy: everyone learns the same from the same, and who fails is named. Never how fast anything is."""

import io
import json
from dataclasses import replace

import pytest
import tiny
from benchmarking import TINY, fake
from click.testing import CliRunner
from rich.console import Console

from convlet.benchmarks import competitors
from convlet.benchmarks.accuracy import Race, race
from convlet.benchmarks.competitors import COMPETITORS
from convlet.benchmarks.peers.engines import EnginePeer
from convlet.benchmarks.process import Process, write_arrays
from convlet.benchmarks.trial import trial
from convlet.cli import main
from convlet.descriptions.layers import BatchNormalization, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.descriptions.schedules import OneCycle
from convlet.errors import EngineError, InputError
from convlet.report.terminal.accuracy import accuracy_table
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training, load_recipe
from convlet.training.fit import fit_recipe

NETWORK = Sequential([Flatten(), Dense(3)], tiny.SHAPE)
TRAINING = Training(10, epochs=3, label_smoothing=0.1)


def engine_peer(job):
    return EnginePeer(job, engine="numpy")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """Of data that processes find, and learn in a blink."""
    data = tiny.save_npz(tmp_path_factory.mktemp("data") / "data.npz", tiny.dataset(train=300, validation=300))
    return Recipe("linear", NETWORK, TRAINING, Adam(OneCycle(0.1)), DataSource(str(data)))


@pytest.fixture
def linear(recipe, tmp_path):
    (tmp_path / "linear.toml").write_text(recipe.to_toml(), "utf-8")
    return str(tmp_path / "linear.toml")


def test_a_trial_learns_exactly_what_a_run_does_and_notes_when_the_target_was_reached(recipe):
    recipe = replace(recipe, training=replace(TRAINING, seed=5))
    run = fit_recipe(recipe, recipe.data.load(), engine="numpy")
    accuracies = [accuracy for _, _, accuracy in run.history.validations]
    assert accuracies[0] < accuracies[1]
    found = trial(engine_peer, recipe, 1, target=accuracies[1])
    assert found.accuracy == accuracies[-1] and 0 < found.reached < found.seconds
    assert trial(engine_peer, recipe, 1, target=1.0).reached is None


def test_who_keeps_no_averages_is_not_validated_with_those_of_the_beginning(recipe):
    class Forgetful(EnginePeer):
        keeps_averages = False

    normalised = Sequential([BatchNormalization(), *NETWORK.layers], tiny.SHAPE)
    with pytest.raises(EngineError, match="keeps no averages of batch normalisation"):
        trial(lambda job: Forgetful(job, engine="numpy"), replace(recipe, network=normalised), 1, 0.5)


def test_everyone_has_a_trial_for_each_seed_and_who_fails_is_named(linear):
    absent = fake("Absent", requires=("no_such_module",), install="pip install it")
    others = [fake(name) for name in ("Right", "LearnsTooFast", "Raises")]
    facts = race(Race(linear, target=0.5, seeds=2), [COMPETITORS["numpy"], absent, *others], "convlet bench")
    json.dumps(facts)
    found = {each["name"]: each for each in facts["competitors"]}
    assert [each["status"] for each in found.values()] == ["measured", "skipped", "measured", "wrong", "failed"]
    assert "loss of step" in found["LearnsTooFast"]["reason"] and "trials" not in found["Raises"]
    first, second = found["numpy"]["trials"]
    assert first["accuracy"] != second["accuracy"]  # another seed
    assert found["numpy"]["accuracy"] == found["Right"]["accuracy"]
    assert found["numpy"]["reached"]["count"] == 2
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(accuracy_table(facts))
    shown = console.file.getvalue()
    assert "linear: training to 50.00 % of the validation images, 2 seeds" in shown and "2 of 2" in shown
    assert "✗ failed Raises of Fake: RuntimeError: out of paper" in shown and "– Absent of Fake: no_such" in shown


def test_trials_that_ended_are_kept_where_a_later_one_fails(linear):
    facts = race(Race(linear, target=0.5, seeds=2), [fake("RaisesWithSeed1"), fake("Right")], "convlet bench")
    failed, right = facts["competitors"]
    assert (failed["status"], failed["reason"]) == ("failed", "after 1 trial: RuntimeError: out of paper")
    assert failed["version"] == "fake 1.0" and "accuracy" not in failed, "no figures of fewer seeds than others have"
    [kept] = failed["trials"]
    assert kept["accuracy"] == right["trials"][0]["accuracy"]


def test_a_whole_training_may_take_longer_than_any_other_answer(linear, tmp_path):
    with Process(fake("Right"), 1) as process:
        process.load(TINY, write_arrays(TINY, TINY.network.initial_parameters(0), tmp_path))
        process.patience = 0.0
        assert 0 < process.train(load_recipe(linear), target=0.5).accuracy <= 1
        with pytest.raises(EngineError, match="no answer to 'check' within 0 s"):
            process.check()


@pytest.mark.parametrize("training", [{"class_weights": "balanced"}, {"patience": 2}])
def test_a_recipe_that_not_everyone_could_train_alike_is_refused(recipe, tmp_path, training):
    recipe = replace(recipe, training=replace(TRAINING, **training))
    (tmp_path / "mine.toml").write_text(recipe.to_toml(), "utf-8")
    with pytest.raises(InputError, match=f"without {next(iter(training))}"):
        Race(str(tmp_path / "mine.toml")).recipe()


def test_bench_accuracy_prints_one_json_object_and_fails_where_a_competitor_does(linear, monkeypatch):
    monkeypatch.setattr(competitors, "COMPETITORS", {"Raises": fake("Raises")})
    arguments = ["bench", "--accuracy", linear, "--seeds", "1", "--threads", "1", "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1 and json.loads(done.stdout)["competitors"][0]["status"] == "failed"


def test_bench_accuracy_of_no_recipe_is_refused():
    done = CliRunner().invoke(main, ["bench", "--accuracy", "nothing"])
    assert done.exit_code == 2 and "recipe 'nothing'" in done.stderr
