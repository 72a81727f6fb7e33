"""One experiment by several processes, as one process sees it; real ones are in tests/keras."""

import os
import signal
from dataclasses import dataclass, field, replace

import pytest
import tiny

from convlet import experiment
from convlet.descriptions.optimizers import Adam
from convlet.engines.numpy.program import NumpyProgram
from convlet.errors import GroupError, StorageError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training
from convlet.signals import Stopped
from convlet.training import joint

RECIPE = Recipe("tiny", tiny.NETWORK, Training(4, steps=6), Adam(), DataSource("tiny"))


@dataclass
class FakeGroup:
    """A group whose other members always come."""

    place: int
    files: dict = field(default_factory=dict)
    count: int = 2
    alike: dict = field(default_factory=dict)

    @property
    def is_main(self):
        return self.place == 0

    def join(self, alike, files=None, accept=None):
        self.alike, self.sent = alike, files
        if accept and not self.is_main:
            accept(dict(self.files))

    def refuse(self, reason):
        self.refused = reason


def test_only_the_main_process_keeps_its_folder(tmp_path):
    with joint.begin(FakeGroup(0), RECIPE, tiny.dataset(), tmp_path / "run") as folder:
        assert folder == tmp_path / "run"
    with joint.begin(FakeGroup(1), RECIPE, tiny.dataset(), tmp_path / "run") as folder:
        assert folder.is_dir() and folder != tmp_path / "run"
    assert not folder.exists() and not list(tmp_path.iterdir())


def test_the_processes_agree_on_recipe_and_data():
    def alike(recipe, data):
        with joint.begin(group := FakeGroup(1), recipe, data, None):
            return group.alike

    data, other = tiny.dataset(), replace(RECIPE, optimizer=Adam(0.5))
    assert alike(RECIPE, data) == alike(RECIPE, tiny.dataset())
    assert alike(RECIPE, data) != alike(other, data)
    assert alike(RECIPE, data) != alike(RECIPE, tiny.dataset(seed=1))


def test_the_other_processes_continue_from_the_main_ones_files(tmp_path):
    run = tmp_path / "run"
    data = tiny.save_npz(tmp_path / "data.npz", tiny.dataset())
    recipe = replace(RECIPE, data=DataSource(str(data)))
    images = recipe.data.load()
    experiment.perform(experiment.new(recipe, images, run, "numpy"), images)
    with joint.resume(group := FakeGroup(0), run, 9) as (folder, own_data):
        assert folder == run and own_data.sha256 == images.sha256
    with joint.resume(FakeGroup(1, group.sent), tmp_path / "elsewhere", 9) as (folder, other_data):
        assert other_data.sha256 == images.sha256
        planned = experiment.resumed(folder, "numpy", steps=9)
        run_of_other, _ = experiment.perform(planned, images)
    own, _ = experiment.perform(experiment.resumed(run, "numpy", steps=9), images)
    assert tiny.fingerprint(run_of_other) == tiny.fingerprint(own)
    assert not folder.exists() and not (tmp_path / "elsewhere").exists()


def test_what_goes_wrong_before_the_meeting_is_told(tmp_path):
    tiny.train(steps=1, run_dir=tmp_path / "taken")
    with pytest.raises(StorageError), joint.begin(group := FakeGroup(0), RECIPE, tiny.dataset(), tmp_path / "taken"):
        raise AssertionError
    assert "never overwritten" in group.refused
    with pytest.raises(StorageError), joint.resume(group := FakeGroup(0), tmp_path / "none", None):
        raise AssertionError
    assert "Expected the folder of a run" in group.refused


@pytest.fixture
def lost_at_step_4(monkeypatch):
    """The numpy engine's step raises GroupError before the fourth step; gives what else is to happen then."""
    happens, step = [], NumpyProgram.step

    def lose(self, *arguments):
        if self.state().step == 3:
            for each in happens:
                each()
            raise GroupError("process 0 of 2 lost another process.")
        return step(self, *arguments)

    monkeypatch.setattr(NumpyProgram, "step", lose)
    return happens


def test_a_run_that_loses_a_process_has_saved_and_goes_on_as_if_it_had_not(tmp_path, lost_at_step_4, monkeypatch):
    recipe = replace(RECIPE, training=Training(4, steps=6, report_every=3))  # a report belongs to the step that is lost
    with pytest.raises(GroupError, match="lost another process"):
        experiment.perform(experiment.new(recipe, tiny.dataset(), tmp_path / "run", "numpy"), tiny.dataset())
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").state.step == 3
    assert (tmp_path / "run" / "curves.svg").exists()
    monkeypatch.undo()
    run, _ = experiment.perform(experiment.resumed(tmp_path / "run", "numpy"), tiny.dataset())
    whole = tiny.train(steps=6, report_every=3, optimizer=Adam())
    assert tiny.fingerprint(run) == tiny.fingerprint(whole)


def test_a_run_that_another_process_keeps_leaves_only_how_it_began(tmp_path):
    planned = replace(experiment.new(RECIPE, tiny.dataset(), tmp_path / "run", "numpy"), saves=False)
    run, evaluation = experiment.perform(planned, tiny.dataset())
    assert run.history.steps == 6 and evaluation is None
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"recipe.toml", "environment.json"}


def test_where_all_are_told_to_stop_a_lost_process_is_no_failure(tmp_path, lost_at_step_4):
    lost_at_step_4.append(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped):
        experiment.perform(experiment.new(RECIPE, tiny.dataset(), tmp_path / "run", "numpy"), tiny.dataset())
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").state.step == 3
