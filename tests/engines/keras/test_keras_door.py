"""The Keras engine answers and refuses at the door as every engine does; see `../test_door.py`."""

import numpy as np
import pytest
from cases import BLOCKS, FROZEN, LAYERS, NETWORKS, network_arrays
from comparing import Tolerance, assert_same_bits
from door import REFUSED, Classified, assert_refuses, single

from convlet.descriptions.layers import Conv2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines import Batch, engine
from convlet.errors import InputError, NetworkError

pytestmark = pytest.mark.usefixtures("backend")

KINDS = {type(case.layer).__name__: case for case in LAYERS + BLOCKS}
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@each_network
def test_images_are_weighted_as_the_reference_does(network):
    Classified(network).assert_weighted_steps_agree("keras")


@each_network
def test_weights_of_one_are_no_weights_to_the_bit(network):
    parameters, images, labels, masks = network_arrays(network)
    states = []
    for weights in (None, np.ones(3)):
        program = engine("keras").compile(network, single(parameters), Adam(0.01))
        outcomes = [program.step(Batch(images, labels, masks, weights), 0.01) for _ in range(3)]
        states.append((program.state(), outcomes))
    assert states[0][1] == states[1][1]
    assert_same_bits(states[1][0].parameters, states[0][0].parameters)


@each_network
def test_gradients_by_images_are_the_references(network):
    Classified(network).assert_input_gradients_agree("keras", Tolerance(1e-4, 1e-4))


def test_the_gradient_by_one_image_alone_is_the_references():
    network = NETWORKS["normalised, strided, averaged"]
    Classified(network, 1).assert_input_gradients_agree("keras", Tolerance(1e-4, 1e-4))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_layer_sends_gradients_back_to_the_images(kind):
    case = KINDS[kind]
    Classified.first(case.layer, case.input_shape).assert_input_gradients_agree("keras", Tolerance(1e-4, 1e-4))


@pytest.mark.parametrize("network", FROZEN.values(), ids=FROZEN)
def test_frozen_layers_stay_as_they_are_and_pass_gradients_on_as_the_references_do(network):
    Classified(network).assert_weighted_steps_agree("keras")
    Classified(network).assert_frozen_layers_stay("keras", Adam(0.01, weight_decay=0.1))
    Classified(network).assert_frozen_layers_stay("keras", SGD(0.01, momentum=0.9, weight_decay=0.1))


def test_no_images_have_gradients_of_no_images():
    network = NETWORKS["the seed's deep network in small"]
    program = engine("keras").compile(network, network.initial_parameters(0))
    assert program.input_gradients(np.zeros((0, 8, 8, 1)), np.zeros(0, int)).shape == (0, 8, 8, 1)


@pytest.mark.parametrize("what", REFUSED)
def test_a_batch_that_cannot_be_is_refused_in_the_same_words_by_every_engine(what):
    assert_refuses("keras", what)


def test_images_and_classes_that_cannot_be_are_refused():
    network = NETWORKS["the seed's deep network in small"]
    program = engine("keras").compile(network, network.initial_parameters(0))
    with pytest.raises(InputError, match=r"images: shape \(3, 7, 8, 1\); expected \(N, 8, 8, 1\)"):
        program.predict(np.zeros((3, 7, 8, 1)))
    with pytest.raises(InputError, match=r"classes: from 0 to 3; expected 0 to 2"):
        program.input_gradients(np.zeros((3, 8, 8, 1)), [0, 1, 3])


def test_a_network_that_does_not_classify_predicts_and_is_not_trained():
    network = Sequential([Conv2D(3, 3)], (6, 5, 1))
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    assert program.predict(np.zeros((2, 6, 5, 1))).shape == (2, 4, 3, 3)
    for wanted in (
        lambda: program.step(Batch(np.zeros((2, 6, 5, 1)), [0, 0]), 0.1),
        lambda: program.input_gradients(np.zeros((2, 6, 5, 1)), [0, 0]),
    ):
        with pytest.raises(NetworkError, match="a network must end in one number a class"):
            wanted()
