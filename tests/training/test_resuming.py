"""A run that goes on is the run that was never stopped, and only that."""

from dataclasses import replace

import pytest
import tiny
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples

from convlet.datasets import Dataset
from convlet.descriptions.layers import Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import Cosine, Steps
from convlet.errors import FormatError, InputError, StorageError
from convlet.runs.checkpoint import load_checkpoint, save_checkpoint
from convlet.runs.folder import EARNED, files_to_continue, recipe_of
from convlet.runs.run import load
from convlet.training import saving
from convlet.training.fit import fit_recipe

pytestmark = pytest.mark.usefixtures("no_flushing")

STEPS = 14  # of 4 images among 23: an epoch ends within steps 6, 12, 18, and with step 23


def never_stopped(**options):
    return tiny.fingerprint(tiny.train(steps=STEPS, report_every=3, **options))


@given(cut=st.integers(1, STEPS - 1))
def test_a_run_killed_and_resumed_at_any_step_is_the_run_that_was_never_stopped(cut, tmp_path_factory):
    folder, options = tmp_path_factory.mktemp("run") / "r", {"steps": STEPS, "report_every": 3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "SECONDS", -1.0)  # save after every step, as a slow run does
        with pytest.raises(tiny.Killed):
            tiny.train(run_dir=folder, watch=tiny.killed_after(cut), **options)
    assert load_checkpoint(folder / "last.safetensors").state.step == cut
    assert tiny.fingerprint(tiny.train(run_dir=folder, resume=True, **options)) == never_stopped()


@given(cut=st.integers(1, STEPS))
def test_a_run_of_fewer_steps_that_then_goes_on_is_the_run_of_all_steps(cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "r"
    tiny.train(run_dir=folder, steps=cut, report_every=3)
    resumed = tiny.train(run_dir=folder, resume=True, steps=STEPS, report_every=3)
    assert tiny.fingerprint(resumed) == never_stopped()
    assert recipe_of(folder).training.steps == STEPS  # so the next `--resume` goes to the new end


@examples(15)
@given(cut=st.integers(1, 30), patience=st.integers(1, 3))
def test_with_patience_too_a_resumed_run_ends_where_it_would_have_and_with_the_same_weights(
    cut, patience, tmp_path_factory
):
    folder, options = tmp_path_factory.mktemp("run") / "r", {"steps": 40, "patience": patience, "optimizer": Adam(0.02)}
    whole = tiny.train(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "SECONDS", -1.0)
        try:
            tiny.train(run_dir=folder, watch=tiny.killed_after(cut), **options)
        except tiny.Killed:
            assert tiny.fingerprint(tiny.train(run_dir=folder, resume=True, **options)) == tiny.fingerprint(whole)
        else:
            assert whole.history.steps < cut  # it had ended before
    kept = load(folder, engine="numpy")
    assert tiny.fingerprint(kept)[0] == tiny.fingerprint(whole)[0]
    assert kept.history == whole.history


@pytest.mark.parametrize("data", [{}, {"validation": 0}], ids=["validated", "without validation examples"])
def test_a_run_killed_just_before_or_after_a_validation_resumes_alike(tmp_path, data, monkeypatch):
    data = tiny.dataset(**data)
    whole = tiny.fingerprint(tiny.train(data, steps=STEPS))
    saves = []

    def save(path, checkpoint):
        if len(saves) == kill_at:
            raise tiny.Killed
        saves.append(path.name)
        real(path, checkpoint)

    real = save_checkpoint
    monkeypatch.setattr(saving, "save_checkpoint", save)
    for kill_at in range(8):  # before each save of a run: the first, twice an epoch's end and twice the end
        saves.clear()
        folder = tmp_path / str(kill_at)
        try:
            tiny.train(data, steps=STEPS, run_dir=folder)
        except tiny.Killed:
            saves = [None] * 100  # from now on, all are done
            assert tiny.fingerprint(tiny.train(data, steps=STEPS, run_dir=folder, resume=True)) == whole
            saves = []
        best = load_checkpoint(folder / "best.safetensors")
        if data.validation is not None:
            assert best.state.step == whole[-1].best[0]


def test_a_new_process_continues_a_run_to_the_last_bit(tmp_path):
    code = """
import sys, tiny
from convlet.descriptions.optimizers import Adam
run = tiny.train(steps=int(sys.argv[2]), run_dir=sys.argv[1], resume=sys.argv[3] == "yes", optimizer=Adam(0.01))
"""
    tiny.in_new_process(code, tmp_path / "r", 8, "no")
    tiny.in_new_process(code, tmp_path / "r", STEPS, "yes")
    saved, whole = (
        load_checkpoint(tmp_path / "r" / "last.safetensors"),
        tiny.train(steps=STEPS, optimizer=Adam(0.01)),
    )
    assert_same_bits(saved.state.parameters, whole.program.state().parameters)
    assert_same_bits(saved.state.slots, whole.program.state().slots)
    assert saved.history == whole.history


def test_a_schedule_goes_on_where_it_was(tmp_path):
    options = {"steps": STEPS, "optimizer": SGD(Cosine(0.1), momentum=0.9)}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(tiny.Killed):
        patch.setattr(saving, "SECONDS", -1.0)
        tiny.train(run_dir=tmp_path / "r", watch=tiny.killed_after(5), **options)
    resumed = tiny.train(run_dir=tmp_path / "r", resume=True, **options)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(**options))


