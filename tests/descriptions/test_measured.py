"""Initial values measured from images, those that copy, and the networks that begin so."""

import numpy as np
import pytest
from tiny import dataset, train

from convlet.descriptions.initializers import Identity, PatchWhitening
from convlet.descriptions.layers import Conv2D, Dense, Flatten, Normalization, Rescaling, Residual
from convlet.descriptions.network import Sequential
from convlet.descriptions.networks import air, resnet
from convlet.engines import engine
from convlet.errors import InputError, NetworkError
from convlet.training.initial import initial_parameters

WHITE = Conv2D(16, 2, use_bias=False, kernel_initializer=PatchWhitening(1e-9), trainable=False)


def images(count=200, shape=(6, 5, 2), seed=0):
    """Neighbouring pixels and channels that go together, as those of photographs do."""
    noise = np.random.default_rng(seed).random((count, *shape))
    return ((noise + noise[:, ::-1].cumsum(axis=1) + noise.sum(axis=3, keepdims=True)) / 10).astype(np.float32)


def test_whitened_patches_are_uncorrelated_and_of_variance_1_and_come_with_both_signs():
    network = Sequential([WHITE], (6, 5, 2))
    parameters = network.initial_parameters(0, images=images())
    outputs = engine("numpy").compile(network, parameters).predict(images()).reshape(-1, 16)
    np.testing.assert_allclose(np.cov(outputs[:, :8].T), np.eye(8), atol=1e-3)
    np.testing.assert_array_equal(outputs[:, 8:], -outputs[:, :8])


def test_whitening_begins_with_the_direction_of_the_largest_variance():
    kernel = PatchWhitening().measure((2, 2, 2, 3), images())
    assert (np.sign(kernel[..., 0]) == 1).all()  # all pixels lighter or darker together
    lengths = np.linalg.norm(kernel.reshape(8, 3), axis=0)
    assert lengths[0] < lengths[1]  # the larger a variance, the smaller the kernel
    np.testing.assert_array_equal(kernel[..., 2], -kernel[..., 0])


def test_without_images_whitening_is_of_white_noise():
    kernel = Sequential([WHITE], (6, 5, 2)).initial_parameters(3)["conv2d_1/kernel"].reshape(8, 16)
    np.testing.assert_allclose(kernel[:, :8].T @ kernel[:, :8], np.eye(8), atol=1e-6)


def test_images_are_normalised_to_mean_0_and_variance_1_a_channel():
    network = Sequential([Normalization()], (6, 5, 2))
    parameters = network.initial_parameters(0, images=images())
    outputs = engine("numpy").compile(network, parameters).predict(images())
    np.testing.assert_allclose(outputs.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(outputs.var(axis=(0, 1, 2)), 1, atol=1e-3)
    assert network.weights == network.trained_weights == 0


def test_an_identity_hands_its_images_on():
    layers = [Conv2D(2, size, padding="same", kernel_initializer=Identity()) for size in (3, (2, 5), 1)]
    network = Sequential(layers, (6, 5, 2))
    outputs = engine("numpy").compile(network, network.initial_parameters(0)).predict(images())
    np.testing.assert_array_equal(outputs, images())


def test_outputs_beyond_an_identitys_inputs_are_drawn():
    kernel = Identity().draw((3, 3, 2, 5), np.random.default_rng(0))
    assert kernel[1, 1, 0, 0] == kernel[1, 1, 1, 1] == 1 and np.count_nonzero(kernel[..., :2]) == 2
    assert np.count_nonzero(kernel[..., 2:]) == 3 * 18
    np.testing.assert_array_equal(Identity().draw((2, 2), np.random.default_rng(0)), np.eye(2))


def test_a_run_begins_with_what_its_training_images_are_and_keeps_it():
    network, data = Sequential([Normalization(), Flatten(), Dense(3)], (5, 4, 1)), dataset()
    run = train(data, network=network, steps=3)
    pixels, _ = data.train.batch(slice(None))
    parameters = run.program.state().parameters
    assert parameters["normalization_1/mean"] == pytest.approx(pixels.mean(), rel=1e-5)
    assert parameters["normalization_1/variance"] == pytest.approx(pixels.var(), rel=1e-5)


def test_only_a_network_that_measures_looks_at_the_images():
    network = Sequential([Flatten(), Dense(3)], (5, 4, 1))
    assert not network.measures and initial_parameters(network, None, 0).keys() == network.parameters.keys()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Conv2D(17, 2, kernel_initializer=PatchWhitening())], r"PatchWhitening of 17 filters: .* at most 16 filters"),
        ([Flatten(), Dense(3, kernel_initializer=PatchWhitening())], "PatchWhitening of 3 filters: .* a convolution"),
        ([Rescaling(2.0), Normalization()], "'normalization_1' .* its mean is measured .* let it be the first layer"),
        ([Residual([Conv2D(2, 1)]), WHITE], "'conv2d_2' .* its kernel is measured from the training images"),
    ],
)
def test_what_cannot_be_measured_is_refused(layers, message):
    with pytest.raises(NetworkError, match=message):
        Sequential(layers, (6, 5, 2))


