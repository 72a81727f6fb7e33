"""The Keras engine's side of the door: training step by step as the reference, and values that cross bit for bit."""

import numpy as np
import pytest
from cases import NETWORKS, network_arrays
from comparing import Tolerance, assert_agree, assert_same_bits

from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, SGD, Adam, AdamW, Lookahead, Muon
from convlet.engines import Batch, State, engine
from convlet.errors import EngineError, InputError

pytestmark = pytest.mark.usefixtures("backend")

TRAINED = Tolerance(2e-5, 2e-4)  # float32 after six steps; the reference is in float64

OPTIMIZERS = {
    "SGD": SGD(0.1),
    "SGD with weight decay": SGD(0.1, weight_decay=0.01),
    "momentum": SGD(0.05, momentum=0.9),
    "Nesterov": SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam with another ε": Adam(1e-3, beta_1=0.8, beta_2=0.99, epsilon=0.1),
    "Adam with weight decay": Adam(1e-3, weight_decay=0.1),
    "AdamW with rates of its own": AdamW(1e-3, weight_decay=0.1, rate_factors={"*/kernel": 0.5}),
    "Muon": Muon(0.01, weight_decay=0.1),
    "moving average": SGD(0.05, momentum=0.9, average=EMA(0.6)),
    "slow weights": SGD(0.05, momentum=0.9, average=Lookahead(2)),
    "clipped": SGD(0.05, momentum=0.9, weight_decay=0.1, decays="kernels", clip_norm=0.05),
}


def float32(arrays):
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def batches(network, count, size=5, short=2):
    """Batches, the last one shorter."""
    for step in range(count):
        images = short if step == count - 1 else size
        generator = np.random.default_rng(step)
        yield Batch(
            generator.random((images, *network.input_shape)),
            generator.integers(network.output_shape[0], size=images),
            network.dropout_masks(images, 0, step),
        )


def random_state(network, optimizer, seed=0):
    """A state with no two numbers alike, and the awkward ones among them: −0, denormal, largest."""
    generator = np.random.default_rng(seed)
    parameters = {n: generator.standard_normal(p.shape).astype(np.float32) for n, p in network.parameters.items()}
    learnt = [name for name, parameter in network.parameters.items() if parameter.trainable]
    slots = {
        slot: generator.random(parameters[name].shape, np.float32)
        for slot, name in optimizer.remembered(network).items()
    }
    parameters[learnt[0]].flat[:4] = [-0.0, 1e-45, np.finfo(np.float32).max, -1e-38]
    return State(parameters, slots, 7)


def keras_tensor(array):
    return pytest.importorskip("keras").ops.convert_to_tensor(array)


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


@pytest.mark.parametrize("name", NETWORKS)
def test_training_any_network_goes_the_references_way(name):
    assert_trains_as_the_reference_does(NETWORKS[name], Adam())


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_training_by_any_optimizer_goes_the_references_way(optimizer):
    assert_trains_as_the_reference_does(NETWORKS["the seed's deep network in small"], optimizer)


@pytest.mark.parametrize("name", ["moving average", "slow weights"])
def test_averages_go_the_references_way_where_there_are_measured_values_too(name):
    assert_trains_as_the_reference_does(NETWORKS["normalised, strided, averaged"], OPTIMIZERS[name])


def assert_trains_as_the_reference_does(network, optimizer):
    """Losses, counts and predictions of six steps, and the state after them."""
    parameters, *_ = network_arrays(network)
    reference = engine("numpy").compile(network, parameters, optimizer)
    keras = engine("keras").compile(network, float32(parameters), optimizer)
    for step, batch in enumerate(batches(network, 6)):
        rate = optimizer.learning_rate / (step + 1)  # a schedule's rate differs from step to step
        (loss, correct), (expected_loss, expected_correct) = keras.step(batch, rate), reference.step(batch, rate)
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert correct == expected_correct
        images = next(iter(batches(network, 1))).images
        assert_agree(keras.predict(images), reference.predict(images).astype(np.float32), TRAINED, "logits")
    assert keras.state().step == 6
    assert_agree(keras.state().parameters, float32(reference.state().parameters), TRAINED, "parameters")
    assert_agree(keras.state().slots, float32(reference.state().slots), TRAINED, "slots")


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_state_crosses_both_ways_bit_for_bit(optimizer):
    network = NETWORKS["normalised, strided, averaged"]
    state = random_state(network, optimizer)
    program = engine("keras").compile(network, float32(network.initial_parameters(0)), optimizer)
    program.restore(state)
    assert_same_bits(program.state().parameters, state.parameters)
    assert_same_bits(program.state().slots, state.slots)
    assert program.state().step == state.step


