"""Where a network is expected in Python, a recipe is one too: `fit` and `compare` by a Recipe, a name, a .toml file."""

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

import convlet as cl
from convlet.errors import DataError, InputError, RecipeError

DATA = tiny.dataset()
QUICK = {"engine": "numpy", "progress": False}


@pytest.fixture
def recipe(tmp_path):
    """On data in a file, of which it takes a part."""
    source = cl.DataSource(str(tiny.save_npz(tmp_path / "d.npz", DATA)), train_images=20)
    return cl.Recipe("small", tiny.NETWORK, cl.Training(4, steps=5, seed=3), cl.SGD(0.1), source)


def weights(run):
    return run.program.state().parameters


def test_a_recipe_is_trained_on_its_own_data_as_it_says(recipe, tmp_path):
    run = cl.fit(recipe, run_dir=tmp_path / "r", **QUICK)
    options = {"optimizer": cl.SGD(0.1), "batch_size": 4, "steps": 5, "seed": 3}
    assert (run.history.steps, run.seed, run.data.train_images) == (5, 3, 20)
    few = cl.Dataset("few", tiny.CLASSES, DATA.train.take(slice(20)), DATA.validation)
    assert_same_bits(weights(run), weights(cl.fit(tiny.NETWORK, few, **options, **QUICK)))
    (tmp_path / "mine.toml").write_text(recipe.to_toml())
    for same in (tmp_path / "mine.toml", str(tmp_path / "mine.toml"), tmp_path / "r" / "recipe.toml"):
        assert_same_bits(weights(cl.fit(same, **QUICK)), weights(run))


def test_what_is_said_beside_a_recipe_takes_the_place_of_what_it_says(recipe, tmp_path):
    options = {"optimizer": cl.Adam(0.01), "epochs": 1, "batch_size": 5, "seed": 4, "patience": 1}
    cl.fit(recipe, **options, run_dir=tmp_path / "r", **QUICK)
    kept = cl.load_recipe(tmp_path / "r" / "recipe.toml")
    assert kept.training == cl.Training(5, epochs=1, seed=4, patience=1)
    assert (kept.name, kept.optimizer) == ("small", cl.Adam(0.01))
    with pytest.raises(InputError, match="steps=3, epochs=1: expected exactly one"):
        cl.fit(recipe, steps=3, epochs=1, **QUICK)


def test_a_name_takes_the_place_of_a_recipe_s_source_and_a_data_set_is_taken_whole(recipe, tmp_path):
    other = tiny.save_npz(tmp_path / "other.npz", tiny.dataset(seed=1))
    named = cl.fit(recipe, other, **QUICK)
    assert (named.data.source, named.data.train_images) == (str(other), 20)
    whole = cl.fit(recipe, DATA, **QUICK)
    assert (whole.data.source, whole.data.train_images, whole.data.sha256) == ("in memory", None, DATA.sha256)
    assert cl.fit(recipe, (DATA.train.images, DATA.train.labels), validation=0.2, **QUICK).history.validations
    with pytest.raises(InputError, match="they go with data="):
        cl.fit(recipe, validation=0.2, **QUICK)


def test_a_built_in_recipe_is_trained_by_its_name(tmp_path):
    mnist = cl.datasets.mnist()
    few = cl.Dataset("few", mnist.classes, mnist.train.take(slice(40)))
    run = cl.fit("lenet-5", few, steps=1, batch_size=4, **QUICK)
    assert run.network == cl.load_recipe("lenet-5").network and run.history.steps == 1


def test_what_is_no_recipe_and_what_has_no_data_are_refused_with_what_to_give(recipe):
    with pytest.raises(RecipeError, match=r"recipe 'lenet': expected a \.toml file or one of .*lenet-5"):
        cl.fit("lenet", **QUICK)
    for without in (tiny.NETWORK, cl.Recipe("m", tiny.NETWORK, recipe.training, data=cl.DataSource("in memory"))):
        with pytest.raises(InputError, match="data=NoneType: expected a Dataset"):
            cl.fit(without, steps=1, **QUICK)
    with pytest.raises(InputError, match=r"freeze=\['conv2d_1'\]: it goes with a run"):
        cl.fit(recipe, freeze=["conv2d_1"], **QUICK)
    with pytest.raises(RecipeError, match="recipe=3: expected the name of a built-in recipe"):
        cl.compare(3)


def test_engines_are_compared_on_a_recipe_its_file_or_a_network(recipe, tmp_path):
    (tmp_path / "mine.toml").write_text(recipe.to_toml())
    ways = [(recipe, None), (tmp_path / "mine.toml", None), (recipe, tmp_path / "d.npz")]  # each with 20 images
    losses = [cl.compare(each, data, engines=["numpy"], steps=2)[0].losses for each, data in ways]
    assert losses[0] == losses[1] == losses[2]
    pair = (DATA.train.images, np.asarray(DATA.train.labels))
    network = cl.Sequential([cl.Flatten(), cl.Dense(3)], tiny.SHAPE)
    (compared,) = cl.compare(network, pair, engines=["numpy"], steps=3)
    assert compared.within and len(compared.losses) == 3
    with pytest.raises(DataError, match="images of shape"):
        cl.compare(tiny.NETWORK, engines=["numpy"])


def test_a_data_set_alone_is_trained_by_the_recipe_that_is_chosen_for_it(tmp_path, capsys):
    run = cl.fit(DATA, steps=3, engine="numpy", run_dir=tmp_path / "r")
    said = capsys.readouterr().err
    assert "network: S of the family air" in said and "classes: 3 classes of" in said
    kept = cl.load_recipe(tmp_path / "r" / "recipe.toml")
    assert kept.network == cl.networks.chosen(DATA) and kept.training.label_smoothing == 0.1
    assert kept.training.validate_every == 1
    told = cl.fit(DATA, epochs=2, validate_every=2, **QUICK)
    assert len(told.history.validations) == 4 + 1  # one of each of four networks, and one of the best together
    again = cl.fit(cl.networks.chosen(DATA), DATA, steps=3, optimizer=kept.optimizer, **QUICK)
    assert run.history.steps == 4 * again.history.steps == 12
    held_out = cl.fit(cl.Dataset("few", tiny.CLASSES, DATA.train), validation=0.2, steps=1, **QUICK)
    assert held_out.history.validations
    with pytest.raises(InputError, match="data=Dataset: expected one data set"):
        cl.fit(DATA, DATA, steps=1, **QUICK)
