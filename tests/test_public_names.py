"""The public names, pinned: one more or one less is a decision, written down here and in the changelog."""

import types

import pytest

import convlet

DESCRIPTIONS = {
    *("Sequential", "Conv2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten", "Dense"),
    *("Dropout", "BatchNormalization", "Activation"),
    *("Constant", "Uniform", "TruncatedNormal", "GlorotUniform", "HeNormal"),
    *("SGD", "Adam", "Cosine", "OneCycle", "Steps"),
}
ACTIONS = {"fit", "load", "Run", "History", "Evaluation"}
MODULES = {"datasets", "errors"}


def test_the_public_names_are_these():
    assert set(convlet.__all__) == DESCRIPTIONS | ACTIONS | MODULES | {"__version__"}
    assert len(set(convlet.__all__)) == len(convlet.__all__)


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
