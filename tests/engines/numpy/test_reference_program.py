"""The reference engine's side of the door: predict, activations, gradients, step, state and load."""

import tracemalloc

import numpy as np
import pytest
from cases import NETWORKS, naive, naive_activations, network_arrays
from comparing import ROUNDING, VALUE32, assert_agree, assert_same_bits

from convlet.descriptions.layers import Conv2D, Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam, AdamW
from convlet.engines import Batch, State, engine
from convlet.engines.numpy.program import CHUNK
from convlet.errors import InputError

each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@pytest.fixture
def deep():
    return NETWORKS["the seed's deep network in small"]


def compiled(network, parameters, optimizer=None):
    return engine("numpy").compile(network, parameters, optimizer)


@each_network
def test_activations_are_the_naive_loops_own(network):
    parameters, images, _, _ = network_arrays(network)
    actual = compiled(network, parameters).activations(images)
    assert list(actual) == [placed.name for placed in network]
    assert_agree(actual, naive_activations(network, parameters, images), ROUNDING)


def test_what_hidden_layers_make_is_not_kept_of_all_images_that_are_predicted():
    """Of 64×64 pixels in colour it would be gigabytes."""
    network = Sequential([Conv2D(8, 1), Flatten(), Dense(2)], (10, 10, 1))
    parameters, *_ = network_arrays(network)
    program, images = compiled(network, parameters), np.zeros((10 * CHUNK, 10, 10, 1), np.float32)

    def peak(count):
        tracemalloc.start()
        try:
            program.predict(images[:count])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(10 * CHUNK) < 1.1 * peak(CHUNK)


@each_network
def test_the_loss_is_the_naive_loops_own(network):
    parameters, images, labels, masks = network_arrays(network)
    loss, _ = compiled(network, parameters).gradients(Batch(images, labels, masks))
    logits = list(naive_activations(network, parameters, images, masks).values())[-1]
    assert_agree(loss, naive.loss(logits.tolist(), labels.tolist()), ROUNDING)


@each_network
@pytest.mark.parametrize("count", [1, 2, 49, 50, 51, 99, 100, 101, 201])
def test_a_prediction_does_not_depend_on_the_rest_of_the_batch(network, count):
    parameters, images, _, _ = network_arrays(network, images=3)
    program = compiled(network, parameters)
    three = program.predict(images)
    many = np.resize(images, (count, *images.shape[1:]))
    assert_agree(program.predict(many), np.resize(three, (count, three.shape[1])), ROUNDING)


@each_network
def test_predicting_no_images_gives_no_logits(network):
    program = compiled(network, network.initial_parameters(0))
    logits = program.predict(np.zeros((0, *network.input_shape), np.float32))
    assert logits.shape == (0, *network.output_shape)


@each_network
def test_a_program_computes_in_the_type_of_its_parameters(network):
    parameters, images, labels, masks = network_arrays(network)
    narrow = compiled(network, {name: array.astype(np.float32) for name, array in parameters.items()}, Adam())
    wide = compiled(network, parameters)
    narrow_loss, narrow_gradients = narrow.gradients(Batch(images, labels, masks))
    wide_loss, wide_gradients = wide.gradients(Batch(images.astype(np.float32), labels, masks))
    assert {array.dtype for array in narrow_gradients.values()} == {np.dtype(np.float32)}
    assert {array.dtype for array in wide_gradients.values()} == {np.dtype(np.float64)}
    assert {array.dtype for array in narrow.activations(images).values()} == {np.dtype(np.float32)}
    assert type(narrow_loss) is float and type(wide_loss) is float
    narrow.step(Batch(images, labels, masks), 0.01)
    state = narrow.state()
    assert {array.dtype for array in [*state.parameters.values(), *state.slots.values()]} == {np.dtype(np.float32)}
    assert_same_bits(narrow.predict(images), narrow.predict(images.astype(np.float32)))
    assert_agree(narrow_loss, wide_loss, VALUE32)


@each_network
def test_images_labels_and_masks_may_be_strided_and_read_only(network):
    parameters, images, labels, masks = network_arrays(network)
    program = compiled(network, parameters)
    loss, gradients = program.gradients(Batch(images, labels, masks))
    strided = np.repeat(images, 2, axis=1)[:, ::2]
    for array in (strided, labels, *masks.values()):
        array.flags.writeable = False
    strided_loss, strided_gradients = program.gradients(Batch(strided, labels, masks))
    assert_agree(strided_loss, loss, ROUNDING)
    assert_agree(strided_gradients, gradients, ROUNDING)


