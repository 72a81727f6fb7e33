"""Activations and their slopes against float64, over all float32 that matter, in whole vectors and in what is left."""

import numpy as np
import pytest
from guarded import check_guards, guarded

from convlet.engines.numba.buffers import Frame
from convlet.engines.numba.kernels.activations import CODES, tanh
from convlet.engines.numba.kernels.elementwise import ImageSize, activation, activation_backward
from convlet.engines.numpy.activations import FORWARD, activate, activate_backward

TINY = np.float32(1e-38)
NUMBERS = np.concatenate(
    [np.linspace(-12, 12, 40_001), np.geomspace(TINY, 12, 20_001), -np.geomspace(TINY, 12, 20_001)]
)
EXACT = {"tanh": np.tanh, "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x)}


def activated(name, numbers, channels):
    """The kernel's values, images of one pixel."""
    images = len(numbers) // channels
    frame, shape = Frame(1, 1, channels, 0, 0), ImageSize(1, 1, channels)
    x = guarded(numbers[: images * channels].astype(np.float32))
    y = guarded(x.size)
    for low, high in ((0, images // 3), (images // 3, images)):
        activation(low, high, x, frame, y, frame, shape, CODES[name])
    check_guards()
    return np.array(x), np.array(y)


@pytest.mark.parametrize("channels", [1, 8, 19])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_values_are_a_few_roundings_from_exact(name, channels):
    x, y = activated(name, NUMBERS, channels)
    exact = EXACT[name](x.astype(np.float64))
    scale = np.maximum(np.abs(exact), TINY) if name == "tanh" else 1  # a sigmoid comes from tanh + 1
    assert np.all(np.abs(y - exact) <= 6e-7 * scale)
    assert np.abs(y).max() <= 1
    if name == "tanh":
        np.testing.assert_array_equal(y, -activated(name, -NUMBERS, channels)[1])  # odd, to the bit


@pytest.mark.parametrize("channels", [1, 8, 19])
@pytest.mark.parametrize("name", ["leaky_relu", "elu", "silu", "gelu", "hard_swish"])
def test_those_like_relu_are_a_few_roundings_of_their_largest_part_from_exact(name, channels):
    x, y = activated(name, NUMBERS, channels)
    exact = FORWARD[name](x.astype(np.float64))
    assert np.all(np.abs(y - exact) <= 1e-6 * np.maximum(np.abs(x), TINY))
    large = activated(name, np.array([np.nan, 1e30, -1e30, 0.0] * 5), channels)[1][:4]
    expected = [np.nan, 1e30, {"leaky_relu": -2e29, "elu": -1}.get(name, 0), 0]
    np.testing.assert_allclose(large, expected, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 8])
def test_what_is_no_number_stays_so_and_infinity_is_the_end(channels):
    numbers = np.resize(np.array([np.nan, np.inf, -np.inf, 0.0, 1e30, -1e30, 89.0, -89.0]), 8 * channels)
    expected = {"tanh": [np.nan, 1, -1, 0, 1, -1, 1, -1], "sigmoid": [np.nan, 1, 0, 0.5, 1, 0, 1, 0]}
    for name, values in expected.items():
        np.testing.assert_allclose(activated(name, numbers, channels)[1], np.resize(values, 8 * channels), atol=4e-8)


def test_one_number_is_the_same_as_many():
    _, y = activated("tanh", NUMBERS, 8)
    alone = [getattr(tanh, "py_func", tanh)(np.float32(number)) for number in NUMBERS[:400]]
    np.testing.assert_allclose(alone, y[:400], rtol=4e-7)


@pytest.mark.parametrize("channels", [1, 8, 19])
@pytest.mark.parametrize("name", [name for name in CODES if name != "softmax"])
def test_gradients_are_those_of_the_reference(name, channels):
    images = len(NUMBERS) // channels
    memory = activate(name, NUMBERS[: images * channels])[1].astype(np.float32)
    d_y = np.random.default_rng(0).standard_normal(memory.size).astype(np.float32)
    frame, shape, d_x = Frame(1, 1, channels, 0, 0), ImageSize(1, 1, channels), guarded(memory.size)
    for low, high in ((0, images // 3), (images // 3, images)):
        where = guarded(d_y), frame, guarded(memory), frame, d_x, frame
        activation_backward(low, high, *where, shape, CODES[name])
    check_guards()
    expected = activate_backward(name, d_y.astype(np.float64), memory.astype(np.float64))
    np.testing.assert_allclose(d_x, expected, rtol=0, atol=2e-6 * np.abs(d_y).max())
