"""Gradients share a few pieces of memory: none may depend on what was in its place before."""

import numpy as np
import pytest
from programs import MODERN, SHORTCUTS, batch
from small_networks import NETWORKS

from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Rescaling,
)
from convlet.descriptions.network import Sequential
from convlet.engines import Batch
from convlet.engines.numba.assembly.gradients import places
from convlet.engines.numba.assembly.layouts import frames
from convlet.engines.numba.assembly.lowering import lower
from convlet.engines.numba.program import compile

KNOWN = {"shortcuts": SHORTCUTS, "modern": MODERN, **NETWORKS}


@pytest.mark.parametrize("name", ["shortcuts", "modern", "a residual network in small"])
def test_no_gradient_depends_on_what_was_in_its_place_before(name):
    network = KNOWN[name]
    program, images = compile(network, network.initial_parameters(0)), batch(network)
    _, expected = program.gradients(Batch(*images))
    _spoil(program._gradients)
    _, again = program.gradients(Batch(*images))
    for parameter, gradient in expected.items():
        np.testing.assert_array_equal(again[parameter], gradient, err_msg=parameter)


@pytest.mark.parametrize("between", [Rescaling(0.5), Dropout(0.5)])
def test_a_batch_that_is_no_number_leaves_nothing_behind(between):
    """These layers' gradients leave padding channels as they are, and a convolution below reads them."""
    convolutions = [Conv2D(5, 1) for _ in range(3)]
    network = Sequential([*convolutions, between, Flatten(), Dense(3)], (6, 6, 2))
    program, (images, *others) = compile(network, network.initial_parameters(0)), batch(network)
    _, expected = program.gradients(Batch(images, *others))
    by_images = program.input_gradients(images, others[0])
    wrong = images.copy()
    wrong[1, 0, 0, 0] = np.nan
    program.gradients(Batch(wrong, *others))
    program.input_gradients(wrong, others[0])
    _, again = program.gradients(Batch(images, *others))
    for parameter, gradient in expected.items():
        np.testing.assert_array_equal(again[parameter], gradient, err_msg=parameter)
    np.testing.assert_array_equal(program.input_gradients(images, others[0]), by_images)


def _spoil(passes):
    """Put NaN wherever gradients are, and around them: only padding channels are to stay 0."""
    memory, shapes = passes.memory.all(), {block.gives: block.output_shape for block in passes.blocks}
    for (name, _), (where, _) in passes._places.items():
        if where in memory and name in shapes:
            pixels = memory[where].reshape(-1, passes.frames[name].channels)
            pixels[:, : shapes[name][-1]] = np.nan


def test_a_deeper_network_needs_no_more_places():
    assert len(_pieces(20)) == len(_pieces(3))


def _pieces(depth):
    layers = [Conv2D(8, 3, padding="same"), BatchNormalization(), Activation("relu")] * depth
    blocks = lower(Sequential([*layers, GlobalAveragePooling2D(), Dense(8)], (9, 9, 3)))
    return {memory for memory, _ in places(blocks, frames(blocks)).values()}


def test_both_ways_of_a_residual_block_have_places_of_their_own_until_they_are_added_up():
    blocks = lower(SHORTCUTS)
    found = {part: memory for part, (memory, _) in places(blocks, frames(blocks)).items()}
    ways = [memory for (name, reader), memory in found.items() if name == "activation_1"]
    assert len(ways) == len(set(ways)) == 2
