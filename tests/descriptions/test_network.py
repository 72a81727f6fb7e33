"""Layers in a row: names, initial values, masks, and the description on paper and back."""

import json
import tomllib

import numpy as np
import pytest
import tomli_w
from cases import BLOCKS, FIRST, LAYERS, NETWORKS, ids
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.initializers import Constant, GlorotUniform, HeNormal, TruncatedNormal, Uniform
from convlet.descriptions.layers import (
    ACTIVATIONS,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import IMAGE, Sequential
from convlet.errors import InputError, NetworkError

# --------------------------------------------------------------------------------------------------------- costs


def test_training_costs_three_forward_passes_but_for_the_inputs_of_the_first_layer_with_weights():
    convolution, dense = 3 * 2 * 9 * 2, 12 * 3  # 3 × 2 positions of 3 × 3 pixels for 2 filters; 12 inputs, 3 units
    network = Sequential([Conv2D(2, 3), Flatten(), Dense(3)], (5, 4, 1))
    assert network.multiply_adds == convolution + dense
    assert network.training_multiply_adds == 2 * convolution + 3 * dense
    flat = Sequential([Flatten(), Dense(3)], (4, 3, 1))
    assert flat.training_multiply_adds == 2 * dense


# --------------------------------------------------------------------------------------------------------- names


def test_layers_without_a_name_get_their_kind_and_a_number():
    layers = [Conv2D(2, 3), MaxPooling2D(), Conv2D(2, 3), BatchNormalization(), GlobalAveragePooling2D(), Dense(2)]
    network = Sequential(layers, (28, 28, 1))
    names = [
        "conv2d_1",
        "max_pooling2d_1",
        "conv2d_2",
        "batch_normalization_1",
        "global_average_pooling2d_1",
        "dense_1",
    ]
    assert [placed.name for placed in network] == names


def test_a_parameter_is_named_after_its_layer():
    network = Sequential([Flatten(), Dense(3, name="hidden"), Dense(2, use_bias=False)], (2, 2, 1))
    assert list(network.parameters) == ["hidden/kernel", "hidden/bias", "dense_2/kernel"]


def test_a_network_may_be_given_as_any_iterable_of_layers():
    layers = [Flatten(), Dense(3)]
    assert Sequential(iter(layers), (2, 2, 1)) == Sequential(layers, [2, 2, 1]) == Sequential(tuple(layers), (2, 2, 1))


def test_equal_descriptions_are_equal_networks_with_equal_hashes():
    first, second = (Sequential([Flatten(), Dense(3)], (2, 2, 1)) for _ in range(2))
    assert first == second and hash(first) == hash(second)
    assert first != Sequential([Flatten(), Dense(4)], (2, 2, 1))


# ------------------------------------------------------------------------------------------------ initial values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_initial_values_have_the_declared_names_shapes_and_type(network, dtype):
    parameters = network.initial_parameters(0, dtype)
    assert {name: array.shape for name, array in parameters.items()} == {
        n: p.shape for n, p in network.parameters.items()
    }
    assert {array.dtype for array in parameters.values()} == {np.dtype(dtype)}
    network.check_parameters(parameters)


def test_initial_values_follow_from_the_seed_alone():
    network = NETWORKS["the seed's deep network in small"]
    assert_same_bits(network.initial_parameters(5), network.initial_parameters(5))
    first, second = network.initial_parameters(5), network.initial_parameters(6)
    assert all((first[name] != second[name]).all() for name in first)


def test_adding_a_layer_changes_no_other_layers_initial_values():
    short = Sequential([Dense(3, name="a"), Dense(2, name="c")], (3,)).initial_parameters(0)
    long = Sequential([Dense(3, name="a"), Dense(3, name="b"), Dense(2, name="c")], (3,)).initial_parameters(0)
    assert_same_bits({name: long[name] for name in short}, short)
    assert not (long["a/kernel"] == long["b/kernel"]).any()


def test_two_parameters_do_not_start_with_the_same_numbers():
    same = {"kernel_initializer": Uniform(), "bias_initializer": Uniform()}
    parameters = Sequential([Dense(3, **same), Dense(3, **same)], (1,)).initial_parameters(0)
    values = np.concatenate([array.ravel() for array in parameters.values()])
    assert len(set(values.tolist())) == len(values)


def test_a_parameter_too_large_for_any_memory_is_named():
    with pytest.raises(NetworkError) as error:
        Sequential([Dense(10**12)], (10**6,)).initial_parameters(0)
    expected = "dense_1/kernel of shape (1000000, 1000000000000): too large for this machine's memory."
    assert str(error.value) == expected


# --------------------------------------------------------------------------------------------------------- masks


def test_masks_have_a_place_for_every_value_of_every_dropout():
    network = Sequential([Dropout(0.25), Flatten(), Dropout(0.5, name="late"), Dense(2)], (3, 4, 2))
    masks = network.dropout_masks(5, seed=0, step=0)
    assert {name: (mask.shape, mask.dtype) for name, mask in masks.items()} == {
        "dropout_1": ((5, 3, 4, 2), np.dtype(bool)),
        "late": ((5, 24), np.dtype(bool)),
    }


def test_masks_follow_from_seed_and_step_alone():
    network = Sequential([Flatten(), Dropout(0.5), Dense(2)], (8, 8, 1))
    masks = network.dropout_masks(4, seed=1, step=7)
    assert_same_bits(network.dropout_masks(4, seed=1, step=7), masks)
    assert (network.dropout_masks(4, seed=1, step=8)["dropout_1"] != masks["dropout_1"]).any()
    assert (network.dropout_masks(4, seed=2, step=7)["dropout_1"] != masks["dropout_1"]).any()


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_masks_drop_as_many_as_the_rate_says(rate):
    """200,000 draws: five standard deviations are 0.0056 at most."""
    mask = Sequential([Dropout(rate)], (1000,)).dropout_masks(200, seed=0, step=0)["dropout_1"]
    assert abs((~mask).mean() - rate) < 0.0056


def test_a_network_without_dropout_needs_no_masks():
    assert Sequential([Dense(2)], (3,)).dropout_masks(4, seed=0, step=0) == {}


# ------------------------------------------------------------------------------------------- on paper and back


def through_json(network):
    return Sequential.from_table(json.loads(json.dumps(network.to_table(), allow_nan=False)))


def through_toml(network):
    return Sequential.from_table(tomllib.loads(tomli_w.dumps(network.to_table())))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_network_comes_back_equal_from_json_and_toml(network):
    assert through_json(network) == network
    assert through_toml(network) == network


@pytest.mark.parametrize("case", LAYERS + BLOCKS + FIRST, ids=ids)
def test_every_layer_comes_back_equal_from_json_and_toml(case):
    network = Sequential([case.layer], case.input_shape)
    assert through_json(network) == through_toml(network) == network


numbers = st.floats(1e-6, 1e6)
initializers = st.one_of(
    st.builds(Constant, st.floats(-1e6, 1e6)),
    st.builds(lambda low, width: Uniform(low, low + width), st.floats(-1e3, 1e3), st.floats(0.1, 1e3)),
    st.builds(TruncatedNormal, numbers),
    st.builds(GlorotUniform),
    st.builds(HeNormal),
)
activations = st.sampled_from([None, *ACTIVATIONS])
pairs = st.one_of(st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3)))
weighted = {"use_bias": st.booleans(), "kernel_initializer": initializers, "bias_initializer": initializers}
image_layers = st.one_of(
    st.builds(Conv2D, st.integers(1, 9), pairs, pairs, st.just("same"), activations, **weighted),
    st.builds(MaxPooling2D, pairs, st.one_of(st.none(), pairs), st.just("same")),
    st.builds(AveragePooling2D, pairs, st.one_of(st.none(), pairs), st.just("same")),
    st.builds(BatchNormalization, st.floats(0, 0.999), numbers, center=st.booleans(), scale=st.booleans()),
    st.builds(DepthwiseConv2D, pairs, pairs, st.just("same"), activations, **weighted),
    st.builds(Rescaling, st.floats(-9, 9), st.floats(-9, 9)),
    st.builds(Residual, st.lists(st.builds(Activation, activations.filter(bool)), min_size=1, max_size=3)),
    st.builds(Activation, activations.filter(bool)),
    st.builds(Dropout, st.floats(0, 0.999)),
)
vector_layers = st.one_of(
    st.builds(Dense, st.integers(1, 99), activations, **weighted),
    st.builds(BatchNormalization),
    st.builds(Dropout, st.floats(0, 0.999)),
)
first_layers = st.builds(Normalization, numbers)
flattening = st.one_of(st.builds(Flatten), st.builds(GlobalAveragePooling2D), st.builds(GlobalMaxPooling2D))
names = st.sampled_from(["", "", "", "first", "a-b_c", "dense_1", "dense_2", "dense_7", "conv2d_2", "dropout_1"])


