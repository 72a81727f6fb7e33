"""Every kind of layer is everywhere that CONTRIBUTING names: what is forgotten is named here."""

import ast
import re
from pathlib import Path
from typing import get_args

import cases
import numpy as np
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
from convlet.engines.numpy.layer import forward
from convlet.errors import EngineError
from convlet.exchange.c.float32 import KINDS as CALLED
from convlet.exchange.c.int8.quantizing import KINDS as QUANTIZED
from convlet.exchange.c.simplifying import SCALING
from convlet.exchange.onnx.kinds import KINDS as WRITTEN

SOURCE = Path(convlet.__file__).parent
PAGE = SOURCE / "explore" / "page"
KERAS = SOURCE / "engines" / "keras" / "kinds.py"
FROM_KERAS = SOURCE / "exchange" / "keras" / "kinds.py"
DRAWN = Path(__file__).parent / "descriptions" / "test_network.py"
TORCH = SOURCE / "exchange" / "torch" / "kinds.py"


def table_of(path):
    """The keys of a table KINDS, read from its text: importing it needs a framework."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "KINDS":
            return {key.id for key in node.value.keys}
    raise AssertionError(f"{path}: no KINDS")


def drawn_kinds():
    """The kinds of layer that the strategies of tests/descriptions/test_network.py build."""
    return set(re.findall(r"st\.builds\((\w+)", DRAWN.read_text("utf-8"))) & set(LAYERS)


def page_kinds(script):
    """The keys of a table KINDS of the page."""
    table = re.search(r"const KINDS = \{(.*?)\};", (PAGE / script).read_text("utf-8"), re.DOTALL)[1]
    return set(re.findall(r"^\s*(\w+)(?=[:,])", table, re.MULTILINE))


PLACES = {
    "the numpy engine's table, engines/numpy/layer.py": lambda: {kind.__name__ for kind in COMPUTED},
    "the numba engine's table, engines/numba/assembly/lowering.py": lambda: {kind.__name__ for kind in LOWERED},
    "the keras engine's table, engines/keras/kinds.py": lambda: table_of(KERAS),
    "the table of what is written as ONNX, exchange/onnx/kinds.py": lambda: {kind.__name__ for kind in WRITTEN},
    "the table of what is called in C, exchange/c/float32.py": lambda: {kind.__name__ for kind in CALLED},
    "the table of what is computed in integers, exchange/c/int8/quantizing.py, and what is nothing there": (
        lambda: {kind.__name__ for kind in QUANTIZED} | {"Dropout", "Flatten"}
    ),
    "PyTorch's table, exchange/torch/kinds.py, and its module for blocks": lambda: table_of(TORCH) | {"Residual"},
    "the page's table, network/layers.js": lambda: page_kinds("network/layers.js"),
    "the page's names, words.js": lambda: page_kinds("words.js"),
    "what the page says of a number, views/saying.js": lambda: page_kinds("views/saying.js"),
    "the networks that tests/descriptions/test_network.py draws": drawn_kinds,
    "the cases, LAYERS of tests/helpers/cases.py": lambda: {
        type(case.layer).__name__ for case in cases.LAYERS + cases.BLOCKS + cases.FIRST
    },
    "the naive versions, NAIVE of tests/helpers/cases.py": lambda: {kind.__name__ for kind in cases.NAIVE},
    "the public names, convlet/__init__.py": lambda: {name for name in convlet.__all__ if name in LAYERS},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_of_layer_is_in(place):
    there = PLACES[place]()
    assert set(LAYERS) - there == set(), f"missing in {place}"
    assert there - set(LAYERS) == set(), f"no kind of layer, but in {place}"


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


def test_every_kind_that_has_weights_is_in_a_network_whose_steps_are_compared():
    weighted = {type(case.layer) for case in cases.LAYERS + cases.FIRST if case.placed.parameters}
    found = {type(placed.layer) for network in cases.NETWORKS.values() for placed in network}
    assert weighted - found == set(), "missing in NETWORKS, tests/helpers/small_networks.py"


def scales(case):
    """Whether a prediction's numbers are those before, each times a number, plus another."""
    own, inputs, _ = case.arrays()
    nothing, ones, found = (forward(case.placed, own, x, masks=None)[0] for x in (0 * inputs, inputs**0, inputs))
    return found.shape == inputs.shape and np.allclose(found, nothing + (ones - nothing) * inputs)


def test_what_scales_each_number_is_folded_into_the_weights_before_it():
    found = {type(case.layer) for case in cases.LAYERS + cases.FIRST if scales(case) and not case.layer.passes_on}
    assert found == set(get_args(SCALING)), "SCALING, exchange/c/simplifying.py"


def test_what_the_keras_engine_has_of_its_own_is_read_back_from_keras():
    lines = ast.parse(KERAS.read_text("utf-8")).body
    own = {
        name.name
        for line in lines
        if isinstance(line, ast.ImportFrom) and line.module == "convlet.engines.keras.layers"
        for name in line.names
    }
    read = re.search(r"^OURS = \{(.*?)\}", FROM_KERAS.read_text("utf-8"), re.MULTILINE)[1]
    assert own == set(re.findall(r'"(\w+)":', read)), "OURS, exchange/keras/kinds.py"


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
