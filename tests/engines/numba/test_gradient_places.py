"""Gradients share a few pieces of memory: none may depend on what was in its place before."""

import numpy as np
import pytest
from programs import MODERN, batch
from small_networks import NETWORKS

from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Residual
from convlet.descriptions.network import Sequential
from convlet.engines import Batch
from convlet.engines.numba.assembly.gradients import places
from convlet.engines.numba.assembly.layouts import frames
from convlet.engines.numba.assembly.lowering import lower
from convlet.engines.numba.program import compile


def _step(filters, strides=1, size=3):
    return [Conv2D(filters, size, strides, "same", use_bias=False), BatchNormalization()]


SHORTCUTS = Sequential(
    [
        *(*_step(16), Activation("relu"), Residual([*_step(16), Activation("relu"), *_step(16)]), Activation("relu")),
        *(Residual([*_step(32, 2)], _step(32, 2, 1)), Activation("relu"), GlobalAveragePooling2D(), Dense(4)),
    ],
    (9, 9, 3),
)
KNOWN = {"shortcuts": SHORTCUTS, "modern": MODERN, **NETWORKS}


@pytest.mark.parametrize("name", ["shortcuts", "modern", "a residual network in small"])
def test_no_gradient_depends_on_what_was_in_its_place_before(name):
    network = KNOWN[name]
    program, images = compile(network, network.initial_parameters(0)), batch(network)
    _, expected = program.gradients(Batch(*images))
    for where, memory in program._gradients.memory.all().items():
        if where.startswith("gradients "):
            memory[:] = np.nan
    _, again = program.gradients(Batch(*images))
    for parameter, gradient in expected.items():
        np.testing.assert_array_equal(again[parameter], gradient, err_msg=parameter)


def test_a_few_places_are_enough_for_any_depth():
    layers = [layer for _ in range(20) for layer in (*_step(8), Activation("relu"))]
    blocks = lower(Sequential([*layers, GlobalAveragePooling2D(), Dense(8)], (9, 9, 3)))
    hidden = {memory for (name, _), (memory, _) in places(blocks, frames(blocks)).items() if name != "image"}
    assert len(hidden) == 2


def test_both_ways_of_a_residual_block_have_places_of_their_own_until_they_are_added_up():
    blocks = lower(SHORTCUTS)
    found = {part: memory for part, (memory, _) in places(blocks, frames(blocks)).items()}
    ways = [memory for (name, reader), memory in found.items() if name == "activation_1"]
    assert len(ways) == len(set(ways)) == 2