@st.composite
def networks(draw):
    """Any network, some of whose layers have a name of their own, or one like those the network gives."""
    images = [*draw(st.lists(first_layers, max_size=1)), *draw(st.lists(image_layers, max_size=4))]
    bodies = [*images, draw(flattening), *draw(st.lists(vector_layers, max_size=4))]
    layers, taken = [], set()
    for layer in bodies:
        name = draw(names)
        fields = {key: value for key, value in vars(layer).items() if key != "name"}
        layers.append(type(layer)(**fields, name="" if name in taken else name))
        taken.add(name)
    try:
        return Sequential(layers, (draw(st.integers(1, 30)), draw(st.integers(1, 30)), draw(st.integers(1, 4))))
    except ValueError as error:  # a given name met one that the network gives
        assert "that no other layer has" in str(error)
        return Sequential(bodies, (8, 8, 1))


@given(networks())
def test_any_network_comes_back_equal_from_json_and_toml(network):
    assert through_json(network) == network
    assert through_toml(network) == network
    assert list(through_json(network).parameters) == list(network.parameters)


def test_a_table_says_only_what_its_author_said():
    network = Sequential([Conv2D(32, 5), MaxPooling2D(2), Flatten(), Dense(10, name="logits")], (28, 28, 1))
    assert network.to_table() == {
        "input_shape": [28, 28, 1],
        "layers": [
            {"type": "Conv2D", "filters": 32, "kernel_size": 5},
            {"type": "MaxPooling2D"},
            {"type": "Flatten"},
            {"type": "Dense", "name": "logits", "units": 10},
        ],
    }


