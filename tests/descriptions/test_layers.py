"""What a layer says of itself: shapes, parameters, costs, and how often each weight is used."""

import itertools
import math

import naive
import numpy as np
import pytest
from cases import LAYERS, Case, ids
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.initializers import Constant, GlorotUniform, HeNormal
from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.window import Window

SEED = Sequential(
    [
        Conv2D(32, 5, padding="same", activation="relu"),
        MaxPooling2D(2),
        Conv2D(64, 5, padding="same", activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(1024, activation="relu"),
        Dropout(0.5),
        Dense(10),
    ],
    (28, 28, 1),
)


def by_name(network, question):
    return {placed.name: getattr(placed, question) for placed in network}


def test_the_shapes_of_the_seeds_deep_network():
    assert by_name(SEED, "output_shape") == {
        "conv2d_1": (28, 28, 32),
        "max_pooling2d_1": (14, 14, 32),
        "conv2d_2": (14, 14, 64),
        "max_pooling2d_2": (7, 7, 64),
        "flatten_1": (3136,),
        "dense_1": (1024,),
        "dropout_1": (1024,),
        "dense_2": (10,),
    }


def test_the_costs_of_the_seeds_deep_network():
    """28·28 positions × 5·5·1 × 32; 14·14 × 5·5·32 × 64; 7·7·64 × 1024; 1024 × 10."""
    costs = by_name(SEED, "multiply_adds")
    assert (costs["conv2d_1"], costs["conv2d_2"]) == (627_200, 10_035_200)
    assert (costs["dense_1"], costs["dense_2"]) == (3_211_264, 10_240)
    assert costs["max_pooling2d_1"] == costs["flatten_1"] == costs["dropout_1"] == 0
    assert SEED.multiply_adds == 13_883_904


def test_the_weights_of_the_seeds_deep_network():
    """(25 + 1) · 32; (800 + 1) · 64; (3136 + 1) · 1024; (1024 + 1) · 10."""
    weights = by_name(SEED, "weights")
    assert [weights[name] for name in ("conv2d_1", "conv2d_2", "dense_1", "dense_2")] == [
        832,
        51_264,
        3_212_288,
        10_250,
    ]
    assert SEED.weights == 3_274_634


def test_how_often_the_seeds_deep_network_uses_each_weight():
    uses = by_name(SEED, "uses_per_weight")
    assert [uses[name] for name in ("conv2d_1", "conv2d_2", "dense_1", "dense_2")] == [784, 196, 1, 1]
    assert uses["max_pooling2d_1"] == uses["dropout_1"] == 0


def test_the_seeds_first_kernels_cost_what_they_should():
    network = Sequential([Conv2D(16, 3, activation="tanh"), Dropout(0.5), Flatten(), Dense(10)], (28, 28, 1))
    assert by_name(network, "output_shape")["conv2d_1"] == (26, 26, 16)
    assert by_name(network, "multiply_adds")["conv2d_1"] == 26 * 26 * 9 * 16
    assert by_name(network, "uses_per_weight")["conv2d_1"] == 676
    assert network.weights == 160 + 108_170


def test_an_output_takes_four_bytes_a_number():
    assert by_name(SEED, "output_bytes")["conv2d_1"] == 28 * 28 * 32 * 4


MULTIPLIERS = ("kernel", "moving_variance")  # of what a layer has for each of its products, the one that is counted


@pytest.mark.parametrize("case", LAYERS, ids=ids)
def test_a_weight_used_so_often_makes_so_many_multiply_adds(case):
    """One multiply-add a use of a kernel's weight: an account that needs no formula of its own."""
    kernels = [p for p in case.placed.parameters.values() if p.shape and p.name in MULTIPLIERS]
    found = case.placed.multiply_adds, case.placed.uses_per_weight * sum(p.size for p in kernels)
    assert found[0] == found[1], f"of {list(case.placed.parameters)}, those in MULTIPLIERS are counted"


def test_normalising_learns_two_numbers_a_channel_and_measures_two():
    parameters = BatchNormalization().parameters((4, 5, 3))
    assert [(p.name, p.shape, p.trainable) for p in parameters] == [
        ("gamma", (3,), True),
        ("beta", (3,), True),
        ("moving_mean", (3,), False),
        ("moving_variance", (3,), False),
    ]
    assert [p.initializer for p in parameters] == [Constant(1.0), Constant(0.0), Constant(0.0), Constant(1.0)]
    assert Case("", BatchNormalization(), (4, 5, 3)).placed.weights == 6


def test_a_kernel_has_its_rows_columns_channels_and_filters_in_this_order():
    layer = Conv2D(7, (2, 3), kernel_initializer=HeNormal(), bias_initializer=Constant(0.1))
    kernel, bias = layer.parameters((8, 9, 4))
    assert (kernel.name, kernel.shape, kernel.initializer) == ("kernel", (2, 3, 4, 7), HeNormal())
    assert (bias.name, bias.shape, bias.initializer) == ("bias", (7,), Constant(0.1))


def test_a_dense_kernel_has_inputs_then_units():
    kernel, bias = Dense(7).parameters((5,))
    assert (kernel.shape, kernel.initializer, bias.shape) == ((5, 7), GlorotUniform(), (7,))


@pytest.mark.parametrize("layer", [Conv2D(3, 2, use_bias=False), Dense(3, use_bias=False)], ids=["conv", "dense"])
def test_without_a_bias_there_is_only_the_kernel(layer):
    shape = (4, 4, 1) if isinstance(layer, Conv2D) else (4,)
    assert [p.name for p in layer.parameters(shape)] == ["kernel"]


def test_pools_move_by_their_own_size_unless_told():
    assert MaxPooling2D(3).window((9, 9, 1)).strides == (3, 3)
    assert AveragePooling2D((2, 3)).window((9, 9, 1)).strides == (2, 3)
    assert MaxPooling2D(3, 1).window((9, 9, 1)).strides == (1, 1)
    assert MaxPooling2D().window((9, 9, 1)).size == (2, 2)


def test_global_averages_leave_one_number_a_channel():
    assert GlobalAveragePooling2D().output_shape((5, 4, 3)) == (3,)


sizes = st.integers(1, 9)


@given(sizes, sizes, st.integers(1, 5), st.sampled_from(["valid", "same"]))
def test_a_window_visits_the_positions_that_trying_finds(height, size, stride, padding):
    if padding == "valid" and size > height:
        return
    window = Window.over((height, 20, 1), (size, 2), (stride, 1), padding)
    starts = naive.positions(height, size, stride, padding)
    assert window.positions[0] == len(starts)
    assert window.padding[0][0] == -min(starts[0], 0)


@given(sizes, sizes, st.integers(1, 5))
def test_same_padding_reaches_the_last_pixel_and_adds_no_row_too_many(height, size, stride):
    window = Window.over((height, height, 1), (size, size), (stride, stride), "same")
    (top, bottom), _ = window.padding
    assert window.positions == (math.ceil(height / stride),) * 2
    assert bottom - top in (0, 1)
    reach = (window.positions[0] - 1) * stride + size
    assert reach == top + height + bottom or (reach < height and top == bottom == 0)


def test_rows_and_columns_are_never_mixed_up():
    for padding, (rows, columns) in itertools.product(("valid", "same"), ((1, 3), (3, 1))):
        window = Window.over((7, 12, 2), (rows, columns), (columns, rows), padding)
        turned = Window.over((12, 7, 2), (columns, rows), (rows, columns), padding)
        assert window.positions == turned.positions[::-1] and window.padding == turned.padding[::-1]


@pytest.mark.parametrize("scalar", [np.int64, np.int32, np.uint8])
def test_numpys_whole_numbers_become_pythons(scalar):
    layer = Conv2D(scalar(3), scalar(2), (scalar(1), scalar(2)))
    values = [layer.filters, *layer.kernel_size, *layer.strides, Dense(scalar(4)).units]
    assert {type(value) for value in values} == {int}


@pytest.mark.parametrize("scalar", [np.float64, np.float32])
def test_numpys_floats_become_pythons_lest_they_widen_a_float32_network(scalar):
    values = [
        Dropout(scalar(0.5)).rate,
        BatchNormalization(scalar(0.5), scalar(0.25)).epsilon,
        Constant(scalar(1)).value,
    ]
    assert {type(value) for value in values} == {float}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Conv2D(32, 5, padding="same", activation="relu"), "Conv2D 32 × 5×5 same relu"),
        (Conv2D(8, (3, 5), strides=(2, 1)), "Conv2D 8 × 3×5 stride 2×1"),
        (MaxPooling2D(2), "MaxPooling2D 2×2"),
        (AveragePooling2D(3, strides=2, padding="same"), "AveragePooling2D 3×3 stride 2 same"),
        (Dense(10), "Dense 10"),
        (Dropout(0.5), "Dropout 0.5"),
        (Flatten(), "Flatten"),
        (Activation("tanh"), "Activation tanh"),
        (Dense(10, "tanh"), "Dense 10 tanh"),
    ],
)
def test_a_layer_is_described_in_a_few_words(layer, words):
    assert layer.describe() == words


def test_only_a_layer_that_shares_weights_among_positions_says_how_many_it_saves():
    assert Conv2D(4, 3, use_bias=False).unshared_weights((8, 8, 1)) == 64 * 36 * 4
    assert Conv2D(4, 3).unshared_weights((8, 8, 1)) == (64 + 1) * 36 * 4
    for layer in (Dense(3), MaxPooling2D(2), BatchNormalization()):
        assert layer.unshared_weights((8, 8, 1)) is None