def test_a_run_killed_before_its_first_save_starts_from_the_beginning(tmp_path):
    with pytest.raises(tiny.Killed):
        tiny.train(steps=STEPS, run_dir=tmp_path / "r", watch=tiny.killed_after(2))
    assert not (tmp_path / "r" / "last.safetensors").exists()
    resumed = tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=STEPS))


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    done = tiny.fingerprint(tiny.train(steps=STEPS, run_dir=tmp_path / "r"))
    before = (tmp_path / "r" / "last.safetensors").read_bytes()
    assert tiny.fingerprint(tiny.train(steps=STEPS, run_dir=tmp_path / "r", resume=True)) == done
    assert (tmp_path / "r" / "last.safetensors").read_bytes() == before


def test_a_run_is_saved_once_a_minute(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(saving.time, "monotonic", lambda: now[0])
    saved = []

    def watch(run):
        now[0] += 25
        path = tmp_path / "r" / "last.safetensors"
        saved.append(load_checkpoint(path).state.step if path.exists() else None)

    tiny.train(steps=9, batch_size=1, run_dir=tmp_path / "r", watch=watch)
    assert saved[:9] == [None, None, None, 4, 4, 4, 7, 7, 7]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 1}, r"training\.seed=1: the run in .* has 0; a run continues as it began"),
        ({"batch_size": 5}, r"training\.batch_size=5: the run in .* has 4"),
        ({"optimizer": Adam(0.5)}, r"optimizer\.learning_rate=0\.5: the run in .* has 0\.001"),
        ({"optimizer": SGD()}, r"optimizer=SGD\(.*\): the run in .* has Adam\("),
        ({"report_every": 5}, r"training\.report_every=5: the run in .* has 1000"),
        ({"patience": 2}, r"training\.patience=2: the run in .* has None"),
        ({"network": Sequential([Flatten(), Dense(3)], tiny.SHAPE)}, r"network\.layers=.*: the run in .* has "),
        (
            {"network": Sequential([*tiny.NETWORK.layers[:3], Dropout(0.25), Dense(3)], tiny.SHAPE)},
            r"network\.layers\[4\]\.rate=0\.25: the run in .* has 0\.5",
        ),
        ({"steps": 7}, "steps=7: the run has taken 8 already"),
    ],
)
def test_a_run_continues_only_as_it_began(tmp_path, changes, says):
    tiny.train(steps=8, run_dir=tmp_path / "r")
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    with pytest.raises(InputError, match=says):
        tiny.train(**{"steps": 9, "run_dir": tmp_path / "r", "resume": True, **changes})
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("learning_rate = 0.001", "learning_rate = 0.002", r"optimizer\.learning_rate=0\.002"),
        ("learning_rate = 0.001", "learning_rate = 0.001\nbeta_1 = 0.8", r"optimizer\.beta_1=0\.8"),
        ("report_every = 1000", "report_every = 10", r"training\.report_every=10"),
        ("seed = 0", "seed = 7", r"training\.seed=7"),
        ("rate = 0.5", "rate = 0.4", r"network\.layers\[4\]\.rate=0\.4"),
    ],
)
def test_a_recipe_that_was_changed_in_the_run_folder_is_refused_and_the_word_is_named(tmp_path, old, new, says):
    tiny.train(steps=8, run_dir=tmp_path / "r")
    path = tmp_path / "r" / "recipe.toml"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=says + r": .*recipe\.toml was changed: the run was trained with "):
        fit_recipe(recipe_of(tmp_path / "r"), tiny.dataset(), engine="numpy", run_dir=tmp_path / "r", resume=True)


def test_only_how_far_it_goes_may_be_changed_in_a_run_folder(tmp_path):
    tiny.train(steps=8, run_dir=tmp_path / "r")
    path = tmp_path / "r" / "recipe.toml"
    path.write_text(path.read_text().replace("steps = 8", "steps = 14").replace('name = "fit"', 'name = "mine"'))
    run = fit_recipe(recipe_of(tmp_path / "r"), tiny.dataset(), engine="numpy", run_dir=tmp_path / "r", resume=True)
    assert tiny.fingerprint(run) == tiny.fingerprint(tiny.train(steps=14))


