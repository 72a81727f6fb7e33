"""What every engine answers and refuses alike, at the door: weights of images, gradients by images, wrong arrays."""

import numpy as np
import pytest
from cases import BLOCKS, LAYERS, NETWORKS, ids, network_arrays
from comparing import ROUNDING, Tolerance, assert_agree, assert_same_bits
from door import REFUSED, Classified, assert_gradients_are_measured, assert_refuses, single

from convlet.descriptions.layers import Activation, Conv2D, Dense, Flatten, Layer
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines import Batch, engine
from convlet.errors import InputError, NetworkError

ENGINES = ("numpy", "numba")  # keras: the same in keras/test_keras_door.py
ALONG_IMAGES = Tolerance(1e-4, 1e-4)

each_engine = pytest.mark.parametrize("name", ENGINES)
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


# -------------------------------------------------------------------------------------------------- weights of images
@each_network
def test_a_weighted_batchs_gradient_is_the_measured_one(network):
    assert_gradients_are_measured(network, np.array([0.0, 2.5, 0.5]))


def test_a_weighted_loss_is_the_sum_of_weights_times_losses_over_the_number_of_images():
    network = NETWORKS["the seed's deep network in small"]
    parameters, images, labels, masks = network_arrays(network)
    program, weights = engine("numpy").compile(network, parameters), np.array([0.0, 2.5, 0.5])
    alone = [
        program.gradients(Batch(images[[i]], labels[[i]], {name: mask[[i]] for name, mask in masks.items()}))[0]
        for i in range(3)
    ]
    loss, _ = program.gradients(Batch(images, labels, masks, weights))
    assert_agree(loss, float(weights @ alone / 3), ROUNDING)


@each_network
def test_the_numba_engine_weights_images_as_the_reference_does(network):
    Classified(network).assert_weighted_steps_agree("numba")


@each_engine
@each_network
@pytest.mark.parametrize("dtype", [np.float64, np.float32, int])
def test_weights_of_one_are_no_weights_to_the_bit(name, network, dtype):
    parameters, images, labels, masks = network_arrays(network)
    states = []
    for weights in (None, np.ones(3, dtype)):
        program = engine(name).compile(network, single(parameters), Adam(0.01))
        outcomes = [program.step(Batch(images, labels, masks, weights), 0.01) for _ in range(3)]
        states.append((program.state(), outcomes))
    assert states[0][1] == states[1][1]
    assert_same_bits(states[1][0].parameters, states[0][0].parameters)


@each_engine
def test_weights_of_one_step_do_not_stay_for_the_next(name):
    network = NETWORKS["the seed's deep network in small"]
    parameters, images, labels, masks = network_arrays(network)
    program = engine(name).compile(network, single(parameters))
    plain = program.gradients(Batch(images, labels, masks))[0]
    weighted = program.gradients(Batch(images, labels, masks, [3.0, 3.0, 3.0]))[0]
    assert weighted == pytest.approx(3 * plain, rel=1e-5)
    assert program.gradients(Batch(images, labels, masks))[0] == plain


@each_engine
def test_weights_do_not_change_how_many_were_right(name):
    network = NETWORKS["the seed's deep network in small"]
    parameters, images, labels, masks = network_arrays(network)
    counts = {
        engine(name).compile(network, single(parameters), SGD()).step(Batch(images, labels, masks, weights), 0.01)[1]
        for weights in (None, [0.0, 0.0, 1.0], [9.0, 9.0, 9.0])
    }
    assert len(counts) == 1


# ------------------------------------------------------------------------------------------------ gradients by images
@pytest.mark.parametrize("case", LAYERS + BLOCKS, ids=ids)
def test_the_gradient_of_a_logit_by_the_image_is_the_measured_one(case):
    Classified.first(case.layer, case.input_shape).assert_input_gradients_are_measured()


@each_network
def test_the_gradient_of_a_networks_logit_by_the_image_is_the_measured_one(network):
    Classified(network).assert_input_gradients_are_measured()


@pytest.mark.parametrize("case", LAYERS + BLOCKS, ids=ids)
def test_the_numba_engine_gives_the_references_gradients_by_images(case):
    """First in the network, where channels are not padded, and behind another layer, where they are."""
    for place in (Classified.first, Classified.behind):
        place(case.layer, case.input_shape).assert_input_gradients_agree("numba", ALONG_IMAGES)


@each_network
@pytest.mark.parametrize("images", [1, 3, 113])
def test_the_numba_engine_gives_the_references_gradients_by_images_of_whole_networks(network, images):
    Classified(network, images).assert_input_gradients_agree("numba", ALONG_IMAGES)


