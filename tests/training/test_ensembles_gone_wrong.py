"""A network of an ensemble whose numbers go wrong is left out, and the others answer; a signal is heard even then."""

import os
import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import tiny

import convlet as cl
from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import NumericsError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.recipe import Recipe, Training
from convlet.signals import Stopped
from convlet.training import saving
from convlet.training.ensemble import fit_ensemble

pytestmark = pytest.mark.usefixtures("no_flushing")

DATA = tiny.dataset(train=23, validation=9, test=11)
OPTIMIZER = cl.SGD(cl.OneCycle(0.1), 0.9, weight_decay=0.01)
PLAIN = Recipe("x", tiny.NETWORK, Training(4, steps=7, seed=5), OPTIMIZER, cl.DataSource("in memory"))
TAME = replace(PLAIN, ensemble=cl.Ensemble(rates=(1, 0.5), decays=(1, 4), best=3))
WILD = replace(PLAIN, ensemble=cl.Ensemble(rates=(1, 1e10, 0.5)))  # the second network's weights soon are infinite
LEFT_OUT = "network 2 of 3 is left out: step 4: the loss is nan; .* Try a lower learning rate"


def train(recipe, **options):
    return fit_ensemble(recipe, DATA, engine="numpy", **options)


@pytest.fixture(scope="module")
def tamed(tmp_path_factory):
    """The run that lost a network and was never stopped, in its folder, and its fingerprint."""
    folder = tmp_path_factory.mktemp("tamed") / "r"
    with pytest.warns(UserWarning, match=LEFT_OUT):
        return folder, tiny.fingerprint(train(WILD, run_dir=folder))


def test_a_network_that_goes_wrong_is_left_out_and_the_others_answer(tamed):
    images, _ = DATA.test.batch(slice(None))
    first, third = (cl.load(tamed[0] / f"network-{i}", engine="numpy") for i in (1, 3))
    both = cl.load(tamed[0], engine="numpy")
    mean = (first.program.predict(images) + third.program.predict(images)) / 2
    np.testing.assert_allclose(both.program.predict(images), mean, rtol=1e-5, atol=1e-6)
    assert both.history.steps == 7 + 3 + 7 and both.history.losses[-7:] == third.history.losses


@pytest.mark.parametrize("cut", [6, 7, 9, 10, 11, 17])
def test_killed_around_a_network_that_goes_wrong_it_goes_on_as_if_it_had_not_been(cut, tmp_path, tamed, monkeypatch):
    monkeypatch.setattr(saving, "SECONDS", -1.0)

    def watch(run):
        if run.history.steps == cut and not (tmp_path / "killed").exists():
            shutil.copytree(tmp_path / "r", tmp_path / "killed")

    with pytest.warns(UserWarning, match=LEFT_OUT):
        train(WILD, run_dir=tmp_path / "r", watch=watch)
    with pytest.warns(UserWarning, match=LEFT_OUT):
        resumed = train(WILD, run_dir=tmp_path / "killed", resume=True)
    assert tiny.fingerprint(resumed) == tamed[1] and resumed.clock.taken == 17 - cut


@pytest.mark.parametrize("seconds", [-1.0, 60.0])
def test_weights_that_are_infinite_are_told_of_at_the_same_step_however_often_a_run_is_saved(
    seconds, tmp_path, monkeypatch
):
    monkeypatch.setattr(saving, "SECONDS", seconds)
    own = NumpyProgram.step

    def step(program, batch, rate):
        told = own(program, batch, rate)
        if (state := program.state()).step == 2:
            infinite = {name: array + np.float32(np.inf) for name, array in state.parameters.items()}
            program.restore(replace(state, parameters=infinite))
        return told

    monkeypatch.setattr(NumpyProgram, "step", step)
    with pytest.raises(NumericsError, match="step 3: the loss is nan") as gone:
        tiny.train(steps=7, run_dir=tmp_path / "r")
    assert gone.value.run.history.steps == 2
    if seconds < 0:
        assert load_checkpoint(tmp_path / "r/last.safetensors").state.step == 1


def test_weights_that_cannot_be_saved_are_tried_again_a_minute_later_and_not_at_each_step(monkeypatch):
    now, tried = [0.0], []

    def save(checkpoints):
        tried.append(now[0])
        raise NumericsError("a weight is infinite")

    run = tiny.train(steps=1)
    monkeypatch.setattr(saving.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(saving.Checkpoints, "save", save)
    checkpoints = saving.Checkpoints(run, PLAIN)
    for now[0] in (1.0, 61.0, 62.0, 121.0, 122.0):
        checkpoints.save_if_due()
    assert tried == [61.0, 122.0]


def test_where_all_networks_go_wrong_that_is_what_is_said(tmp_path):
    wild = replace(WILD, ensemble=cl.Ensemble(rates=(1e10, 1e11)))
    for resume in (False, True):
        with (
            pytest.warns(UserWarning, match="is left out") as said,
            pytest.raises(NumericsError, match=r"none is left to answer; network 1 of 2 is left out: step \d:"),
        ):
            train(wild, run_dir=tmp_path / "r", resume=resume)
        assert len(said) == 2


def test_a_report_says_how_many_answer_where_one_was_left_out(tmp_path):
    with pytest.warns(UserWarning, match=LEFT_OUT):
        cl.fit(WILD, DATA, engine="numpy", progress=False, run_dir=tmp_path / "r")
    page = (tmp_path / "r/report.html").read_text("utf-8")
    assert "3 networks; rate × 1, 1e+10, 0.5; 2 of them answer together" in page


def test_a_signal_within_the_step_whose_loss_is_no_number_ends_all_networks(tmp_path, monkeypatch):
    own = NumpyProgram.step

    def step(program, batch, rate):
        loss, right = own(program, batch, rate)
        if not np.isfinite(loss):
            os.kill(os.getpid(), signal.SIGTERM)
        return loss, right

    monkeypatch.setattr(NumpyProgram, "step", step)
    with pytest.raises(NumericsError, match="the loss is nan"):
        train(WILD, run_dir=tmp_path / "r")
    assert not (tmp_path / "r/network-3").exists()


def test_a_network_is_left_out_while_a_stop_is_being_handled_too():
    try:
        raise Stopped(signal.SIGTERM)
    except Stopped:
        with pytest.warns(UserWarning, match=LEFT_OUT):
            run = train(WILD)
    assert run.history.steps == 7 + 3 + 7 and run.turn == (1, 1)


def test_a_run_that_lost_a_network_was_not_short_of_time():
    with pytest.warns(UserWarning, match=LEFT_OUT):
        run = train(WILD, until=time.monotonic() + 600)
    assert not run.out_of_time and run.history.steps < run.total_steps


def test_a_signal_between_two_steps_is_heard_where_a_network_goes_wrong(tmp_path):
    def watch(run):
        if run.history.steps == 9:
            state = run.program.state()
            infinite = {name: array + np.float32(np.inf) for name, array in state.parameters.items()}
            run.program.restore(replace(state, parameters=infinite))
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(NumericsError):
        train(TAME, run_dir=tmp_path / "r", watch=watch)
    assert not (tmp_path / "r/network-3").exists()
