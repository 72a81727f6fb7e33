"""Every kind of layer in Keras, against the reference: outputs, and gradients by what stands before it and in it."""

import numpy as np
import pytest
from cases import BLOCKS, LAYERS, draw_inputs, ids, network_arrays
from comparing import GRADIENT32, ROUNDING, VALUE32, assert_agree

from convlet.descriptions.layers import AveragePooling2D, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.engines import Batch, engine

pytestmark = pytest.mark.usefixtures("backend")


def around(case):
    """A classifier with the layer in it. What stands before it shows the gradient that the layer hands on."""
    shape = case.input_shape
    before = Conv2D(shape[2], (2, 1), padding="same") if len(shape) == 3 else Dense(shape[0])
    return Sequential([before, case.layer, Flatten(), Dense(3)], shape)


def both(network, parameters, dtype):
    """(the Keras program with parameters of this dtype, the reference in float64)"""
    cast = {name: array.astype(dtype) for name, array in parameters.items()}
    return engine("keras").compile(network, cast), engine("numpy").compile(network, parameters)


def in_dtype(arrays, dtype):
    return {name: array.astype(dtype) for name, array in arrays.items()}


def assert_same_answers(network, images, labels, masks, parameters, dtype, value, gradient):
    keras, reference = both(network, parameters, dtype)
    assert_agree(keras.activations(images), in_dtype(reference.activations(images), dtype), value, "activations")
    loss, gradients = keras.gradients(Batch(images, labels, masks))
    expected_loss, expected = reference.gradients(Batch(images, labels, masks))
    assert loss == pytest.approx(expected_loss, abs=value.absolute)
    assert_agree(gradients, in_dtype(expected, dtype), gradient, "gradients")


def has_to_be_tried(case):
    """In Keras an activation comes after its convolution, whatever the strides: not each need be tried with each."""
    it = case.layer
    swept = isinstance(it, Conv2D) and it.kernel_size == (3, 3) and isinstance(it.padding, str)
    return not (swept and it.activation and it.strides != (1, 1))


@pytest.mark.parametrize("case", [*filter(has_to_be_tried, LAYERS), *BLOCKS], ids=ids)
def test_a_layer_answers_as_the_reference_does(case):
    network = around(case)
    parameters, images, labels, masks = network_arrays(network, case.images)
    assert_same_answers(network, images, labels, masks, parameters, "float32", VALUE32, GRADIENT32)


KINDS = {type(case.layer).__name__: case for case in LAYERS + BLOCKS}  # those that are FIRST: in networks


@pytest.mark.parametrize("kind", KINDS)
def test_in_float64_only_rounding_is_left(kind, backend):
    if backend != "tensorflow":
        pytest.skip(f"not run: Keras has no float64 on {backend}")
    network = around(KINDS[kind])
    parameters, images, labels, masks = network_arrays(network, KINDS[kind].images)
    assert_same_answers(network, images, labels, masks, parameters, "float64", ROUNDING, ROUNDING)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2), (2, 1)])
def test_of_tied_pixels_the_first_receives_the_gradient(size, strides, padding):
    """A kernel that copies the image makes the ties; its other weights' gradients tell which pixel was chosen."""
    network = Sequential(
        [Conv2D(1, 3, padding="same", use_bias=False), MaxPooling2D(size, strides, padding), Flatten(), Dense(3)],
        (6, 5, 1),
    )
    parameters, _, labels, masks = network_arrays(network, images=2)
    parameters["conv2d_1/kernel"] = np.zeros((3, 3, 1, 1))
    parameters["conv2d_1/kernel"][1, 1] = 1
    images = np.random.default_rng(0).integers(0, 2, (2, 6, 5, 1)).astype(np.float64)  # ones, zeros: ties everywhere
    assert_same_answers(network, images, labels, masks, parameters, "float32", VALUE32, GRADIENT32)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_same_padding_at_even_and_odd_sizes(size, strides):
    layers = [Conv2D(2, size, strides, "same"), AveragePooling2D(size, strides, "same"), Flatten(), Dense(3)]
    network = Sequential(layers, (8, 7, 1))
    parameters, images, labels, masks = network_arrays(network, images=2)
    assert_same_answers(network, images, labels, masks, parameters, "float32", VALUE32, GRADIENT32)


def test_a_channel_far_from_zero_keeps_its_variance(backend):
    """Mean of squares less square of mean would lose it."""
    if backend == "torch":
        pytest.skip("not run: on torch Keras takes the mean of squares less the square of the mean")
    network = Sequential([BatchNormalization(), Flatten(), Dense(3)], (4, 4, 2))
    parameters, _, labels, masks = network_arrays(network, images=3)
    images = draw_inputs((3, 4, 4, 2), np.random.default_rng(0)) + np.array([100, 0])
    keras, reference = both(network, parameters, "float32")
    loss, gradients = keras.gradients(Batch(images, labels, masks))
    expected_loss, expected = reference.gradients(Batch(images, labels, masks))
    assert loss == pytest.approx(expected_loss, abs=1e-4)  # 100 in float32 is known to 4e-6, which the scale doubles
    np.testing.assert_allclose(gradients["dense_1/kernel"], expected["dense_1/kernel"], atol=1e-4)
