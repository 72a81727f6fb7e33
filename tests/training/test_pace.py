"""How long a training takes is told from its steps, and it ends in time. Nothing here depends on how fast they are."""

import time
from dataclasses import replace

import pytest
import tiny
from comparing import assert_same_bits

import convlet as cl
from convlet.checks import duration
from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import InputError
from convlet.runs.folder import recipe_of
from convlet.runs.recipe import Recipe, Training
from convlet.training import pace as pacing
from convlet.training.fit import fit_recipe
from convlet.training.pace import Pace, measured_pace

DATA = tiny.dataset(train=60, validation=9, test=11)
RECIPE = Recipe("x", tiny.NETWORK, Training(4, epochs=4), cl.Adam(cl.OneCycle(0.01)), cl.DataSource("in memory"))


def test_a_training_takes_its_steps_and_its_validations():
    pace = Pace(step=2.0, image=0.5)
    assert pace.seconds(RECIPE, DATA) == pytest.approx(60 * 2 + (4 + 1) * 9 * 0.5)  # one more at the end, at most
    seldom = replace(RECIPE, training=replace(RECIPE.training, validate_every=2))
    assert pace.seconds(seldom, DATA) == pytest.approx(60 * 2 + (2 + 1) * 9 * 0.5)
    assert pace.seconds(RECIPE, replace(DATA, validation=None)) == pytest.approx(120)


def test_what_fits_into_a_time_is_what_takes_so_long_and_a_tenth_is_spared():
    pace = Pace(step=2.0, image=0.5)
    for seconds in (12, 40, 100):
        fitted = pace.within(RECIPE, DATA, seconds)
        assert 0.9 * seconds - 2.5 < pace.seconds(fitted, DATA) <= 0.9 * seconds
        assert fitted.training.epochs is None and replace(fitted, training=RECIPE.training) == RECIPE
    assert pace.within(RECIPE, DATA, 200) is RECIPE


def test_a_chosen_recipe_that_is_shortened_is_validated_oftener_within_the_same_time():
    pace, seldom = Pace(step=2.0, image=0.5), replace(RECIPE, training=Training(4, epochs=250, validate_every=10))
    for seconds, often in ((100, 1), (1500, 2), (9000, 10)):
        fitted = pace.within(seldom, DATA, seconds, is_chosen=True)
        assert fitted.training.validate_every == often
        assert 0.9 * seconds - 2.5 < pace.seconds(fitted, DATA) <= 0.9 * seconds or fitted is seldom
        assert pace.within(seldom, DATA, seconds).training.validate_every == 10
    assert fitted is seldom


def test_the_networks_of_an_ensemble_share_the_time_and_becoming_one_takes_some_of_it(monkeypatch):
    pace, several = Pace(step=2.0, image=0.5), replace(RECIPE, ensemble=cl.Ensemble((1, 0.5), seeds=2, best=3))
    assert pace.seconds(several, DATA) == pytest.approx(4 * pace.seconds(RECIPE, DATA) + pacing.JOINING)
    fitted = pace.within(several, DATA, 400)
    assert fitted.training == pace.within(RECIPE, DATA, 100).training and fitted.ensemble == several.ensemble
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    fitted, until = pace.until(1400.0, several, DATA, draws=True)
    left = 400 - pacing.DRAWING - pacing.JOINING - 3 * (11 + 9) * 0.5  # three networks are asked in the end
    assert fitted == pace.within(several, DATA, left) and until == 1000 + left - 9 * 0.5
    with pytest.raises(InputError, match=r"a step and a validation of each of 4 networks take 30\.2 s"):
        pace.within(several, DATA, 29)


def test_no_time_for_a_step_is_refused_with_how_much_it_takes():
    with pytest.raises(InputError, match=r"time_limit: 3\.0 s are left .* a step and a validation take 7\.6 s"):
        Pace(step=2.0, image=0.5).within(RECIPE, DATA, 3)


def test_a_pace_is_of_steps_that_are_warm_and_of_images_that_are_predicted_again(monkeypatch):
    now, step, predict, calls = [0.0], NumpyProgram.step, NumpyProgram.predict, []

    def timed(act, slow, fast):
        def taking(program, *given):
            calls.append(act)
            now[0] += slow if calls.count(act) <= (2 if act is step else 1) else fast
            return act(program, *given)

        return taking

    monkeypatch.setattr(NumpyProgram, "step", timed(step, 100.0, 0.25))
    monkeypatch.setattr(NumpyProgram, "predict", timed(predict, 50.0, 4.5))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert measured_pace(RECIPE, DATA, engine="numpy") == Pace(step=0.25, image=0.5)
    assert calls.count(step) == 2 + 7  # as many as take more than a second and a half