def test_too_few_images_to_whiten_are_refused_before_anything_is_trained():
    network = Sequential([Conv2D(8, (3, 2), kernel_initializer=PatchWhitening()), Flatten(), Dense(3)], (5, 4, 1))
    with pytest.raises(InputError, match="PatchWhitening: 5 training images; expected at least 6"):
        train(dataset(train=5), network=network, steps=1)


@pytest.mark.parametrize(("size", "weights"), [("S", 124_224), ("M", 277_904), ("L", 492_640), ("XL", 1_962_144)])
def test_the_sizes_of_air_have_the_weights_that_are_promised(size, weights):
    network = air(size, (28, 28, 1), 10)
    assert network.weights == weights and network.check_classifier() == 10
    assert [placed.name for placed in network if not placed.layer.trainable] == ["conv2d_1"]


@pytest.mark.parametrize(
    "shape",
    [(4, 5, 1), (8, 8, 1), (9, 9, 1), (28, 28, 1), (32, 32, 3), (64, 64, 4), (96, 96, 3), (40, 200, 3), (9, 99, 1)],
)
def test_an_air_network_and_a_resnet_fit_images_of_any_shape(shape):
    for network in (air("S", shape, 7), resnet(shape, 7)):
        assert network.output_shape == (7,)
        assert Sequential.from_table(network.to_table()) == network


@pytest.mark.parametrize("side", [32, 64, 96, 150, 224])
def test_the_first_group_of_an_air_network_sees_about_30_pixels_a_side(side):
    first = next(iter(air("S", (side, side, 3), 10)))
    assert 26 <= first.output_shape[0] <= 35 and first.output_shape[2] == 24


def test_a_resnet_of_three_blocks_a_stage_is_resnet_20():
    network = resnet((32, 32, 3), 10, blocks=3)
    kernels = [placed for placed in network if placed.multiply_adds and "batch" not in placed.name]
    on_shortcuts = [placed for placed in kernels if placed.name in ("conv2d_10", "conv2d_17")]
    assert len(kernels) - len(on_shortcuts) == 20
    assert all(placed.layer.kernel_size == (1, 1) for placed in on_shortcuts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: air("s", (28, 28, 1), 10), "size='s': expected one of 'S', 'M', 'L', 'XL'"),
        (lambda: air("S", (28, 28, 1), 10, whitened="no"), "whitened='no': expected True or False"),
        (lambda: air("S", (1, 28, 1), 10), r"input_shape=\(1, 28, 1\): expected .* at least 2 × 2 pixels"),
        (lambda: air("S", (784,), 10), r"input_shape=\(784,\): expected \(H, W, C\)"),
        (lambda: resnet((3, 3, 1), 10), "at least 4 × 4 pixels"),
        (lambda: resnet((8, 8, 1), 10, blocks=0), "blocks=0: expected a whole number"),
    ],
)
def test_networks_that_cannot_be_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
