"""Data at the Python door: what `fit` takes, and that a run knows what it was trained on."""

import shutil

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from quick import DATA, PAIR, command, fit, save

import convlet as cl
from convlet.datasets import MEMORY
from convlet.errors import FormatError, InputError
from convlet.runs.folder import recipe_of


@pytest.fixture(scope="module")
def run():
    return fit()


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path)


def test_fit_takes_arrays_with_parts_or_a_share_and_a_name():
    pairs = {
        "validation": (DATA.validation.images, DATA.validation.labels),
        "test": (DATA.test.images, DATA.test.labels),
    }
    whole = fit(data=(DATA.train.images, DATA.train.labels), **pairs)
    assert_same_bits(whole.program.state().parameters, fit().program.state().parameters)
    shared = fit(data=PAIR, validation=0.2)
    assert shared.classes == tiny.CLASSES and len(shared.history.validations) == 1


def test_a_share_is_held_out_of_a_data_set_without_validation_examples():
    bare = cl.Dataset("bare", tiny.CLASSES, DATA.train)
    held = fit(data=bare, validation=0.2)
    assert len(held.history.validations) == 1
    pair = fit(data=(DATA.train.images, DATA.train.labels), validation=0.2)
    assert_same_bits(held.program.state().parameters, pair.program.state().parameters)


@pytest.mark.parametrize(("word", "hint"), [("verbose", "progress=False"), ("validation_split", "validation=0.2")])
def test_words_of_other_libraries_are_refused_with_ours(word, hint):
    with pytest.raises(TypeError, match=f"{word}=.*{hint}"):
        fit(**{word: 0})
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        fit(colour=0)


def test_a_list_of_layers_is_refused_with_how_to_make_a_network_of_it():
    with pytest.raises(
        InputError, match=r"network=a list of 2: expected a Sequential, such as Sequential\(\[…\], input"
    ):
        fit([cl.Flatten(), cl.Dense(3)])


@pytest.mark.parametrize("data", [DATA, "mnist"])
def test_a_data_set_has_parts_of_its_own(data):
    with pytest.raises(InputError, match=r"they go with data=\(images, labels\)"):
        fit(data=data, validation=0.1)


@pytest.mark.parametrize("data", [np.zeros((3, 5, 4)), None, (1, 2, 3)])
def test_what_is_no_data_is_refused_with_what_is(data):
    with pytest.raises(InputError, match=r"expected a Dataset.*a name or path, or a pair of arrays"):
        fit(data=data)


def test_a_run_evaluates_pairs_by_the_names_of_their_classes(run):
    wanted = run.evaluate(DATA.train)
    for labels in (PAIR[1], DATA.train.labels):
        np.testing.assert_array_equal(run.evaluate((PAIR[0], labels)).labels, wanted.labels)
    with pytest.raises(InputError, match=r"expected a part of a data set, such as data\.test, a pair of arrays"):
        run.evaluate(DATA)


def test_a_run_notes_where_its_data_is_and_what_it_was(saved):
    data = recipe_of(saved).data
    assert (data.source, data.sha256) == (str(saved.parent / "d.npz"), cl.datasets.load(saved.parent / "d.npz").sha256)
    assert cl.load(saved, engine="numpy").data == data
    assert cl.load(saved / "best.safetensors", engine="numpy").data == data
    assert command("evaluate", saved, "--engine", "numpy").exit_code == 0


def test_data_that_has_changed_is_refused_with_both_fingerprints(saved):
    before = recipe_of(saved).data.sha256
    tiny.save_npz(saved.parent / "d.npz", tiny.dataset(seed=1))
    after = cl.datasets.load(saved.parent / "d.npz").sha256
    done = command("evaluate", saved, "--engine", "numpy")
    assert done.exit_code == 1 and before[:12] in done.output and after[:12] in done.output
    assert "convlet evaluate" in done.output and "DATA" in done.output
    assert command("evaluate", saved, saved.parent / "d.npz", "--engine", "numpy").exit_code == 0


@pytest.mark.parametrize("name", ["tiny", "mnist"])
def test_a_run_on_data_in_memory_says_so_and_asks_for_it(tmp_path, name):
    data = cl.Dataset(name, tiny.CLASSES, DATA.train, DATA.validation, DATA.test)
    assert fit(data=data, run_dir=tmp_path / "r").data.source == MEMORY
    done = command("evaluate", tmp_path / "r", "--engine", "numpy")
    assert done.exit_code == 1 and "arrays in memory" in done.output and "DATA" in done.output
    tiny.save_npz(tmp_path / "d.npz", DATA)
    assert command("evaluate", tmp_path / "r", tmp_path / "d.npz", "--engine", "numpy").exit_code == 0


def test_data_that_was_moved_is_named_when_resuming_and_then_known(saved, tmp_path):
    moved = shutil.move(saved.parent / "d.npz", tmp_path / "moved.npz")
    assert command("train", "--resume", saved, "--steps", 6, "--engine", "numpy").exit_code != 0
    done = command("train", "--resume", saved, "--steps", 6, "--engine", "numpy", "--data", moved, "--json")
    assert done.exit_code == 0, done.output
    assert recipe_of(saved).data.source == str(moved)
    assert cl.load(saved, engine="numpy").history.steps == 6
    tiny.save_npz(moved, tiny.dataset(seed=1))
    assert command("train", "--resume", saved, "--steps", 8, "--engine", "numpy", "--data", moved).exit_code == 1


def test_a_checkpoint_that_was_preprocessed_in_an_unknown_way_is_refused(saved):
    path = saved / "last.safetensors"
    path.write_bytes(path.read_bytes().replace(b"uint8 / 255", b"uint8 - 255"))
    with pytest.raises(FormatError, match="preprocessing='uint8 - 255'"):
        cl.load(path)
