"""Recipes: the two that come along, to the letter; writing and reading; and every way to get one wrong."""

import tomllib
from dataclasses import replace

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples
from strategies import networks

from convlet.descriptions.initializers import Constant, TruncatedNormal, Uniform
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import Cosine, OneCycle, Steps
from convlet.errors import InputError, RecipeError
from convlet.runs import recipe
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training, parse_recipe

GOOD = """
name = "mine"
data = { source = "mnist", train_images = 100 }
network = { input_shape = [28, 28, 1], layers = [{ type = "Flatten" }, { type = "Dense", units = 10 }] }
optimizer = { type = "Adam", learning_rate = 1e-3 }
training = { batch_size = 50, steps = 2000 }
"""

# --- those that come along --------------------------------------------------------------------------------------------


def test_the_deep_network_is_the_tutorials_to_the_letter():
    start = {"kernel_initializer": TruncatedNormal(0.1), "bias_initializer": Constant(0.1)}
    deep = recipe.load_recipe("deep-mnist")
    assert list(deep.network.layers) == list(
        Sequential(
            [
                Conv2D(32, 5, 1, "same", "relu", **start),
                MaxPooling2D(2),
                Conv2D(64, 5, 1, "same", "relu", **start),
                MaxPooling2D(2),
                Flatten(),
                Dense(1024, "relu", **start),
                Dropout(0.5),
                Dense(10, None, **start),
            ],
            (28, 28, 1),
        ).layers
    )
    assert deep.network.weights == 3_274_634
    assert deep.network.input_shape == (28, 28, 1)
    assert deep.optimizer == Adam(1e-4, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0)
    assert deep.training == Training(batch_size=50, steps=10_000, seed=0, report_every=1000, patience=None)
    assert deep.data == DataSource("mnist", train_images=None)


def test_the_deep_networks_data_are_split_as_the_tutorials():
    data = recipe.load_recipe("deep-mnist").data.load()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [55_000, 5_000, 10_000]


def test_the_first_network_is_the_tutorials_with_its_mistakes_mended():
    first = recipe.load_recipe("first-kernels")
    conv, *rest = first.network.layers
    assert replace(conv, name="") == Conv2D(
        16, 3, activation="tanh", use_bias=False, kernel_initializer=Uniform(-0.01, 0.01)
    )
    assert {type(layer) for layer in rest[:2]} == {Flatten, Dropout}
    assert next(layer.rate for layer in rest if isinstance(layer, Dropout)) == 0.5
    assert replace(rest[-1], name="") == Dense(10, use_bias=False, kernel_initializer=Uniform(-0.1, 0.1))
    assert next(iter(first.network)).output_shape == (26, 26, 16)  # all positions: the published code left out a row
    assert (first.training.batch_size, first.training.epochs) == (128, 150)
    assert first.data == DataSource("mnist", train_images=1000)
    assert len(first.data.load().train) == 1000


@pytest.mark.parametrize("name", recipe.built_in())
def test_a_built_in_recipe_is_named_after_its_file_and_reads_back_the_same(name):
    loaded = recipe.load_recipe(name)
    assert loaded.name == name and loaded.description
    assert parse_recipe(loaded.to_toml(), "again") == loaded


# --- writing and reading ----------------------------------------------------------------------------------------------

positive = st.floats(1e-300, 1e300)
rates = st.one_of(positive, st.builds(Cosine, positive), st.builds(OneCycle, positive), st.builds(Steps, positive))
optimizers = st.one_of(
    st.builds(SGD, rates, st.floats(0.01, 0.99), st.booleans(), st.floats(0, 1)),
    st.builds(Adam, rates, st.floats(0, 0.99), st.floats(0, 0.99), positive, st.floats(0, 1)),
)
counts = st.integers(1, 2**63 - 1)
optional = st.none() | counts
lengths = st.one_of(st.tuples(counts, st.none()), st.tuples(st.none(), counts))
trainings = st.builds(
    lambda length, **rest: Training(steps=length[0], epochs=length[1], **rest),
    lengths,
    batch_size=counts,
    seed=st.integers(0, 2**63 - 1),
    report_every=counts,
    validate_every=counts,
    patience=optional,
    label_smoothing=st.floats(0, 0.99),
    class_weights=st.sampled_from([None, "balanced"])
    | st.dictionaries(st.text('aé. "7', max_size=3), positive, min_size=1),
)
text = st.text(st.characters(codec="utf-8"), max_size=10)
names = st.text(st.characters(codec="utf-8", exclude_characters="/\\"), min_size=1, max_size=10).filter(str.isprintable)
recipes = st.builds(Recipe, names, networks(), trainings, optimizers, st.builds(DataSource, text, optional), text)


@given(written=recipes)
def test_every_recipe_reads_back_as_it_was_written(written):
    assert parse_recipe(written.to_toml(), "elsewhere") == written


