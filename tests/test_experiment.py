"""A whole experiment: what stands in the run folder at its end, and the figures of it."""

import csv
import json
import os
import signal
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
import tiny
from PIL import Image

from convlet import experiment
from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import InputError, NumericsError, StorageError
from convlet.report.facts.training import training_json
from convlet.runs.checkpoint import load_checkpoint, weights_sha256
from convlet.runs.data_source import DataSource
from convlet.runs.folder import recipe_of
from convlet.runs.recipe import Recipe, Training
from convlet.runs.run import load
from convlet.signals import Stopped

ALWAYS = {"recipe.toml", "environment.json", "metrics.csv", "history.json", "last.safetensors", "best.safetensors"}
DRAWN = {"curves.svg", "kernels.png"}
TESTED = {"confusion.svg", "mistakes.png", "evaluation.json", "report.html", "baseline.safetensors"}


def recipe(**training):
    return Recipe("tiny", tiny.NETWORK, Training(4, **{"steps": 14, **training}), Adam(0.01), DataSource("tiny.npz"))


def perform(folder, data=None, **options):
    data = data or tiny.dataset()
    planned = experiment.new(options.pop("recipe", recipe()), data, folder, "numpy")
    return experiment.perform(replace(planned, **options), data)


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take most of the time of so small a run."""
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "r"
    run, evaluation = perform(folder)
    return folder, run, evaluation


def test_the_run_folder_holds_everything_and_nothing_half_written(finished):
    assert names(finished[0]) == ALWAYS | DRAWN | TESTED


def test_what_is_in_it_is_what_its_name_says(finished):
    folder, run, _ = finished
    assert recipe_of(folder) == replace(recipe(), data=recipe().data.resolved(tiny.dataset()))
    for name in ("curves.svg", "confusion.svg"):
        assert ElementTree.parse(folder / name).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    for name in ("mistakes.png", "kernels.png"):
        with Image.open(folder / name) as picture:
            picture.load()
            assert picture.format == "PNG"
    assert json.loads((folder / "evaluation.json").read_text("utf-8"))["accuracy"] == finished[2].accuracy
    assert (folder / "report.html").read_text("utf-8").startswith("<!doctype html>")
    written = json.loads((folder / "history.json").read_text("utf-8"))
    assert written["losses"] == run.history.losses and written["correct"] == run.history.correct
    assert [tuple(row.values()) for row in written["validations"]] == run.history.validations
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    validated = {int(row["step"]): float(row["validation_accuracy"]) for row in rows if row["validation_accuracy"]}
    assert validated == {step: accuracy for step, _, accuracy in run.history.validations}


def test_the_run_folder_gives_the_run_back(finished):
    folder, run, evaluation = finished
    again = load(folder, engine="numpy")
    assert again.evaluate(tiny.dataset().test).accuracy == evaluation.accuracy
    assert again.history == run.history


def test_the_figures_are_those_of_the_run(finished):
    folder, run, evaluation = finished
    figures = training_json(run, evaluation, threads=1)
    state = run.program.state()
    assert figures["test_accuracy"] == evaluation.accuracy and figures["test_loss"] == evaluation.loss
    assert figures["validation_accuracy"] == run.history.validations[-1][2]
    assert figures["weights_sha256"] == weights_sha256(state.parameters)
    assert (figures["steps"], figures["seed"], figures["engine"], figures["run_dir"]) == (14, 0, "numpy", str(folder))
    assert figures["ms_per_step"] == pytest.approx(1e3 * run.clock.steps / 14, abs=1e-3)
    assert 0 < figures["ms_per_step"] * 14 / 1e3 <= figures["train_seconds"] + 0.001
    assert figures["images_per_second"] == pytest.approx(4e3 / figures["ms_per_step"], rel=0.05)
    assert figures["peak_memory_mb"] > 10
    json.dumps(figures, allow_nan=False)


def test_figures_of_a_run_that_took_no_step_say_so(finished, undrawn):
    folder, run, _ = finished
    again, evaluation = perform(folder, resume=True)
    figures = training_json(again, evaluation, threads=1)
    assert figures["ms_per_step"] is figures["images_per_second"] is figures["gflops"] is None
    assert figures["weights_sha256"] == weights_sha256(run.program.state().parameters)


def test_with_patience_the_figures_are_those_of_the_weights_that_are_kept(tmp_path, undrawn):
    training = {"steps": 60, "patience": 2}
    run, evaluation = perform(tmp_path / "r", recipe=replace(recipe(**training), optimizer=Adam(0.05)))
    assert run.program.state().step < run.history.steps, "choose other settings: the last was the best"
    figures = training_json(run, evaluation, threads=1)
    assert figures["validation_accuracy"] == run.history.best[2] == run.evaluate(tiny.dataset().validation).accuracy
    assert load(tmp_path / "r", engine="numpy").evaluate(tiny.dataset().test).loss == evaluation.loss


def test_without_test_or_validation_examples_their_figures_and_files_are_left_out(tmp_path):
    run, evaluation = perform(tmp_path / "r", tiny.dataset(validation=0, test=0))
    assert evaluation is None
    figures = training_json(run, evaluation, threads=1)
    assert figures["test_accuracy"] is figures["test_loss"] is figures["validation_accuracy"] is None
    assert names(tmp_path / "r") == ALWAYS | DRAWN


def stopping(monkeypatch, during):
    """Let SIGTERM come at the first evaluation of that many examples."""
    import os
    import signal

    from convlet.runs import run as room

    real = room.evaluate

    def evaluate(program, examples, poll):
        if len(examples) == during:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(program, examples, poll)

    monkeypatch.setattr(room, "evaluate", evaluate)


def test_a_run_stopped_whose_checkpoint_cannot_be_read_for_its_pictures_is_still_stopped(tmp_path, monkeypatch):
    def unreadable(path):
        raise StorageError("cannot be read.")

    stopping(monkeypatch, 9)
    monkeypatch.setattr(experiment, "load_checkpoint", unreadable)
    with pytest.raises(Stopped), pytest.warns(UserWarning, match=r"could not|cannot be read"):
        perform(tmp_path / "r")


@pytest.mark.parametrize(("during", "steps"), [(9, 6), (11, 14)], ids=["a validation", "the final evaluation"])
def test_a_run_stopped_during(tmp_path, monkeypatch, during, steps):
    stopping(monkeypatch, during)
    with pytest.raises(Stopped):
        perform(tmp_path / "r")
    assert names(tmp_path / "r") >= {"last.safetensors", *DRAWN, "metrics.csv", "history.json"}
    assert not names(tmp_path / "r") & TESTED
    assert load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == steps
    monkeypatch.undo()
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])
    run, _ = perform(tmp_path / "r", resume=True)
    assert tiny.fingerprint(run) == tiny.fingerprint(tiny.train(steps=14, optimizer=Adam(0.01)))


def test_a_run_stopped_while_compiling_goes_on_from_its_recipe(tmp_path, monkeypatch, undrawn):
    import os
    import signal

    def prepare(program, batch_size, progress):
        os.kill(os.getpid(), signal.SIGINT)
        progress(0, 1, "a kernel")

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(NumpyProgram, "prepare", prepare)
        perform(tmp_path / "r")
    assert names(tmp_path / "r") == {"recipe.toml", "environment.json"}
    run, _ = perform(tmp_path / "r", resume=True)
    assert tiny.fingerprint(run) == tiny.fingerprint(tiny.train(steps=14, optimizer=Adam(0.01)))


FAILURES = [
    OSError(28, "No space left"),
    EOFError(),
    MemoryError(),
    InputError("no"),
    KeyboardInterrupt(),
    SystemExit(3),
]


@pytest.mark.parametrize("error", FAILURES)
def test_a_run_that_cannot_be_prepared_leaves_no_folder_and_the_same_command_may_be_repeated(
    tmp_path, monkeypatch, undrawn, error
):
    def prepare(program, batch_size, progress):
        raise error

    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr(NumpyProgram, "prepare", prepare)
        perform(tmp_path / "r")
    assert not (tmp_path / "r").exists()
    perform(tmp_path / "r")


def test_a_run_that_went_wrong_shows_nothing_but_how_it_began(tmp_path):
    with pytest.raises(NumericsError):
        perform(tmp_path / "r", recipe=replace(recipe(), optimizer=SGD(1e30)))
    assert names(tmp_path / "r") == {"recipe.toml", "environment.json"}


def test_a_run_that_goes_wrong_later_shows_how_far_it_came(tmp_path):
    def diverge(run):
        if run.history.steps == 9:
            raise NumericsError("the loss is nan")

    planned = experiment.new(recipe(), tiny.dataset(), tmp_path / "r", "numpy")
    with pytest.raises(NumericsError):
        experiment.perform(planned, tiny.dataset(), diverge)
    assert names(tmp_path / "r") == ALWAYS | DRAWN
    assert json.loads((tmp_path / "r" / "history.json").read_text("utf-8"))["steps"] == 6  # as it was saved last


def test_a_run_is_named_after_its_recipe_and_the_first_free_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(experiment.new(recipe(), tiny.dataset()).run_dir) == "runs/tiny-1"
    assert str(experiment.new(recipe(), tiny.dataset()).run_dir) == "runs/tiny-2"


def test_resuming_takes_the_folders_own_recipe_and_perhaps_another_length(finished, tmp_path):
    folder = finished[0]
    began = experiment.resumed(folder).recipe
    assert began == replace(recipe(), data=recipe().data.resolved(tiny.dataset()))
    assert experiment.resumed(folder, steps=20).recipe.training == Training(4, steps=20)
    with pytest.raises(StorageError, match="Expected the folder of a run"):
        experiment.resumed(tmp_path / "none")


def test_pictures_of_one_run_are_the_same_bytes_every_time(finished, tmp_path):
    folder = finished[0]
    perform(tmp_path / "r")
    same = DRAWN | TESTED - {"baseline.safetensors"}  # whose metadata stand in any order
    for name in (*same, "metrics.csv", "history.json", "recipe.toml"):
        assert (tmp_path / "r" / name).read_bytes() == (folder / name).read_bytes(), name
    np.testing.assert_equal(*(load_checkpoint(f / "best.safetensors").state.step for f in (folder, tmp_path / "r")))


@pytest.mark.parametrize("error", [StorageError("the disk is full."), ZeroDivisionError()])
def test_a_run_that_cannot_be_drawn_is_a_run_all_the_same(tmp_path, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(experiment, "draw_run", fail)
    planned = experiment.new(recipe(), tiny.dataset(), tmp_path / "r", "numpy")
    with pytest.warns(UserWarning, match=r"the run is saved, but not all of it could be drawn: (the disk|ZeroDiv)"):
        run, evaluation = experiment.perform(planned, tiny.dataset())
    assert run.history.steps == 14 and 0 <= evaluation.accuracy <= 1


def test_a_stop_that_cannot_be_drawn_is_a_stop_all_the_same(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise StorageError("the disk is full.")

    def stop(run):
        if run.history.steps == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(experiment, "draw_run", fail)
    planned = experiment.new(recipe(), tiny.dataset(), tmp_path / "r", "numpy")
    with pytest.warns(UserWarning, match="the disk is full"), pytest.raises(Stopped):
        experiment.perform(planned, tiny.dataset(), stop)