def test_without_an_optimizer_the_steps_taken_are_remembered():
    network = NETWORKS["the seed's first kernels in small"]
    program = engine("keras").compile(network, network.initial_parameters(0))
    program.restore(State(network.initial_parameters(1), step=12))
    assert program.state().step == 12


def test_a_program_keeps_nothing_of_the_arrays_it_was_given():
    network = NETWORKS["the seed's deep network in small"]
    state = random_state(network, Adam())
    given = State({n: a.copy() for n, a in state.parameters.items()}, {n: a.copy() for n, a in state.slots.items()}, 7)
    program = engine("keras").compile(network, given.parameters, Adam())
    program.restore(given)
    for array in (*given.parameters.values(), *given.slots.values()):
        array.fill(9)
    assert_same_bits(program.state().parameters, state.parameters)
    assert_same_bits(program.state().slots, state.slots)


def test_a_state_is_a_copy_that_later_steps_leave_alone():
    network = NETWORKS["the seed's deep network in small"]
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    before = program.state()
    for batch in batches(network, 3):
        program.step(batch, 0.01)
    assert_same_bits(before.parameters, network.initial_parameters(0))
    program.state().parameters["conv2d_1/kernel"][:] = 9  # ours to write to
    assert (program.state().parameters["conv2d_1/kernel"] != 9).all()


def test_resuming_goes_on_bit_for_bit(network):
    whole, first, second = (
        engine("keras").compile(network, network.initial_parameters(seed), Adam()) for seed in (0, 0, 1)
    )
    steps = list(batches(network, 4))
    for batch in steps:
        whole.step(batch, 0.01)
    for batch in steps[:2]:
        first.step(batch, 0.01)
    second.restore(first.state())
    for batch in steps[2:]:
        second.step(batch, 0.01)
    assert_same_bits(second.state().parameters, whole.state().parameters)
    assert_same_bits(second.state().slots, whole.state().slots)


def test_gradients_and_preparation_change_nothing(network):
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    *_, batch = batches(network, 2)
    program.step(batch, 0.01)
    before = program.state()
    program.gradients(batch)
    program.prepare(5)
    assert_same_bits(program.state().parameters, before.parameters)
    assert_same_bits(program.state().slots, before.slots)
    assert program.state().step == before.step == 1


def test_a_loss_that_is_no_number_moves_nothing(network):
    """The number is in a last weight: a NaN in an image may not come through, as TensorFlow's ReLU makes it 0."""
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    first, second = batches(network, 2, size=2)
    program.step(first, 0.01)
    before = program.state()
    list(before.parameters.values())[-1].flat[0] = np.nan
    program.restore(before)
    loss, _ = program.step(second, 0.01)
    assert not np.isfinite(loss)
    assert_same_bits(program.state().slots, before.slots)
    for name, array in program.state().parameters.items():
        np.testing.assert_array_equal(array, before.parameters[name])
    assert program.state().step == 1


@pytest.mark.parametrize("count", [0, 1, 2, 500, 501])
def test_any_number_of_images_is_predicted(count):
    network = NETWORKS["the seed's deep network in small"]
    program = engine("keras").compile(network, network.initial_parameters(0))
    reference = engine("numpy").compile(network, network.initial_parameters(0, np.float64))
    images = np.random.default_rng(0).random((count, *network.input_shape))
    expected = reference.predict(images) if count else np.zeros((0, *network.output_shape))
    assert_agree(program.predict(images), expected.astype(np.float32), Tolerance(1e-5, 1e-5))


