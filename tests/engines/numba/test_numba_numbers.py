"""What is no number, what is equal, what does not fit: how the numba engine takes it."""

import numpy as np
import pytest
from cases import NETWORKS
from comparing import GRADIENT32, assert_agree, assert_same_bits
from programs import DEEP, REGULAR, batch, both, single, trained

from convlet.descriptions.initializers import Constant
from convlet.descriptions.layers import Conv2D, Dense, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD
from convlet.engines import Batch
from convlet.engines.numba.program import compile
from convlet.errors import EngineError, InputError


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_batch_without_a_finite_loss_is_reported_and_changes_nothing(value):
    program = trained(REGULAR)
    before, (x, labels, masks) = program.state(), batch(REGULAR)
    x[3, 5, 5, 0] = value
    loss, _ = program.step(Batch(x, labels, masks), 0.01)
    assert not np.isfinite(loss)
    after = program.state()
    assert_same_bits(after.parameters, before.parameters)
    assert_same_bits(after.slots, before.slots)
    assert after.step == before.step
    assert np.isnan(program.predict(x)[3]).all() and np.isfinite(program.predict(x)[[0, 1, 2, 4, 5, 6]]).all()


def test_an_infinite_loss_is_reported_and_changes_nothing():
    """What is infinite inside of a network soon is no number; a logit of −∞ is where a loss stays infinite."""
    network = Sequential([Flatten(), Dense(3)], (2, 2, 1))
    parameters = network.initial_parameters(0)
    parameters["dense_1/kernel"][:] = np.float32([-10, 0, 0])
    program = compile(network, parameters, SGD(0.1))
    images = np.full((4, 2, 2, 1), 3e38, np.float32)
    loss, _ = program.step(Batch(images, np.zeros(4, int)), 0.01)
    assert loss == np.inf
    assert_same_bits(program.state().parameters, parameters)


def test_of_equal_numbers_the_first_wins_everywhere():
    ours, reference = both(DEEP)
    x, labels, masks = batch(DEEP)
    x[:] = 1
    (_, gradients), (_, expected) = (p.gradients(Batch(x, labels, masks)) for p in (ours, reference))
    assert_agree(gradients, single(expected), GRADIENT32)


def test_of_equal_logits_the_first_is_the_prediction():
    network = Sequential([Flatten(), Dense(3, kernel_initializer=Constant(0.0))], (2, 2, 1))
    x, _, masks = batch(network, images=6)
    for program in both(network, SGD(0.1)):
        _, correct = program.step(Batch(x, np.array([0, 0, 0, 2, 1, 2]), masks), 0.1)
        assert correct == 3


@pytest.mark.parametrize("pool", [MaxPooling2D(2, padding="same"), MaxPooling2D(3, strides=2), MaxPooling2D((1, 4))])
def test_of_equal_numbers_the_first_wins_where_pooling_stands_alone(pool):
    """Every output of the convolution is 0; which of them won shows in its kernel's gradient."""
    network = Sequential([Conv2D(2, 3, kernel_initializer=Constant(0.0)), pool, Flatten(), Dense(3)], (9, 9, 1))
    ours, reference = both(network)
    (_, gradients), (_, expected) = (program.gradients(Batch(*batch(network))) for program in (ours, reference))
    assert_agree(gradients, single(expected), GRADIENT32)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(8, 8, 8), (6, 11, 8), (11, 7, 8), (10, 10, 8)])
@pytest.mark.parametrize("pooling", [[], [MaxPooling2D(2)]], ids=["", "pooled"])
def test_what_is_no_number_in_one_image_reaches_none_of_its_neighbours(shape, pooling, bad):
    """Winograd's tiles stretch beyond the last row and column; what they find there must be the image's own."""
    layers = [Conv2D(64, 3, activation="relu"), *pooling, Conv2D(64, 3, padding="same", activation="relu")]
    network = Sequential([*layers, Flatten(), Dense(3)], shape)
    program = compile(network, network.initial_parameters(0))
    x, _, _ = batch(network, images=4)
    expected = program.predict(x)
    for image in range(4):
        spoilt = x.copy()
        spoilt[image] = bad
        answers = program.predict(spoilt)
        assert np.isnan(answers[image]).all()
        assert_same_bits(np.delete(answers, image, 0), np.delete(expected, image, 0))


def test_images_of_any_layout_and_type_are_taken_and_left_as_they_are():
    program, (x, *_) = trained(REGULAR), batch(REGULAR, 6)
    expected = program.predict(x)
    views = [x[::-1][::-1], np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(np.float64)]
    for view in views:
        view.flags.writeable = False
        copy = view.copy()
        assert_same_bits(program.predict(view), expected)
        np.testing.assert_array_equal(view, copy)
    whole = np.arange(6 * 144, dtype=np.uint8).reshape(6, 12, 12, 1)
    assert_same_bits(program.predict(whole), program.predict(whole.astype(np.float32)))
    assert program.predict(x[:0]).shape == (0, 10)


def test_many_images_are_predicted_as_few_are():
    program, (x, *_) = trained(REGULAR), batch(REGULAR, 250)
    np.testing.assert_allclose(program.predict(x)[200:], program.predict(x[200:]), rtol=1e-5, atol=1e-6)


def test_float64_parameters_are_refused():
    with pytest.raises(EngineError, match='engine="numpy" for float64'):
        compile(DEEP, DEEP.initial_parameters(0, np.float64))


def test_arrays_that_do_not_fit_are_refused():
    program, (x, labels, masks) = trained(REGULAR), batch(REGULAR)
    with pytest.raises(InputError, match="images: shape"):
        program.predict(x[:, 1:])
    with pytest.raises(InputError, match="labels: from 0 to 10; expected 0 to 9"):
        program.step(Batch(x, np.array([10, 0, 0, 0, 0, 0, 0]), masks), 0.01)
    with pytest.raises(InputError, match="labels: shape"):
        program.step(Batch(x, labels[1:], masks), 0.01)
    with pytest.raises(InputError, match="optimizer=None"):
        compile(DEEP, DEEP.initial_parameters(0)).step(Batch(*batch(DEEP)), 0.01)


def test_masks_that_are_missing_or_of_another_shape_are_refused():
    program, (x, labels, masks) = trained(REGULAR), batch(REGULAR)
    before = program.state()
    with pytest.raises(InputError, match=r"masks\['dropout_1'\]: missing"):
        program.step(Batch(x, labels), 0.01)
    for wrong in (masks["dropout_1"][1:], masks["dropout_1"][:, :1], masks["dropout_1"].reshape(-1)):
        with pytest.raises(InputError, match=r"masks\['dropout_1'\]: of shape .* \(7, 40\)"):
            program.gradients(Batch(x, labels, {"dropout_1": wrong}))
    with pytest.raises(InputError, match="masks: 'another'; expected the names of the network's dropout layers"):
        program.gradients(Batch(x, labels, {**masks, "another": x}))
    assert_same_bits(program.state().parameters, before.parameters)


@pytest.mark.parametrize("name", ["regular", *NETWORKS])
def test_no_images_have_activations_of_no_images(name):
    network = NETWORKS.get(name, REGULAR)
    outputs = trained(network, steps=0).activations(batch(network)[0][:0])
    assert {name: array.shape for name, array in outputs.items()} == {
        placed.name: (0, *placed.output_shape) for placed in network
    }