def test_a_table_holds_initialisers_as_tables_and_unequal_sizes_as_lists():
    layer = Conv2D(2, (3, 4), 2, kernel_initializer=TruncatedNormal(0.1), bias_initializer=Constant(0.1))
    row = Sequential([layer], (9, 9, 1)).to_table()["layers"][0]
    assert row == {
        "type": "Conv2D",
        "filters": 2,
        "kernel_size": [3, 4],
        "strides": 2,
        "kernel_initializer": {"type": "TruncatedNormal", "standard_deviation": 0.1},
        "bias_initializer": {"type": "Constant", "value": 0.1},
    }


def test_a_layer_named_like_an_automatic_one_keeps_its_name():
    network = Sequential([Dense(3, name="dense_7"), Dense(2)], (3,))
    assert [placed.name for placed in through_json(network)] == ["dense_7", "dense_2"]


def test_numpys_own_numbers_can_be_written_down():
    network = Sequential([Flatten(), Dropout(np.float32(0.5)), Dense(np.int64(3))], (np.int64(2), 2, 1))
    assert through_json(network) == network


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Conv2D(3, 3)], r"layer 'conv2d_1' gives \(26, 26, 3\) an image; .* end it with Flatten\(\) and Dense"),
        ([Flatten(), Dense(3, "softmax")], r"layer 'dense_1' ends in softmax; expected logits"),
    ],
)
def test_what_ends_in_anything_but_logits_is_no_classifier(layers, message):
    with pytest.raises(NetworkError, match=message):
        Sequential(layers, (28, 28, 1)).check_classifier()


# --------------------------------------------------------------------------------------------------------- in places
def test_each_layer_is_given_what_the_one_before_gives_and_the_first_the_image():
    placed = list(Sequential([Flatten(), Dense(3, name="last")], (2, 2, 1)))
    assert [each.inputs for each in placed] == [(IMAGE,), ("flatten_1",)]


def test_no_layer_can_have_the_images_name():
    with pytest.raises(InputError, match=f"name='{IMAGE}': expected a name of letters"):
        Sequential([Flatten(name=IMAGE)], (2, 2, 1))