def test_a_recipe_file_without_a_name_is_called_as_the_file(tmp_path):
    path = tmp_path / "my digits.toml"
    path.write_text(GOOD.replace('name = "mine"', ""), "utf-8")
    assert recipe.load_recipe(str(path)).name == "my digits"


def test_a_recipe_may_leave_out_data_and_optimizer():
    table = tomllib.loads(GOOD)
    short = GOOD.replace("data =", "# data =").replace("optimizer =", "# optimizer =")
    assert table.keys() == {"name", "data", "network", "optimizer", "training"}
    assert (parse_recipe(short, "x").optimizer, parse_recipe(short, "x").data) == (Adam(), DataSource("mnist"))


def test_training_images_are_the_first_ones(tmp_path):
    data = tiny.dataset()
    source = str(tiny.save_npz(tmp_path / "d.npz", data))
    few = DataSource(source, 5).load()
    assert few.train.images.tolist() == data.train.images[:5].tolist()
    assert len(few.test) == len(data.test)
    with pytest.raises(InputError, match=r"train_images=24: .* has only 23"):
        DataSource(source, 24).load()


# --- getting one wrong ------------------------------------------------------------------------------------------------

WRONG = {
    "not TOML": ("name = ", "not TOML"),
    "an unknown key": ("nmae = 'x'\n" + GOOD, "unknown key 'nmae'. Did you mean 'name'?"),
    "an unknown section": (GOOD + "[trainig]\nsteps = 1", "unknown key 'trainig'. Did you mean 'training'?"),
    "an unknown key of the data": (GOOD.replace("train_images", "train_image"), "Did you mean 'train_images'?"),
    "an unknown key of the network": (GOOD.replace("input_shape", "inputshape"), "Did you mean 'input_shape'?"),
    "an unknown key of the optimizer": (GOOD.replace("learning_rate", "lr"), "unknown key 'lr'"),
    "a near key of the optimizer": (GOOD.replace("learning_rate", "learningrate"), "Did you mean 'learning_rate'?"),
    "an unknown key of the training": (GOOD.replace("batch_size", "batchsize"), "Did you mean 'batch_size'?"),
    "an unknown key of a layer": (
        GOOD.replace("units", "unit"),
        "layers[1]: unknown key 'unit'. Did you mean 'units'?",
    ),
    "an unknown layer": (GOOD.replace("Dense", "Dens"), "layers[1]: unknown type 'Dens'"),
    "an unknown optimizer": (GOOD.replace("Adam", "adam"), "unknown type 'adam'"),
    "a layer without its type": (GOOD.replace('type = "Dense", ', ""), "layers[1]: 'type' is missing"),
    "a layer without its units": (GOOD.replace(", units = 10", ""), "layers[1]: 'units' is missing"),
    "no network": (GOOD.replace("network =", "# network ="), "'network' is missing"),
    "no training": (GOOD.replace("training =", "# training ="), "'training' is missing"),
    "neither steps nor epochs": (GOOD.replace(", steps = 2000", ""), "exactly one"),
    "steps and epochs": (GOOD.replace("steps = 2000", "steps = 2000, epochs = 2"), "exactly one"),
    "units that are text": (GOOD.replace("units = 10", 'units = "10"'), "units='10'"),
    "units that are no whole number": (GOOD.replace("units = 10", "units = 10.0"), "units=10.0"),
    "units that are true": (GOOD.replace("units = 10", "units = true"), "units=True"),
    "a negative learning rate": (GOOD.replace("1e-3", "-1e-3"), "learning_rate=-0.001"),
    "a learning rate that is no number": (GOOD.replace("1e-3", "nan"), "learning_rate=nan"),
    "a learning rate that is a list": (GOOD.replace("1e-3", "[1e-3]"), "learning_rate=[0.001]"),
    "a learning rate that is a layer": (GOOD.replace("1e-3", '{ type = "Flatten" }'), "unknown type 'Flatten'"),
    "an optimizer that is a schedule": (
        GOOD.replace('"Adam", learning_rate', '"Cosine", start'),
        "unknown type 'Cosine'",
    ),
    "a network that is a number": (GOOD.replace("network = {", "network = 1 #"), "expected a table"),
    "layers that are a table": (GOOD.replace("layers = [", "layers = {} # "), ""),
    "layers that are numbers": (GOOD.replace('{ type = "Flatten" }', "1"), "layers[0]: expected a table"),
    "layers that do not fit": (GOOD.replace('{ type = "Flatten" }, ', ""), "put Flatten() before this layer"),
    "an input shape that is text": (GOOD.replace("[28, 28, 1]", '"28x28"'), "network"),
    "an input shape of texts": (GOOD.replace("[28, 28, 1]", '["a", 28, 1]'), "input_shape='a'"),
    "a source that is a number": (GOOD.replace('"mnist"', "1"), "source=1"),
    "a name that is a number": (GOOD.replace('"mine"', "1"), "name=1"),
    "a name that leaves the folder": (GOOD.replace('"mine"', '"../mine"'), "no / or"),
    "an empty name": (GOOD.replace('"mine"', '""'), "name=''"),
    "a name of two lines": (GOOD.replace('"mine"', '"a\\nb"'), "printable"),
    "a seed that is too large": (GOOD.replace("steps", f"seed = {2**63}, steps"), f"seed={2**63}"),
    "a huge number": (GOOD.replace("1e-3", "9" * 400), "learning_rate=99"),
    "nested deep": ("a." * 5000 + "b = 1", ""),
    "a name nested deep": ("name." + "a." * 5000 + "b = 1\n" + GOOD.replace("name", "# name"), "too deep"),
    "an array nested deep": ("a = " + "[" * 50_000, ""),
    "a key twice": (GOOD + 'name = "again"', "not TOML"),
}


