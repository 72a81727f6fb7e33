"""The public names, pinned: one more or one less is a decision, written down here and in the changelog."""

import ast
import types
from pathlib import Path

import pytest

import convlet

DESCRIPTIONS = {
    *("Sequential", "Conv2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten", "Dense"),
    *(
        "Dropout",
        "BatchNormalization",
        "Activation",
        "Residual",
        "GlobalMaxPooling2D",
        "Normalization",
        "Rescaling",
        "DepthwiseConv2D",
    ),
    *("TruncatedNormal", "GlorotUniform", "HeNormal"),
    *("SGD", "Adam", "AdamW", "Muon", "EMA", "Lookahead", "Cosine", "OneCycle"),
}
ACTIONS = {
    "average",
    "find_rate",
    "fit",
    "inspect",
    "load",
    "load_recipe",
    "compare",
    "read_picture",
    "from_torch",
    "from_keras",
}
THINGS = {"Dataset", "Examples", "Recipe", "DataSource", "Training", "Run", "History", "Evaluation", "Inspection"} | {
    "Ensemble"
}
MODULES = {"augmentation", "datasets", "errors", "layers", "networks", "initializers", "optimizers", "schedules"} | {
    "onnx"
}


def test_the_public_names_are_these():
    assert set(convlet.__all__) == DESCRIPTIONS | ACTIONS | THINGS | MODULES | {"__version__"}
    assert len(set(convlet.__all__)) == len(convlet.__all__)


def test_type_checkers_see_the_names_that_python_finds():
    tree = ast.parse(Path(convlet.__file__).read_text("utf-8"))
    block = next(statement for statement in tree.body if isinstance(statement, ast.If))
    seen = {(line.module, name.name, name.asname) for line in block.body for name in line.names}
    rooms = {(module.rpartition(".")[0], room, room) for room, module in convlet._ROOMS.items()}
    assert seen == rooms | {(module, name, name) for name, module in convlet._WHERE.items()}


def test_every_public_name_exists_and_has_a_docstring():
    for name in convlet.__all__:
        assert name == "__version__" or getattr(convlet, name).__doc__, name


def test_nothing_but_rooms_is_visible_beside_the_public_names():
    visible = {name for name in vars(convlet) if not name.startswith("_")} - set(convlet.__all__)
    assert {name for name in visible if not isinstance(vars(convlet)[name], types.ModuleType)} == set()


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_a_description_is_frozen(name):
    cls = getattr(convlet, name)
    assert cls.__dataclass_params__.frozen and cls.__dataclass_params__.eq


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("augmentation", {"Shift", "Rotation", "Flip", "Erasing"}),
        ("layers", {"Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "BatchNormalization", "Activation"}),
        ("initializers", {"Constant", "Uniform", "TruncatedNormal", "GlorotUniform", "HeNormal"}),
        ("optimizers", {"SGD", "Adam", "AdamW", "Muon"}),
        ("schedules", {"Cosine", "OneCycle", "Steps"}),
    ],
)
def test_a_kind_of_description_has_a_room_of_its_own(room, names):
    assert set(getattr(convlet, room).__all__) >= names
    for name in set(getattr(convlet, room).__all__) & set(convlet.__all__):
        assert getattr(getattr(convlet, room), name) is getattr(convlet, name)


@pytest.mark.parametrize(
    ("name", "room"), [("Constant", "initializers"), ("Uniform", "initializers"), ("Steps", "schedules")]
)
def test_a_name_that_says_too_little_alone_is_in_its_room_only(name, room):
    with pytest.raises(AttributeError, match=f"it is convlet.{room}.{name}"):
        getattr(convlet, name)
    assert getattr(getattr(convlet, room), name)
