"""The reference engine's derivatives, against measured ones: every layer by every number, then whole networks
along random directions.
"""

import numpy as np
import pytest
from cases import FIRST, LAYERS, NETWORKS, ids, network_arrays
from comparing import DIRECTION, GRADIENT, GRADIENT32, assert_agree, assert_same_bits
from differences import central_differences, directional_derivative
from door import assert_gradients_are_measured

from convlet.engines import Batch, State, engine
from convlet.engines.numpy.layer import backward, forward

each_layer = pytest.mark.parametrize("case", LAYERS + FIRST, ids=ids)
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def layer_gradients(case, weights, inputs, masks, d_outputs):
    _, memory = forward(case.placed, weights, inputs, masks)
    d_inputs, gradients = backward(case.placed, weights, d_outputs, memory)
    return {"inputs": d_inputs, **gradients}


def d_outputs_of(case, seed=1):
    shape = (case.images, *case.placed.output_shape)
    return np.random.default_rng(seed).uniform(-1, 1, shape)


@each_layer
def test_a_layers_gradients_are_the_measured_ones(case):
    weights, inputs, masks = case.arrays()
    d_outputs = d_outputs_of(case)
    trainable = {name.split("/")[1] for name, p in case.placed.parameters.items() if p.trainable}
    arrays = {"inputs": inputs, **{name: weights[name] for name in sorted(trainable)}}
    measured = central_differences(
        lambda: float((forward(case.placed, weights, inputs, masks)[0] * d_outputs).sum()), arrays
    )
    assert_agree(layer_gradients(case, weights, inputs, masks, d_outputs), measured, GRADIENT, case.title)


@each_layer
def test_backward_twice_is_bitwise_equal_and_changes_nothing(case):
    weights, inputs, masks = case.arrays()
    d_outputs = d_outputs_of(case)
    before = {"inputs": inputs.copy(), "d_outputs": d_outputs.copy(), **{n: w.copy() for n, w in weights.items()}}
    outputs, memory = forward(case.placed, weights, inputs, masks)
    outputs = outputs.copy()
    first_inputs, first = backward(case.placed, weights, d_outputs, memory)
    first = {name: gradient.copy() for name, gradient in first.items()} | {"inputs": first_inputs.copy()}
    second_inputs, second = backward(case.placed, weights, d_outputs, memory)
    assert_same_bits({**second, "inputs": second_inputs}, first)
    assert_same_bits({"inputs": inputs, "d_outputs": d_outputs, **weights}, before)
    assert_same_bits(forward(case.placed, weights, inputs, masks)[0], outputs)


@each_layer
def test_float32_stays_float32_and_close_to_float64(case):
    weights, inputs, masks = case.arrays(dtype=np.float32)
    d_outputs = d_outputs_of(case).astype(np.float32)
    actual = layer_gradients(case, weights, inputs, masks, d_outputs)
    wide = {name: array.astype(np.float64) for name, array in weights.items()}
    expected = layer_gradients(case, wide, inputs.astype(np.float64), masks, d_outputs.astype(np.float64))
    assert {gradient.dtype for gradient in actual.values()} == {np.dtype(np.float32)}
    assert_agree({name: g.astype(np.float64) for name, g in actual.items()}, expected, GRADIENT32, case.title)


@each_network
def test_a_networks_gradients_are_the_measured_ones(network):
    assert_gradients_are_measured(network)


@each_network
@pytest.mark.parametrize("seed", range(3))
def test_a_networks_gradient_along_a_random_direction_is_the_measured_one(network, seed):
    parameters, images, labels, masks = network_arrays(network, images=5, seed=seed)
    program = engine("numpy").compile(network, parameters)
    _, gradients = program.gradients(Batch(images, labels, masks))
    generator = np.random.default_rng(seed)
    direction = {name: generator.standard_normal(gradient.shape) for name, gradient in gradients.items()}

    def loss():
        program.restore(State(parameters))
        return program.gradients(Batch(images, labels, masks))[0]

    along = sum(float((gradients[name] * direction[name]).sum()) for name in gradients)
    measured = directional_derivative(loss, {name: parameters[name] for name in gradients}, direction)
    assert_agree(along, measured, DIRECTION)


@each_network
def test_a_networks_gradients_twice_are_bitwise_equal_and_change_nothing(network):
    parameters, images, labels, masks = network_arrays(network)
    program = engine("numpy").compile(network, parameters)
    before = {"images": images.copy(), "labels": labels.copy(), **{n: mask.copy() for n, mask in masks.items()}}
    first_loss, first = program.gradients(Batch(images, labels, masks))
    second_loss, second = program.gradients(Batch(images, labels, masks))
    assert first_loss == second_loss
    assert_same_bits(second, first)
    assert_same_bits(program.state().parameters, parameters)
    assert_same_bits({"images": images, "labels": labels, **masks}, before)


def test_a_winner_among_equal_ones_is_the_first_in_reading_order():
    from convlet.descriptions.layers import MaxPooling2D
    from convlet.engines.numpy.pooling import max_pooling, max_pooling_backward

    window = MaxPooling2D(2).window((2, 4, 1))
    images = np.array([[0, 7, 5, 5], [7, 7, 5, 5]], np.float64).reshape(1, 2, 4, 1)
    outputs, winners = max_pooling(images, window)
    d_images = max_pooling_backward(np.array([2.0, 3.0]).reshape(1, 1, 2, 1), winners, images.shape, window)
    assert outputs.ravel().tolist() == [7, 5]
    assert d_images[0, :, :, 0].tolist() == [[0, 2, 3, 0], [0, 0, 0, 0]]