@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_recipe_is_one_message_that_names_file_and_place(title):
    text, says = WRONG[title]
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml: ") and says in message
    assert "\n" not in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


toml_values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["", "relu", "Adam", "Dense", "same", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "units", "value", "learning_rate", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
PLACES = [
    ("name",),
    ("description",),
    ("data",),
    ("data", "source"),
    ("data", "train_images"),
    ("optimizer",),
    ("optimizer", "type"),
    ("optimizer", "learning_rate"),
    ("optimizer", "epsilon"),
    ("training",),
    *(("training", key) for key in ("batch_size", "steps", "seed", "patience", "report_every", "validate_every")),
    ("network",),
    ("network", "input_shape"),
    ("network", "layers"),
    *(("network", "layers", 0, key) for key in ("type", "name", "units", "filters", "kernel_size", "padding")),
    *(("network", "layers", 1, key) for key in ("type", "name", "units", "activation", "use_bias", "rate")),
    *(("network", "layers", 1, key) for key in ("kernel_initializer", "bias_initializer")),
]


@examples(400)
@given(place=st.sampled_from(PLACES), value=toml_values)
def test_whatever_stands_in_a_recipe_it_is_read_or_refused(place, value):
    import tomli_w

    table = tomllib.loads(GOOD)
    inner = table
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        parsed = parse_recipe(tomli_w.dumps(table), "x.toml")
    except RecipeError as error:
        assert str(error).startswith("x.toml: ")
    else:
        assert parse_recipe(parsed.to_toml(), "y") == parsed


@examples(200)
@given(content=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_recipe_or_refused(content):
    with pytest.raises(RecipeError):
        parse_recipe(content, "x.toml")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("deep-mnits", "Did you mean 'deep-mnist'?"),
        ("", "expected a .toml file or one of 'best', 'deep-mnist', 'fashion', 'first-kernels', 'lenet-5'"),
        ("missing.toml", "cannot be read"),
        ("folder.toml", "cannot be read"),
        ("latin.toml", "cannot be read"),
        ("nul\0.toml", "cannot be read"),
        ("x" * 300 + ".toml", "cannot be read"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_one_message(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(RecipeError) as caught:
        recipe.load_recipe(name)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_what_a_training_says_is_taken_back_by_none():
    said = Training(steps=100, patience=2, class_weights="balanced")
    assert said.changed(patience=None, class_weights=None) == Training(steps=100)
    assert said.changed(epochs=3, steps=None, batch_size=7).epochs == 3
    assert said.changed(epochs=None) == said
    assert Training(epochs=3).changed(steps=100) == Training(steps=100)
    for words in ({"steps": None}, {"seed": None}):
        with pytest.raises(InputError, match="=None"):
            said.changed(**words)


def test_train_images_may_be_all_there_are_and_not_one_more(tmp_path):
    source = str(tiny.save_npz(tmp_path / "d.npz", tiny.dataset(train=23)))
    assert len(DataSource(source, train_images=23).load().train) == 23
    assert len(DataSource(source, train_images=1).load().train) == 1
    with pytest.raises(InputError, match=r"train_images=24: .* has only 23"):
        DataSource(source, train_images=24).load()


def test_a_batch_of_one_is_refused_where_batch_normalisation_would_see_one_value():
    def made(batch_size, *layers):
        return Recipe("x", Sequential([*layers, Flatten(), Dense(3)], (6, 6, 1)), Training(batch_size, steps=1))

    after_dense = (Flatten(), Dense(8), BatchNormalization())
    with pytest.raises(RecipeError, match=r"batch_size=1: batch_normalization_1 would normalise .* at least 2\."):
        made(1, *after_dense)
    with pytest.raises(RecipeError, match="batch_size=1"):
        made(1, Conv2D(4, 6), BatchNormalization())  # one pixel is left
    made(2, *after_dense)
    made(1, Conv2D(4, 5), BatchNormalization())  # four pixels
