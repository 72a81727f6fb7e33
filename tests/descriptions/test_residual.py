"""Residual blocks in a network: the flat order, names, costs, freezing, and what is refused."""

import numpy as np
import pytest

from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Residual
from convlet.descriptions.network import IMAGE, Sequential
from convlet.errors import InputError, NetworkError, RecipeError

WIDER = Residual([Conv2D(4, 3, 2, "same"), BatchNormalization()], shortcut=[Conv2D(4, 1, 2)])
NETWORK = Sequential(
    [Conv2D(2, 3), WIDER, Residual([Residual([Activation("relu")]), Dropout(0.5)]), Flatten(), Dense(3)], (7, 6, 1)
)


def test_layers_come_in_one_order_each_after_its_inputs_the_addition_last():
    given = {placed.name: placed.inputs for placed in NETWORK}
    assert given == {
        "conv2d_1": (IMAGE,),
        "conv2d_2": ("conv2d_1",),
        "batch_normalization_1": ("conv2d_2",),
        "conv2d_3": ("conv2d_1",),
        "residual_1": ("batch_normalization_1", "conv2d_3"),
        "activation_1": ("residual_1",),
        "residual_2": ("activation_1", "residual_1"),
        "dropout_1": ("residual_2",),
        "residual_3": ("dropout_1", "residual_1"),
        "flatten_1": ("residual_3",),
        "dense_1": ("flatten_1",),
    }
    assert {placed.name: placed.inside for placed in NETWORK if placed.inside} == {
        **dict.fromkeys(["conv2d_2", "batch_normalization_1", "conv2d_3"], ("residual_1",)),
        "activation_1": ("residual_3", "residual_2"),
        **dict.fromkeys(["residual_2", "dropout_1"], ("residual_3",)),
    }


def test_an_addition_has_the_shape_of_what_it_adds_and_no_weights():
    places = {placed.name: placed for placed in NETWORK}
    assert places["residual_1"].input_shape == places["residual_1"].output_shape == (3, 2, 4)
    assert places["residual_1"].parameters == {} and places["residual_1"].multiply_adds == 0
    assert NETWORK.weights == sum(array.size for n, array in NETWORK.initial_parameters(0).items() if "moving" not in n)


def test_a_shortcut_with_weights_costs_a_gradient_by_its_inputs_only_where_those_are_learnt():
    behind = Sequential([Residual([Conv2D(1, 1, trainable=False), Conv2D(1, 1)], shortcut=[Conv2D(1, 1)])], (1, 1, 1))
    assert behind.training_multiply_adds == 1 + 2 + 2
    learnt = Sequential([Conv2D(1, 1), Residual([Conv2D(1, 1)], shortcut=[Conv2D(1, 1, trainable=False)])], (1, 1, 1))
    assert learnt.training_multiply_adds == 2 + 3 + 2


def test_only_names_that_an_author_gave_are_written_down_inside_blocks_too():
    network = Sequential([Residual([Activation("relu", name="mine"), Activation("tanh")], name="block")], (2,))
    (row,) = network.to_table()["layers"]
    inside = [
        {"type": "Activation", "name": "mine", "activation": "relu"},
        {"type": "Activation", "activation": "tanh"},
    ]
    assert row == {"type": "Residual", "name": "block", "layers": inside}
    assert Sequential.from_table(network.to_table()) == network


@pytest.mark.parametrize("outer", [Activation("relu", name="a"), Residual([Activation("relu", name="a")])])
def test_a_name_inside_a_block_is_no_other_layers(outer):
    with pytest.raises(InputError, match=r"name='a': expected a name .* that no other layer has"):
        Sequential([Residual([Activation("relu", name="a")]), outer], (2,))


def test_freezing_a_block_freezes_all_in_it_and_thawing_all_again():
    frozen = NETWORK.freeze("residual_3", "conv2d_2")
    names = [placed.name for placed in frozen if not placed.layer.trainable]
    assert names == ["conv2d_2", "activation_1", "residual_2", "dropout_1", "residual_3"]
    assert frozen.freeze() == NETWORK
    assert Sequential.from_table(frozen.to_table()) == frozen


def test_dropout_inside_a_block_has_its_masks():
    assert {name: mask.shape for name, mask in NETWORK.dropout_masks(2, 0, 0).items()} == {"dropout_1": (2, 3, 2, 4)}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            Residual([Conv2D(2, 3)]),
            r"layer 'residual_1' given an input of shape \(7, 6, 1\): its layers give \(5, 4, 2\), its input is "
            r"\(7, 6, 1\): these cannot be added. Give it a shortcut",
        ),
        (
            Residual([Conv2D(2, 3, padding="same")], shortcut=[Conv2D(3, 1)]),
            r"its layers give \(7, 6, 2\), its shortcut gives \(7, 6, 3\): these cannot be added",
        ),
        (Residual([Flatten(), Conv2D(1, 1)]), r"layer 'conv2d_1' cannot take an input of shape \(42,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(block, message):
    with pytest.raises(NetworkError, match=message):
        Sequential([block], (7, 6, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), r"layers=\[\]: expected at least one layer"),
        (([3],), r"layers=\[3\]: expected a list of layers"),
        ((Flatten(),), r"layers=Flatten.*: expected a list of layers"),
        (([Flatten()], "no"), r"shortcut='no': expected a list of layers"),
    ],
)
def test_what_is_no_list_of_layers_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Residual(*arguments)


def test_a_wrong_layer_inside_a_block_of_a_recipe_is_refused_by_its_place():
    row = {"type": "Residual", "layers": [{"type": "Flatten"}], "shortcut": [{"type": "Dens", "units": 3}]}
    with pytest.raises(
        RecipeError, match=r"network\.layers\[0\]\.shortcut\[0\]: unknown type 'Dens'.*Did you mean 'Dense'"
    ):
        Sequential.from_table({"input_shape": [2, 2, 1], "layers": [row]})
    with pytest.raises(RecipeError, match=r"network\.layers\[0\]: layers=3: expected a list of layers"):
        Sequential.from_table({"input_shape": [2, 2, 1], "layers": [{"type": "Residual", "layers": 3}]})


def test_initial_values_inside_a_block_are_those_of_the_same_names_outside():
    inside = Sequential([Residual([Dense(2), Dense(2)])], (2,)).initial_parameters(5)
    outside = Sequential([Dense(2), Dense(2)], (2,)).initial_parameters(5)
    assert inside.keys() == outside.keys()
    assert all(np.array_equal(inside[name], outside[name]) for name in outside)