def test_images_may_be_strided_read_only_and_of_any_number_type(network):
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    pixels = np.random.default_rng(0).integers(0, 256, (5, *network.input_shape), np.uint8)
    plain = program.predict(pixels.astype(np.float32))
    strided = np.repeat(pixels, 2, axis=0)[::2]
    strided.flags.writeable = False
    assert_same_bits(program.predict(strided), plain)
    labels = np.zeros(5, np.uint8)
    program.step(Batch(strided, labels, network.dropout_masks(5, 0, 0)), 0.01)
    assert_same_bits(strided, pixels)


def test_the_model_is_a_plain_keras_model_with_the_weights_of_the_moment(network):
    program = engine("keras").compile(network, network.initial_parameters(0), Adam())
    for batch in batches(network, 3):
        program.step(batch, 0.01)
    model = program.model
    images = np.random.default_rng(0).random((5, *network.input_shape), np.float32)
    before = program.predict(images)
    for batch in batches(network, 3):
        program.step(batch, 0.01)
    # Keras lists the layers of parallel paths by how far they are from the output, not as they were written.
    assert sorted(layer.name for layer in model.layers[1:]) == sorted(placed.name for placed in network)
    assert np.isfinite(program._runner.to_numpy(model(keras_tensor(images)))).all()  # no step took its weights away
    outputs = program.model(keras_tensor(images))
    assert_agree(program._runner.to_numpy(outputs), program.predict(images), Tolerance(1e-6, 1e-5))
    assert np.abs(program.predict(images) - before).max() > 1e-4


def test_a_model_that_is_taken_further_can_be_begun_anew_as_keras_begins_one():
    network = Sequential([DepthwiseConv2D(3), Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3)], (8, 8, 1))
    model = engine("keras").compile(network, network.initial_parameters(0)).model
    drawn = {
        (layer.name, option): value["class_name"]
        for layer in model.layers
        for option, value in layer.get_config().items()
        if option in ("kernel_initializer", "depthwise_initializer", "gamma_initializer")
    }
    assert drawn == {
        ("depthwise_conv2d_1", "depthwise_initializer"): "GlorotUniform",
        ("conv2d_1", "kernel_initializer"): "GlorotUniform",
        ("batch_normalization_1", "gamma_initializer"): "Ones",
        ("dense_1", "kernel_initializer"): "GlorotUniform",
    }


def test_a_network_without_weights_predicts():
    network = Sequential([Flatten(), Activation("tanh")], (2, 2, 1))
    images = np.random.default_rng(0).random((3, 2, 2, 1), np.float32)
    np.testing.assert_allclose(
        engine("keras").compile(network, {}).predict(images), np.tanh(images.reshape(3, 4)), 1e-6
    )


def test_a_network_of_one_layer_predicts():
    network, images = Sequential([Dense(3)], (4,)), np.random.default_rng(0).random((5, 4), np.float32)
    parameters = network.initial_parameters(0)
    predicted = engine("keras").compile(network, parameters).predict(images)
    np.testing.assert_allclose(predicted, images @ parameters["dense_1/kernel"], rtol=1e-5)


def test_float64_is_refused_where_keras_would_round_it_in_silence(backend):
    network = NETWORKS["the seed's deep network in small"]
    parameters = network.initial_parameters(0, np.float64)
    if backend == "tensorflow":
        assert engine("keras").compile(network, parameters).predict(np.zeros((1, 8, 8, 1))).dtype == np.float64
    else:
        with pytest.raises(EngineError, match=f"dtype float64, but Keras computes in float32 on {backend}"):
            engine("keras").compile(network, parameters)


def test_to_step_an_optimizer_is_needed():
    network = NETWORKS["the seed's first kernels in small"]
    program = engine("keras").compile(network, network.initial_parameters(0))
    with pytest.raises(InputError, match=r"optimizer=None when the program was compiled: give one to train"):
        program.step(next(iter(batches(network, 1))), 0.1)