@pytest.mark.parametrize("count", [1, 2, 49, 50, 51])
@pytest.mark.parametrize("name", ["the seed's deep network in small", "the seed's first kernels in small"])
def test_a_batchs_gradient_is_the_mean_of_its_images_gradients(name, count):
    network = NETWORKS[name]
    parameters, few, some, _ = network_arrays(network, images=5)
    images, labels = np.resize(few, (count, *few.shape[1:])), np.resize(some, count)
    masks = network.dropout_masks(count, 0, 0)
    program = compiled(network, parameters)
    loss, gradients = program.gradients(Batch(images, labels, masks))
    singles = [
        program.gradients(Batch(images[[i]], labels[[i]], {name: mask[[i]] for name, mask in masks.items()}))
        for i in range(count)
    ]
    assert_agree(loss, float(np.mean([single for single, _ in singles])), ROUNDING)
    means = {name: np.mean([single[name] for _, single in singles], axis=0) for name in gradients}
    assert_agree(gradients, means, ROUNDING)


@each_network
def test_exactly_the_trainable_parameters_have_a_gradient(network):
    parameters, images, labels, masks = network_arrays(network)
    _, gradients = compiled(network, parameters).gradients(Batch(images, labels, masks))
    assert gradients.keys() == {name for name, p in network.parameters.items() if p.trainable}
    assert all(gradients[name].shape == parameters[name].shape for name in gradients)


@each_network
@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.01), AdamW(0.01, rate_factors={"*/*": 3}, clip_norm=0.01)],
    ids=repr,
)
def test_a_step_is_its_gradients_and_the_optimizers_update(network, optimizer):
    parameters, images, labels, masks = network_arrays(network)
    program = compiled(network, parameters, optimizer)
    expected = {name: array.copy() for name, array in parameters.items()}
    slots = {}
    for step in (1, 2, 3):
        loss, gradients = compiled(network, expected).gradients(Batch(images, labels, masks))
        right = int((logits_of(network, expected, images, masks).argmax(axis=1) == labels).sum())
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        scale = 1 if optimizer.clip_norm is None else min(1, optimizer.clip_norm / norm)
        factor = 3 if optimizer.rate_factors else 1
        for name, gradient in gradients.items():
            own = {slot: slots.setdefault(f"{name}/{slot}", np.zeros_like(gradient)) for slot in optimizer.slots}
            decays = type(optimizer) is not AdamW or name.endswith("kernel")
            optimizer.update(expected[name], scale * gradient, own, 0.05 * factor, step, decays)
        actual_loss, actual_right = program.step(Batch(images, labels, masks), 0.05)
        state = program.state()
        assert (state.step, actual_right) == (step, right)
        assert_agree(actual_loss, loss, ROUNDING)
        assert_agree(
            {name: state.parameters[name] for name in gradients}, {n: expected[n] for n in gradients}, ROUNDING
        )
        assert_agree(state.slots, slots, ROUNDING)


def logits_of(network, parameters, images, masks):
    return list(naive_activations(network, parameters, images, masks).values())[-1]


def test_a_step_moves_the_moving_averages_and_gradients_do_not():
    network = NETWORKS["normalised, strided, averaged"]
    parameters, images, labels, masks = network_arrays(network)
    program = compiled(network, parameters, SGD(0.1))
    program.gradients(Batch(images, labels, masks))
    assert_same_bits(program.state().parameters, parameters)
    outputs = naive_activations(network, parameters, images, masks)
    program.step(Batch(images, labels, masks), 0.1)
    mean, variance = naive.batch_statistics(outputs["conv2d_1"].tolist())
    past = parameters["batch_normalization_1/moving_mean"], parameters["batch_normalization_1/moving_variance"]
    after = program.state().parameters
    assert_agree(after["batch_normalization_1/moving_mean"], 0.9 * past[0] + 0.1 * np.array(mean), ROUNDING)
    assert_agree(after["batch_normalization_1/moving_variance"], 0.9 * past[1] + 0.1 * np.array(variance), ROUNDING)


@each_network
def test_training_on_one_batch_brings_its_loss_down(network):
    parameters, images, labels, masks = network_arrays(network, images=6)
    program = compiled(network, parameters, Adam())
    first, _ = program.step(Batch(images, labels, masks), 0.01)
    for _ in range(60):
        last, right = program.step(Batch(images, labels, masks), 0.01)
    assert last < first / 2 and right >= 5