@each_engine
def test_gradients_by_images_change_nothing_and_depend_on_no_other_image(name):
    """Also between steps, whose dropout and batch statistics have no part in them."""
    network = NETWORKS["normalised, strided, averaged"]
    parameters, images, labels, masks = network_arrays(network)
    program = engine(name).compile(network, single(parameters), Adam(0.01))
    program.step(Batch(images, labels, masks), 0.01)
    before = program.state()
    all_three = program.input_gradients(images, [0, 1, 2])
    assert_agree(program.input_gradients(images[1:2], [1]), all_three[1:2], Tolerance(1e-6, 1e-5))
    assert_same_bits(program.state().parameters, before.parameters)
    assert_same_bits(program.state().slots, before.slots)
    assert (all_three.dtype, np.isfinite(all_three).all()) == (np.float32, True)
    assert program.input_gradients(images[:0], np.zeros(0, int)).shape == (0, *network.input_shape)


# ------------------------------------------------------------------------------------- networks that do not classify
@each_engine
@pytest.mark.parametrize("layers", [[Conv2D(3, 3)], [Flatten(), Dense(3, "softmax")], [Activation("tanh")]])
def test_any_network_predicts_and_only_a_classifier_trains(name, layers: list[Layer]):
    network = Sequential(layers, (6, 5, 1))
    program = engine(name).compile(network, network.initial_parameters(0), Adam())
    images = np.random.default_rng(0).random((3, 6, 5, 1), np.float32)
    assert program.predict(images).shape == (3, *network.output_shape)
    assert_same_bits(list(program.activations(images).values())[-1], program.predict(images))
    for wanted in (
        lambda: program.step(Batch(images, np.zeros(3, int)), 0.1),
        lambda: program.gradients(Batch(images, np.zeros(3, int))),
        lambda: program.input_gradients(images, np.zeros(3, int)),
    ):
        with pytest.raises(NetworkError, match=r"a network must end in one number a class|ends in softmax"):
            wanted()


# ----------------------------------------------------------------------------------------------------------- refusals
@each_engine
@pytest.mark.parametrize("what", REFUSED)
def test_a_batch_that_cannot_be_is_refused_in_the_same_words_by_every_engine(name, what):
    assert_refuses(name, what)


@each_engine
def test_images_and_classes_that_cannot_be_are_refused(name):
    network = NETWORKS["the seed's deep network in small"]
    program = engine(name).compile(network, network.initial_parameters(0))
    images = np.zeros((3, 8, 8, 1), np.float32)
    for wrong in (images[:, 1:], images[0], images[..., 0], np.float32(0), images.reshape(-1)):
        for ask in (program.predict, program.activations, lambda x: program.input_gradients(x, [0, 0, 0])):
            with pytest.raises(InputError, match=r"images: shape .*; expected \(N, 8, 8, 1\)"):
                ask(wrong)
    with pytest.raises(InputError, match="images: type <U1; expected numbers"):
        program.predict(np.full((1, 8, 8, 1), "7"))
    for classes in ([0, 1, 3], [-1, 0, 0], [0, 1], [[0, 1, 2]], [0.0, 1.0, 2.0]):
        with pytest.raises(InputError, match=r"^classes: "):
            program.input_gradients(images, classes)


@each_engine
def test_masks_of_no_layer_and_rates_that_are_no_number_are_refused_before_anything_changes(name):
    network = NETWORKS["the seed's deep network in small"]
    parameters, images, labels, masks = network_arrays(network)
    program = engine(name).compile(network, single(parameters), SGD())
    before = program.state()
    with pytest.raises(InputError, match="masks: 'dropuot_1'; expected the names of the network's dropout layers"):
        program.step(Batch(images, labels, {**masks, "dropuot_1": images > 0}), 0.01)
    for rate in (np.nan, np.inf, -0.1):
        with pytest.raises(InputError, match="learning_rate="):
            program.step(Batch(images, labels, masks), rate)
    assert_same_bits(program.state().parameters, before.parameters)


@each_engine
def test_an_image_of_weight_0_must_have_a_finite_loss_all_the_same(name):
    network = Sequential([Flatten(), Dense(3)], (5, 4, 1))
    program = engine(name).compile(network, network.initial_parameters(0))
    images = np.ones((2, 5, 4, 1), np.float32)
    images[0] = np.nan
    assert np.isnan(program.gradients(Batch(images, np.array([0, 1]), weights=np.array([0.0, 1.0])))[0])


@each_engine
def test_bytes_are_predicted_in_float32_without_parameters_too(name):
    network = Sequential([Activation("tanh")], (5, 4, 1))
    assert engine(name).compile(network, {}).predict(np.ones((2, 5, 4, 1), np.uint8)).dtype == np.float32
