"""Every kind of layer is everywhere that CONTRIBUTING names: what is forgotten is named here."""

import ast
import re
from pathlib import Path

import cases
import pytest

import convlet
from convlet.descriptions.layers import LAYERS, Layer
from convlet.descriptions.network import Sequential
from convlet.engines import ENGINES, engine
from convlet.engines.checks import check_kinds
from convlet.engines.numba.assembly import ASSEMBLIES
from convlet.engines.numba.assembly.lowering import KINDS as LOWERED
from convlet.engines.numba.assembly.lowering import lower
from convlet.engines.numpy.layer import KINDS as COMPUTED
from convlet.errors import EngineError
from convlet.exchange.c.float32 import KINDS as CALLED
from convlet.exchange.c.int8.quantizing import KINDS as QUANTIZED
from convlet.exchange.onnx.kinds import KINDS as WRITTEN

SOURCE = Path(convlet.__file__).parent
PAGE = SOURCE / "explore" / "page"
KERAS = SOURCE / "engines" / "keras" / "kinds.py"
TORCH = SOURCE / "exchange" / "torch" / "kinds.py"


def table_of(path):
    """The keys of a table KINDS, read from its text: importing it needs a framework."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "KINDS":
            return {key.id for key in node.value.keys}
    raise AssertionError(f"{path}: no KINDS")


def page_kinds(script):
    """The keys of a table KINDS of the page."""
    table = re.search(r"const KINDS = \{(.*?)\};", (PAGE / script).read_text("utf-8"), re.DOTALL)[1]
    return set(re.findall(r"^\s*(\w+)(?=[:,])", table, re.MULTILINE))


PLACES = {
    "the numpy engine's table": lambda: {kind.__name__ for kind in COMPUTED},
    "the numba engine's table": lambda: {kind.__name__ for kind in LOWERED},
    "the keras engine's table": lambda: table_of(KERAS),
    "the table of what is written as ONNX": lambda: {kind.__name__ for kind in WRITTEN},
    "the table of what is called in C": lambda: {kind.__name__ for kind in CALLED},
    "the table of what is computed in integers, and what is nothing there": (
        lambda: {kind.__name__ for kind in QUANTIZED} | {"Dropout", "Flatten"}
    ),
    "PyTorch's table, and its module for blocks": lambda: table_of(TORCH) | {"Residual"},
    "the page's table": lambda: page_kinds("network/layers.js"),
    "the page's words": lambda: page_kinds("words.js"),
    "the cases": lambda: {type(case.layer).__name__ for case in cases.LAYERS + cases.BLOCKS + cases.FIRST},
    "the naive versions": lambda: {kind.__name__ for kind in cases.NAIVE},
    "the public names": lambda: {name for name in convlet.__all__ if name in LAYERS},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_of_layer_is_in(place):
    assert PLACES[place]() == set(LAYERS)


def test_every_kind_of_layer_there_is_can_be_named_in_a_recipe():
    """A kind is a class that no other one is made from."""
    found, waiting = set(), [Layer]
    while waiting:
        kinds = [each for each in waiting.pop().__subclasses__() if each.__module__.startswith("convlet.")]
        found |= {kind.__name__ for kind in kinds if not kind.__subclasses__()}
        waiting += kinds
    assert found == set(LAYERS)


@pytest.mark.parametrize("case", cases.LAYERS + cases.BLOCKS + cases.FIRST, ids=cases.ids)
def test_every_block_that_a_layer_becomes_is_assembled(case):
    for block in lower(Sequential([case.layer], case.input_shape)):
        assert type(block) in ASSEMBLIES


@pytest.mark.parametrize(
    "case", {type(case.layer): case for case in cases.LAYERS + cases.BLOCKS + cases.FIRST}.values(), ids=cases.ids
)
def test_a_layer_describes_itself_beginning_with_its_kind(case):
    assert case.layer.describe().split()[0] == type(case.layer).__name__


class Unknown(Layer):
    """A kind of layer that nobody has taught an engine."""


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "keras"])
def test_a_kind_of_layer_that_an_engine_lacks_is_refused_by_name(name):
    network = Sequential([Unknown(name="mine")], (2, 2, 1))
    message = rf"^layer 'mine': engine='{name}' does not compute Unknown; it knows .*Conv2D"
    with pytest.raises(EngineError, match=message):
        engine(name).compile(network, {})


def test_a_kind_that_is_known_is_not_refused():
    check_kinds("some", Sequential([Unknown()], (2, 2, 1)), {Unknown})
