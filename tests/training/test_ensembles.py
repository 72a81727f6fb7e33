"""Several networks in place of one: trained one after the other, the best of them as one run, which goes on exactly."""

import gc
import math
import os
import shutil
import signal
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

import convlet as cl
from convlet.errors import DataError, InputError, RecipeError, StorageError
from convlet.runs import averaging
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.listing import listed_runs
from convlet.runs.recipe import Recipe, Training, parse_recipe
from convlet.signals import Stopped
from convlet.training import ensemble, saving
from convlet.training.ensemble import fit_ensemble
from convlet.training.fit import fit_recipe

pytestmark = pytest.mark.usefixtures("no_flushing")

DATA = tiny.dataset(train=23, validation=9, test=11)
SEARCH = cl.Ensemble(rates=(1, 0.5), decays=(1, 4), best=3)
OPTIMIZER = cl.SGD(cl.OneCycle(0.1), 0.9, weight_decay=0.01)
RECIPE = Recipe("x", tiny.NETWORK, Training(4, steps=7, seed=5), OPTIMIZER, cl.DataSource("in memory"), ensemble=SEARCH)
STEPS = 28  # of all four


def train(recipe=RECIPE, data=DATA, **options):
    return fit_ensemble(recipe, data, engine="numpy", **options)


def fingerprint(run):
    return tiny.fingerprint(run)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run in a folder that was never stopped, and its fingerprint."""
    folder = tmp_path_factory.mktemp("whole") / "r"
    return folder, fingerprint(train(run_dir=folder))


def networks(folder, count=4):
    return [cl.load(folder / f"network-{i}", engine="numpy") for i in range(1, count + 1)]


def test_each_network_is_what_its_own_recipe_trains_at_its_rate_and_decay_from_its_seed(whole):
    assert [member.optimizer.learning_rate.peak for member in RECIPE.members] == [0.1, 0.05, 0.1, 0.05]
    assert [member.optimizer.weight_decay for member in RECIPE.members] == [0.01, 0.01, 0.04, 0.04]
    assert [member.training.seed for member in RECIPE.members] == [20, 21, 22, 23]  # which are no other recipe's
    for member, run in zip(RECIPE.members, networks(whole[0]), strict=True):
        alone = fit_recipe(member, DATA, engine="numpy")
        assert_same_bits(run.program.state().parameters, alone.program.state().parameters)


def test_the_best_by_validation_answer_the_mean_of_their_logits(whole):
    images, _ = DATA.test.batch(slice(None))
    runs = networks(whole[0])
    ends = [run.history.validations[-1] for run in runs]
    worst = max(range(4), key=lambda i: ends[i][1])  # by its loss
    kept = [run.program.predict(images) for i, run in enumerate(runs) if i != worst]
    found = cl.load(whole[0], engine="numpy")
    np.testing.assert_allclose(found.program.predict(images), np.mean(kept, axis=0), rtol=1e-5, atol=1e-6)
    assert found.evaluate(DATA.validation).accuracy == pytest.approx(found.history.validations[-1][2])
    assert RECIPE.weights == found.network.weights == 3 * tiny.NETWORK.weights


def test_its_history_is_that_of_its_networks_one_after_the_other(whole):
    history, own = load_checkpoint(whole[0] / "last.safetensors").history, [run.history for run in networks(whole[0])]
    assert history.losses == [loss for each in own for loss in each.losses]
    assert history.correct == [right for each in own for right in each.correct]
    assert history.reports == [(7 * i + step, right) for i, each in enumerate(own) for step, right in each.reports]
    validated = [(7 * i + step, *row) for i, each in enumerate(own) for step, *row in each.validations]
    assert history.validations[:-1] == validated and history.validations[-1][0] == STEPS


def test_who_watches_sees_one_run_of_all_steps_and_whose_turn_it_is():
    seen = []
    run = train(watch=lambda run: seen.append((run.history.steps, run.total_steps, run.clock.taken, run.turn)))
    assert [step for step, *_ in seen] == sorted(step for step, *_ in seen)
    assert {step for step, *_ in seen} == set(range(1, STEPS + 1))
    assert all(total == STEPS and taken == step for step, total, taken, _ in seen)
    assert all(turn == ((step - 1) // 7 + 1, 4) for step, _, _, turn in seen)
    assert run.clock.taken == run.history.steps == run.total_steps == STEPS and run.seed == 5


def test_in_memory_it_is_the_same_run(whole):
    assert fingerprint(train()) == whole[1]


@pytest.mark.parametrize("cut", [1, 6, 7, 8, 14, 20, 27, 28])
def test_killed_at_any_step_it_goes_on_as_if_it_had_not_been(cut, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(saving, "SECONDS", -1.0)  # save after every step, as a slow run does

    def watch(run):
        if run.history.steps == cut and not (tmp_path / "killed").exists():
            shutil.copytree(tmp_path / "r", tmp_path / "killed")  # all that a killed process leaves

    train(run_dir=tmp_path / "r", watch=watch)
    resumed = train(run_dir=tmp_path / "killed", resume=True)
    assert fingerprint(resumed) == whole[1] and resumed.clock.taken == STEPS - cut
    assert fingerprint(cl.load(tmp_path / "killed", engine="numpy"))[0] == whole[1][0]


def test_killed_while_a_network_begins_it_goes_on(tmp_path, whole):
    with pytest.raises(tiny.Killed):
        train(run_dir=tmp_path / "r", watch=tiny.killed_after(7))
    (tmp_path / "r/network-2").mkdir(exist_ok=True)
    (tmp_path / "r/network-2/.recipe.toml.0123456789abcdef").write_text("half of")
    assert fingerprint(train(run_dir=tmp_path / "r", resume=True)) == whole[1]


@pytest.mark.parametrize("cut", [3, 7, 16])
def test_stopped_it_says_how_far_all_of_it_came_and_where_that_is_kept(cut, tmp_path, whole):
    def watch(run):
        if run.history.steps == cut and run.clock.taken:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped) as stopped:
        train(run_dir=tmp_path / "r", watch=watch)
    assert f"after step {cut} of {STEPS}; it is saved in {tmp_path / 'r'}: go on" in str(stopped.value)
    assert stopped.value.run.history.steps == cut and stopped.value.run.run_dir == tmp_path / "r"
    with pytest.raises(StorageError, match="It was stopped before its networks became one: go on with it, or name"):
        cl.load(tmp_path / "r")
    assert fingerprint(train(run_dir=tmp_path / "r", resume=True)) == whole[1]


def test_out_of_time_what_there_is_answers_and_the_rest_is_trained_later(tmp_path, whole, monkeypatch):
    ends = time.monotonic() + 1000

    def watch(run):
        if run.history.steps == 10:
            monkeypatch.setattr(time, "monotonic", lambda: ends)

    run = train(run_dir=tmp_path / "r", until=ends, watch=watch)
    assert (run.history.steps, run.total_steps) == (10, STEPS) and not (tmp_path / "r/network-3").exists()
    assert run.out_of_time and not cl.load(tmp_path / "r", engine="numpy").out_of_time
    assert run.network.weights == 2 * tiny.NETWORK.weights  # one whole, and one of three steps
    monkeypatch.undo()
    assert fingerprint(train(run_dir=tmp_path / "r", resume=True)) == whole[1]


def test_a_run_that_is_whole_stays_as_it_is_when_it_goes_on(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path / "r")
    again = train(run_dir=tmp_path / "r", resume=True)
    assert fingerprint(again) == whole[1] and not again.clock.taken


def test_another_recipe_or_other_data_do_not_go_on_with_it(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path / "r")
    common = {"run_dir": tmp_path / "r", "resume": True}
    with pytest.raises(InputError, match=r"ensemble\.best=2: the run in .* has 3; a run continues as it began"):
        train(replace(RECIPE, ensemble=replace(SEARCH, best=2)), **common)
    with pytest.raises(InputError, match=r"are not those that the run in .*network-1 began with"):
        train(data=tiny.dataset(seed=1), **common)
    with pytest.raises(InputError, match="resume=True without run_dir"):
        train(resume=True)


def test_what_one_of_its_networks_refuses_changes_nothing_of_the_run(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path / "r")
    for name in ("recipe.toml", "last.safetensors", "best.safetensors"):  # the first can go on with anything
        (tmp_path / "r/network-1" / name).unlink()
    before = (tmp_path / "r/recipe.toml").read_bytes()
    longer = replace(RECIPE, training=RECIPE.training.changed(steps=9))
    for recipe, data, message in ((longer, DATA, "steps=9: this run's"), (RECIPE, tiny.dataset(seed=1), "network-2")):
        with pytest.raises(InputError, match=message):
            train(recipe, data, run_dir=tmp_path / "r", resume=True)
        assert (tmp_path / "r/recipe.toml").read_bytes() == before


def test_stopped_while_they_become_one_it_says_where_they_are_kept(tmp_path, whole, monkeypatch):
    def average(runs):
        os.kill(os.getpid(), signal.SIGTERM)
        return averaging.average(runs)

    monkeypatch.setattr(ensemble, "average", average)
    with pytest.raises(Stopped, match=f"after step {STEPS} of {STEPS}; it is saved in .*: go on") as stopped:
        train(run_dir=tmp_path / "r")
    assert stopped.value.run.history.steps == STEPS
    monkeypatch.undo()
    assert fingerprint(train(run_dir=tmp_path / "r", resume=True)) == whole[1]


def test_a_run_that_was_killed_before_its_first_network_stays_where_it_cannot_go_on(tmp_path, whole):
    (tmp_path / "r").mkdir()
    shutil.copy(whole[0] / "recipe.toml", tmp_path / "r")
    with pytest.raises(InputError, match="engine"):
        fit_ensemble(RECIPE, DATA, engine="none", run_dir=tmp_path / "r", resume=True)
    assert fingerprint(train(run_dir=tmp_path / "r", resume=True)) == whole[1]


def test_without_validation_examples_all_answer_and_none_can_be_chosen():
    unvalidated = replace(DATA, validation=None)
    with pytest.raises(InputError, match="best=3 of 4, but tiny has no validation examples to choose by"):
        train(data=unvalidated)
    run = train(replace(RECIPE, ensemble=replace(SEARCH, best=None)), unvalidated)
    assert run.network.weights == 4 * tiny.NETWORK.weights and run.history.validations == []


def test_the_best_alone_is_a_plain_search(tmp_path):
    run = train(replace(RECIPE, ensemble=replace(SEARCH, best=1)), run_dir=tmp_path / "r")
    assert run.network == tiny.NETWORK
    best = min(networks(tmp_path / "r"), key=lambda network: network.history.validations[-1][1])
    assert_same_bits(run.program.state().parameters, best.program.state().parameters)


def test_of_networks_with_patience_the_best_weights_answer(tmp_path, recwarn):
    recipe = replace(RECIPE, training=Training(4, epochs=20, patience=1), optimizer=cl.AdamW(0.05))
    run = train(recipe, run_dir=tmp_path / "r")
    assert run.history.steps < run.total_steps
    loaded = cl.load(tmp_path / "r", engine="numpy")
    assert_same_bits(loaded.program.state().parameters, run.program.state().parameters)
    assert not [warning for warning in recwarn if "best weights" in str(warning.message)]
    (only,), _ = listed_runs(tmp_path)
    assert only.validation == run.history.validations[-1][2]


def test_what_cannot_begin_leaves_no_folder(tmp_path):
    with pytest.raises(DataError, match="images of shape"):
        train(replace(RECIPE, network=cl.Sequential([cl.Flatten(), cl.Dense(3)], (6, 6, 1))), run_dir=tmp_path / "r")
    whitening = cl.Conv2D(8, 2, kernel_initializer=cl.initializers.PatchWhitening(), use_bias=False, trainable=False)
    network = cl.Sequential([whitening, cl.Flatten(), cl.Dense(3)], tiny.SHAPE)
    with pytest.raises(InputError, match="images"):
        train(replace(RECIPE, network=network), tiny.dataset(train=3), run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_whole_experiment_has_its_pictures_its_report_and_its_networks(tmp_path):
    recipe = replace(RECIPE, training=replace(RECIPE.training, steps=2))
    run = cl.fit(recipe, DATA, engine="numpy", progress=False, run_dir=tmp_path / "r")
    assert {"report.html", "curves.svg", "confusion.svg", "evaluation.json"} <= {
        path.name for path in run.run_dir.iterdir()
    }
    page = (tmp_path / "r/report.html").read_text("utf-8")
    assert "2 steps of 4 images, each network" in page
    assert "4 networks; rate × 1, 0.5; decay × 1, 4; the 3 best answer together" in page
    tuned = cl.fit(run, DATA, steps=1, engine="numpy", progress=False, run_dir=tmp_path / "tuned")
    assert tuned.network == run.network and tuned.history.steps == 1  # they are one network now


def test_one_that_is_stopped_has_its_curves_and_is_listed_with_its_steps(tmp_path):
    def watch(run):
        if run.history.steps == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        cl.fit(RECIPE, DATA, engine="numpy", progress=False, run_dir=tmp_path / "r", watch=watch)
    assert (tmp_path / "r/curves.svg").exists()
    (listed,), _ = listed_runs(tmp_path)
    assert listed.steps == 9


def test_an_ensemble_is_written_in_a_recipe_and_read_as_it_was():
    text = RECIPE.to_toml()
    assert parse_recipe(text, "x") == RECIPE and "[ensemble]" in text
    assert replace(RECIPE, ensemble=replace(SEARCH, best=np.int64(3))).to_toml() == text
    with pytest.raises(RecipeError, match=r"x: ensemble: unknown key 'rate'\. Did you mean 'rates'"):
        parse_recipe(text.replace("rates =", "rate ="), "x")
    with pytest.raises(RecipeError, match="ensemble: seed="):
        replace(RECIPE, training=replace(RECIPE.training, seed=2**62))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"rates": 0.5}, r"rates=0.5: expected a list of factors, such as \[1, 0.5\]"),
        ({"rates": [1, 0]}, r"rates\[2\]=0"),
        ({"decays": [1, -1]}, r"decays\[2\]=-1"),
        ({"decays": [1, math.nan]}, r"decays\[2\]=nan"),
        ({}, "1 networks; expected from 2 to 100"),
        ({"rates": [1, 2], "seeds": 51}, "rates × decays × seeds: 102 networks"),
        ({"rates": [1, 0.5, 1]}, r"rates=\[1, 0.5, 1\]: a factor is there twice\. .* said by seeds"),
        ({"seeds": 0}, "seeds=0"),
        ({"seeds": [1, 2]}, r"seeds=\[1, 2\]: expected a whole number"),
        ({"seeds": 2, "best": 3}, "best=3: there are 2 networks"),
        ({"seeds": 2, "best": 0}, "best=0"),
    ],
)
def test_what_is_no_ensemble_is_refused(words, message):
    with pytest.raises(InputError, match=message):
        cl.Ensemble(**words)


def test_the_rates_of_every_schedule_are_multiplied_and_those_of_ones_own_refused():
    halved = cl.Ensemble(rates=(0.5,), seeds=2)
    for rate, expected in (
        (0.2, 0.1),
        (cl.Cosine(0.2, 0.02), cl.Cosine(0.1, 0.01)),
        (cl.OneCycle(0.2, 0.4), cl.OneCycle(0.1, 0.4)),
        (cl.schedules.Steps(0.2, 0.5, 3), cl.schedules.Steps(0.1, 0.5, 3)),
    ):
        assert halved.optimizers(cl.Adam(rate)) == [cl.Adam(expected)] * 2

    class Own:
        def at(self, progress):
            return 0.1

    with pytest.raises(InputError, match=r"a schedule of one's own, and cannot be multiplied\. Leave rates out"):
        halved.optimizers(cl.Adam(Own()))


def test_a_weight_decay_that_is_not_there_is_not_multiplied():
    without = replace(OPTIMIZER, weight_decay=0.0)
    with pytest.raises(RecipeError, match=r"ensemble: decays: SGD has no weight_decay that 4 could multiply\. Give it"):
        replace(RECIPE, optimizer=without)
    assert cl.Ensemble(rates=(1, 0.5)).optimizers(without)[0] == without


def test_of_several_seeds_every_rate_and_decay_has_its_turn_before_any_has_a_second():
    found = cl.Ensemble(rates=(1, 0.5), seeds=2).optimizers(cl.SGD(0.2))
    assert [optimizer.learning_rate for optimizer in found] == [0.2, 0.1, 0.2, 0.1]


def test_networks_that_differ_by_their_seeds_alone_all_answer_and_go_on(tmp_path):
    recipe = replace(RECIPE, training=replace(RECIPE.training, steps=2), ensemble=cl.Ensemble(seeds=3))
    assert {(member.optimizer, member.ensemble) for member in recipe.members} == {(OPTIMIZER, None)}
    assert [member.training.seed for member in recipe.members] == [15, 16, 17]
    whole = cl.fit(recipe, DATA, engine="numpy", progress=False, run_dir=tmp_path / "whole")
    assert whole.network.weights == recipe.weights == 3 * tiny.NETWORK.weights
    kernels = [run.program.state().parameters["conv2d_1/kernel"] for run in networks(tmp_path / "whole", 3)]
    assert not np.allclose(kernels[0], kernels[1]) and not np.allclose(kernels[1], kernels[2])
    page = (tmp_path / "whole/report.html").read_text("utf-8")
    assert "3 networks; 3 seeds; all answer together" in page
    with pytest.raises(tiny.Killed):
        train(recipe, run_dir=tmp_path / "r", watch=tiny.killed_after(3))
    assert fingerprint(train(recipe, run_dir=tmp_path / "r", resume=True)) == fingerprint(whole)


def test_what_a_network_was_trained_with_is_let_go_of_when_its_training_ended():
    programs = []

    def watch(run):
        if not any(program() is run.program for program in programs):
            programs.append(weakref.ref(run.program))
            gc.collect()
            assert len([program for program in programs if program() is not None]) <= 1

    train(watch=watch)
    assert len(programs) == 4