def test_a_run_whose_rate_depends_on_its_length_keeps_its_length(tmp_path):
    options = {"optimizer": Adam(Cosine(0.01)), "run_dir": tmp_path / "r"}
    with pytest.raises(tiny.Killed):
        tiny.train(steps=12, watch=tiny.killed_after(8), **options)
    for steps in (9, 13):
        with pytest.raises(InputError, match=f"steps={steps}: this run's learning rate changes over the 12 steps"):
            tiny.train(steps=steps, resume=True, **options)
    resumed = tiny.train(steps=12, resume=True, **options)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=12, optimizer=Adam(Cosine(0.01))))


def test_a_rate_that_would_have_differed_in_the_last_step_alone_is_refused(tmp_path):
    options = {"optimizer": Adam(Steps(0.1, drops=1)), "run_dir": tmp_path / "r"}  # it drops at half of the run
    with pytest.MonkeyPatch.context() as patch, pytest.raises(tiny.Killed):
        patch.setattr(saving, "SECONDS", -1.0)
        tiny.train(steps=10, watch=tiny.killed_after(6), **options)  # its sixth step was the first after the drop
    with pytest.raises(InputError, match="steps=12: this run's learning rate changes over the 10 steps"):
        tiny.train(steps=12, resume=True, **options)


@pytest.mark.parametrize(("step", "slots"), [(3, True), (5, False), (3, False)])
def test_a_last_checkpoint_that_is_older_than_its_history_or_lost_its_slots_is_refused(tmp_path, step, slots):
    options = {"optimizer": SGD(0.1, momentum=0.9), "run_dir": tmp_path / "r"}
    tiny.train(steps=5, **options)
    path = tmp_path / "r" / "last.safetensors"
    saved = load_checkpoint(path)
    state = replace(saved.state, step=step, slots=saved.state.slots if slots else {})
    save_checkpoint(path, replace(saved, state=state))
    with pytest.raises(FormatError, match="not what the run of"):
        tiny.train(steps=9, resume=True, **options)


def test_resuming_needs_a_folder_and_a_run_in_it(tmp_path):
    with pytest.raises(InputError, match="without run_dir"):
        tiny.train(steps=2, resume=True)
    with pytest.raises(StorageError, match="Expected the folder of a run"):
        tiny.train(steps=2, resume=True, run_dir=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("left", [*([name] for name in EARNED), list(EARNED)])
def test_a_run_that_lost_what_it_saved_last_is_refused_and_nothing_is_overwritten(tmp_path, left):
    folder = tmp_path / "r"
    tiny.train(steps=8, run_dir=folder)
    (folder / "last.safetensors").unlink()
    (folder / "best.safetensors").rename(tmp_path / "best")
    for name in left:
        (folder / name).write_bytes((tmp_path / "best").read_bytes())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    says = rf"{folder}: last\.safetensors, .* is missing, but {' and '.join(left)} (is|are) there.* in another folder\."
    with pytest.raises(StorageError, match=says):
        tiny.train(steps=9, run_dir=folder, resume=True)
    with pytest.raises(StorageError, match=says):
        files_to_continue(folder)
    best = r" Its best weights are in .*best\.safetensors\." if "best.safetensors" in left else ""
    with pytest.raises(StorageError, match=rf"expected the folder of a run, or a checkpoint in it\.{best}$"):
        load(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_best_weights_are_not_taken_for_the_last(tmp_path):
    """They come without the optimizer's moments, so a run could not go on from them as it would have."""
    tiny.train(steps=8, run_dir=tmp_path / "r")
    (tmp_path / "r" / "best.safetensors").replace(tmp_path / "r" / "last.safetensors")
    with pytest.raises(FormatError, match="not what the run of"):
        tiny.train(steps=9, run_dir=tmp_path / "r", resume=True)


def test_a_run_with_patience_that_ended_within_an_epoch_at_its_best_cannot_be_made_longer(tmp_path, monkeypatch):
    tiny.accuracies(monkeypatch, [0.5, 0.9])
    options = {"patience": 3, "run_dir": tmp_path / "r"}
    tiny.train(steps=8, **options)  # validated after steps 6 and 8
    with pytest.raises(InputError, match="Start a new run"):
        tiny.train(steps=9, resume=True, **options)


def test_the_same_images_with_other_names_for_their_classes_are_not_the_run_s_data(tmp_path):
    data = tiny.dataset()
    renamed = [replace(part, classes=("x", "y", "z")) for part in (data.train, data.validation)]
    tiny.train(data, steps=3, run_dir=tmp_path / "r")
    with pytest.raises(InputError, match="its classes are 'x', 'y'"):
        tiny.train(Dataset("tiny", ("x", "y", "z"), *renamed), steps=5, run_dir=tmp_path / "r", resume=True)