def test_a_run_out_of_time_ends_as_it_is_validated_and_goes_on_later(tmp_path, monkeypatch):
    common = {"engine": "numpy", "run_dir": tmp_path / "run"}
    ends = time.monotonic() + 1000

    def watch(run):
        if run.history.steps == 8:
            monkeypatch.setattr(time, "monotonic", lambda: ends)

    run = fit_recipe(RECIPE, DATA, until=ends, watch=watch, **common)
    assert (run.history.steps, run.total_steps) == (8, 60) and [row[0] for row in run.history.validations] == [8]
    whole = fit_recipe(RECIPE, DATA, resume=True, **common)
    never_stopped = fit_recipe(RECIPE, DATA, engine="numpy")
    assert whole.history.losses == never_stopped.history.losses and whole.history.steps == 60
    assert_same_bits(whole.program.state().parameters, never_stopped.program.state().parameters)


def test_a_run_that_ended_by_patience_was_not_short_of_time_however_late_it_is_asked(monkeypatch):
    patient = replace(RECIPE, training=replace(RECIPE.training, patience=1), optimizer=cl.SGD(1e-30))
    run = fit_recipe(patient, DATA, engine="numpy", until=time.monotonic() + 1000)
    monkeypatch.setattr(time, "monotonic", lambda: float("inf"))
    assert run.history.steps < run.total_steps and pacing.out_of_time(run) == ""


def test_validation_test_and_pictures_of_a_run_end_in_time_too(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    pace = Pace(step=2.0, image=0.5)
    fitted, until = pace.until(1100.0, RECIPE, DATA, draws=True)
    assert until == 1100 - pacing.DRAWING - 11 * 0.5 - 9 * 0.5
    assert fitted == pace.within(RECIPE, DATA, 100 - pacing.DRAWING - 11 * 0.5)
    assert pace.until(1100.0, RECIPE, DATA, draws=False)[1] == 1100 - 9 * 0.5
    assert pace.until(float("inf"), RECIPE, DATA, draws=True) == (RECIPE, float("inf"))


def test_a_time_limit_in_python_shortens_a_run_which_says_and_notes_its_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pacing, "measured_pace", lambda *given, **options: Pace(1.0, 0.0))
    run = cl.fit(RECIPE, DATA, time_limit="31s", engine="numpy", run_dir=tmp_path / "run")
    kept = recipe_of(tmp_path / "run").training
    said, wanted = capsys.readouterr().err, RECIPE.training.total_steps(len(DATA.train))
    assert f"time_limit: {kept.steps} steps, as all {wanted:,} do not fit." in said and "Out of time" not in said
    assert 18 <= kept.steps <= 20 and run.history.steps == kept.steps  # of 31 s a tenth is spared, and 8 s for pictures
    with pytest.raises(InputError, match="time_limit with resume=True"):
        cl.fit(RECIPE, DATA, time_limit=9, engine="numpy", progress=False, run_dir=tmp_path / "run", resume=True)


def test_a_run_in_python_that_is_out_of_time_says_so(monkeypatch, capsys):
    monkeypatch.setattr("convlet.fitting.timed", lambda recipe, data, ends, **how: (recipe, 0.0, None))
    run = cl.fit(RECIPE, DATA, time_limit=60, engine="numpy")
    done = f"step {run.history.steps} of {run.total_steps}"
    assert run.history.steps < run.total_steps
    assert f"Out of time after {done}: it went slower" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2 min", 120), ("1h30m", 5400), (" 1h 1m 1s ", 3661)]
)
def test_times_are_said_in_seconds_or_with_units(text, seconds):
    assert duration("time_limit", text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "5x", "0s", "-5m", "1..5m", "1.m.s", "5m5m", "nan", "inf", 0, -1, True, None]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="time_limit="):
        duration("time_limit", text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("1h30", "1h30m or 1h30s"), ("1h 30", "1h 30m or 1h 30s"), ("5m30", "5m30s"), ("1h5m.5", "1h5m.5s")],
)
def test_a_number_without_a_unit_behind_one_with_it_is_refused_with_what_to_write(text, meant):
    with pytest.raises(InputError, match=f"time_limit='{text}': .* write {meant}\\.$"):
        duration("time_limit", text)
