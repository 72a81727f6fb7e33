"""Depthwise convolutions, compiled, against the reference, where four neighbours go together and where they do not."""

import numpy as np
import pytest
from comparing import GRADIENT32, VALUE32, assert_agree

from convlet.descriptions.layers import Conv2D, Dense, DepthwiseConv2D, Flatten
from convlet.descriptions.network import Sequential
from convlet.engines import Batch, engine

AROUND = ((3, 0), (1, 4))


@pytest.mark.parametrize("padding", ["valid", "same", AROUND], ids=["valid", "same", "around"])
@pytest.mark.parametrize(
    ("size", "strides"), [((3, 3), 1), ((2, 5), 1), ((3, 3), 2), ((3, 2), (1, 3)), ((2, 1), (3, 2)), ((4, 6), (2, 4))]
)
@pytest.mark.parametrize("channels", [1, 42])  # 42: of 32 or 16, of 8, and one by one
def test_outputs_and_gradients_are_the_references(channels, size, strides, padding):
    layers = [Conv2D(channels, 1), DepthwiseConv2D(size, strides, padding), Flatten(), Dense(3)]
    network = Sequential(layers, (7, 19, 2))
    rng = np.random.default_rng(0)
    parameters = network.initial_parameters(0, np.float64)
    parameters = {name: array + rng.normal(0, 0.1, array.shape) for name, array in parameters.items()}
    batch = Batch(rng.random((3, 7, 19, 2)), np.arange(3))
    reference = engine("numpy").compile(network, parameters)
    single = {name: array.astype(np.float32) for name, array in parameters.items()}
    compiled = engine("numba").compile(network, single)
    in_single = [{name: array.astype(np.float32) for name, array in each.items()} for each in (
        reference.activations(batch.images), reference.gradients(batch)[1]
    )]  # fmt: skip
    assert_agree(compiled.activations(batch.images), in_single[0], VALUE32)
    assert_agree(compiled.gradients(batch)[1], in_single[1], GRADIENT32)
