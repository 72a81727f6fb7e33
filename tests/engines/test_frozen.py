"""Frozen layers: training leaves them as they are in every engine, and sends gradients through them.

keras: the same in keras/test_keras_door.py.
"""

import numpy as np
import pytest
from cases import FROZEN
from comparing import Tolerance, assert_agree, assert_same_bits
from door import Classified, assert_gradients_are_measured, single

from convlet.descriptions.layers import Dense
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines import Batch, engine

each_engine = pytest.mark.parametrize("name", ["numpy", "numba"])
each_network = pytest.mark.parametrize("network", FROZEN.values(), ids=FROZEN)


@each_network
def test_gradients_past_frozen_layers_are_the_measured_ones(network):
    assert_gradients_are_measured(network)


@each_network
@pytest.mark.parametrize("images", [1, 3, 20])
def test_the_numba_engine_takes_the_references_steps_past_frozen_layers(network, images):
    Classified(network, images).assert_weighted_steps_agree("numba")


@each_engine
@each_network
@pytest.mark.parametrize(
    "optimizer",
    [Adam(0.01), Adam(0.01, weight_decay=0.1), SGD(0.01, weight_decay=0.1), SGD(0.01, momentum=0.9, nesterov=True)],
    ids=["Adam", "Adam with decay", "SGD with decay", "SGD with momentum"],
)
def test_frozen_layers_stay_to_the_bit_while_all_others_move(name, network, optimizer):
    Classified(network).assert_frozen_layers_stay(name, optimizer)


@each_engine
@each_network
def test_freezing_changes_no_prediction_and_no_gradient_by_images(name, network):
    given, free = Classified(network), network.freeze()
    assert all(layer.trainable for layer in free.layers)
    programs = [engine(name).compile(each, single(given.parameters)) for each in (network, free)]
    frozen, trained = ([p.predict(given.images), p.input_gradients(given.images, given.classes)] for p in programs)
    for one, other in zip(frozen, trained, strict=True):
        assert_same_bits(one, other)


@each_engine
def test_a_frozen_normalisation_normalises_a_training_batch_as_when_predicting(name):
    """So one image's gradient does not depend on which others are in the batch."""
    given = Classified(FROZEN["frozen from the image on"])
    program = engine(name).compile(given.network, single(given.parameters))
    batches = [Batch(given.images[i : i + 1], given.classes[i : i + 1]) for i in range(3)]
    alone = [program.gradients(batch)[1] for batch in batches]
    together = program.gradients(Batch(given.images, given.classes))[1]
    mean = {name: np.mean([each[name] for each in alone], axis=0) for name in together}
    assert_agree(together, mean, Tolerance(1e-6, 1e-4))


def test_a_step_of_the_numba_engine_leaves_frozen_layers_out():
    """Neither gradients of their weights, nor anything below the first layer that learns."""
    network = FROZEN["frozen from the image on"]
    program = engine("numba").compile(network, network.initial_parameters(0), Adam())
    labels = [job.label for job in program._steps.jobs(3)]
    begins = labels.index("softmax cross-entropy")
    frozen = {placed.name for placed in network if not placed.layer.trainable}
    assert frozen.isdisjoint(label.partition(":")[0] for label in labels[begins:])


def test_only_what_is_trained_costs_a_backward_pass():
    network = FROZEN["frozen from the image on"]
    costs = {placed.name: placed.multiply_adds for placed in network}
    last_two = costs["dense_2"] + costs["dense_3"]
    assert network.training_multiply_adds == network.multiply_adds + last_two + costs["dense_3"]
    assert isinstance(network, Sequential) and network.freeze().training_multiply_adds > network.training_multiply_adds


def test_a_frozen_dense_layer_makes_no_gradient_of_its_kernel_nor_does_what_asks_for_images_gradients():
    network = Sequential([Dense(9, "relu"), Dense(8, "relu", trainable=False), Dense(3)], (5,))
    program = engine("numba").compile(network, network.initial_parameters(0), Adam())
    for passes, learnt in ((program._gradients, {"d_dense_1", "d_dense_3"}), (program._inputs, set())):
        passes.jobs(2)
        assert {name for name in passes.memory.all() if name in ("d_dense_1", "d_dense_2", "d_dense_3")} == learnt