@each_network
def test_two_trainings_give_the_same_bits(network):
    def trained():
        program = compiled(network, network.initial_parameters(3), Adam())
        _, images, labels, _ = network_arrays(network, images=4)
        for step in range(3):
            program.step(Batch(images, labels, network.dropout_masks(4, 3, step)), 0.01)
        return program.state()

    first, second = trained(), trained()
    assert_same_bits(second.parameters, first.parameters)
    assert_same_bits(second.slots, first.slots)


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9, nesterov=True), Adam(0.01)], ids=repr)
def test_a_program_that_loads_a_state_continues_bit_for_bit(optimizer):
    network = NETWORKS["normalised, strided, averaged"]
    parameters, images, labels, masks = network_arrays(network)
    straight = compiled(network, parameters, optimizer)
    for _ in range(2):
        straight.step(Batch(images, labels, masks), 0.05)
    halfway = straight.state()
    straight.step(Batch(images, labels, masks), 0.05)
    resumed = compiled(network, network.initial_parameters(9, np.float64), optimizer)
    resumed.restore(halfway)
    resumed.step(Batch(images, labels, masks), 0.05)
    assert resumed.state().step == straight.state().step == 3
    assert_same_bits(resumed.state().parameters, straight.state().parameters)
    assert_same_bits(resumed.state().slots, straight.state().slots)


def test_a_state_and_its_program_share_no_memory(deep):
    parameters, images, labels, masks = network_arrays(deep)
    given = {name: array.copy() for name, array in parameters.items()}
    program = compiled(deep, given, Adam())
    state = program.state()
    program.step(Batch(images, labels, masks), 0.1)
    assert_same_bits(given, parameters)
    assert_same_bits(state.parameters, parameters)
    assert not any(slot.any() for slot in state.slots.values())
    program.restore(state)
    program.step(Batch(images, labels, masks), 0.1)
    assert_same_bits(state.parameters, parameters)
    assert not any(slot.any() for slot in state.slots.values())


def test_activations_share_no_memory_with_the_images():
    network = Sequential([Dropout(0.5), Flatten()], (4,))
    images = np.ones((2, 4), np.float32)
    outputs = compiled(network, {}).activations(images)
    assert not any(np.shares_memory(array, images) for array in outputs.values())


def test_stepping_without_an_optimizer_is_refused(deep):
    parameters, images, labels, masks = network_arrays(deep)
    with pytest.raises(InputError, match=r"^optimizer=None when the program was compiled: give one to train"):
        compiled(deep, parameters).step(Batch(images, labels, masks), 0.1)


def test_compiling_with_parameters_of_another_network_is_refused(deep):
    with pytest.raises(InputError, match=r"missing \['conv2d_1/bias', .*unknown \['dense_1/b'\]"):
        compiled(deep, {"dense_1/b": np.zeros(3)})


def test_a_state_of_another_step_is_loaded_with_its_step(deep):
    parameters, *_ = network_arrays(deep)
    program = compiled(deep, parameters, Adam())
    program.restore(State(parameters, step=41))
    assert program.state().step == 41


def test_a_step_whose_loss_is_infinite_says_so_and_changes_nothing():
    """Logits as far apart as float32 allows: their difference is infinite, and no number is NaN yet."""
    network = Sequential([Flatten(), Dense(2, use_bias=False)], (1, 1, 1))
    kernel = np.array([[3e38, -3e38]], np.float32)
    program = compiled(network, {"dense_1/kernel": kernel}, Adam())
    with np.errstate(over="ignore"):
        loss, _ = program.step(Batch(np.ones((1, 1, 1, 1), np.float32), np.array([1])), 0.1)
    assert loss == np.inf and program.state().step == 0
    assert_same_bits(program.state().parameters, {"dense_1/kernel": kernel})


@each_network
def test_a_step_whose_loss_is_no_number_says_so_and_changes_nothing(network):
    parameters, images, labels, masks = network_arrays(network)
    program = compiled(network, parameters, Adam())
    loss, _ = program.step(Batch(np.full_like(images, np.nan), labels, masks), 0.1)
    state = program.state()
    assert np.isnan(loss) and state.step == 0
    assert_same_bits(state.parameters, parameters)
    assert not any(slot.any() for slot in state.slots.values())
