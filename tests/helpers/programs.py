"""Programs of the numba engine beside the reference's, for tests that compare them."""

import numpy as np
from cases import NETWORKS
from comparing import GRADIENT32, VALUE32, assert_agree

from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Residual,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.engines import Batch, engine
from convlet.engines.numba.program import compile

DEEP = NETWORKS["the seed's deep network in small"]
REGULAR = Sequential(
    [
        *(Conv2D(8, 5, padding="same", activation="relu"), MaxPooling2D(2)),
        *(Conv2D(64, 5, padding="same", activation="relu"), MaxPooling2D(2), Flatten()),
        *(Dense(40, activation="relu"), Dropout(0.5), Dense(10)),
    ],
    (12, 12, 1),
)
MODERN = Sequential(
    [
        *(Conv2D(16, 3, padding="same", use_bias=False), MaxPooling2D(2), BatchNormalization(), Activation("relu")),
        *(Conv2D(40, 3, padding="same"), BatchNormalization(), Activation("relu"), MaxPooling2D(2)),
        *(Conv2D(16, 3, padding="same", activation="relu"), Conv2D(16, 3), BatchNormalization()),
        *(Flatten(), Dense(10)),
    ],
    (15, 13, 8),  # no pool and no tile divides it
)


def _normalized(filters, strides=1, size=3):
    return [Conv2D(filters, size, strides, "same", use_bias=False), BatchNormalization()]


_BODY = [*_normalized(16), Activation("relu"), *_normalized(16)]
SHORTCUTS = Sequential(
    [
        *(*_normalized(16), Activation("relu"), Residual(_BODY), Activation("relu")),
        *(Residual(_normalized(32, 2), _normalized(32, 2, 1)), Activation("relu"), GlobalAveragePooling2D(), Dense(4)),
    ],
    (9, 9, 3),
)


def batch(network, images=7, seed=0):
    """(images, labels, masks)"""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((images, *network.input_shape)).astype(np.float32)
    return x, rng.integers(network.output_shape[0], size=images), network.dropout_masks(images, seed, 0)


def both(network, optimizer=None, seed=0, **options):
    """The network as a program of this engine, and of the reference in float64, with the same parameters."""
    parameters = network.initial_parameters(seed)
    exact = {name: array.astype(np.float64) for name, array in parameters.items()}
    return compile(network, parameters, optimizer, **options), engine("numpy").compile(network, exact, optimizer)


def single(arrays):
    """float64 arrays as float32, to compare with."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def assert_same_function(network, images=7, **options):
    """Predictions, every layer's output, loss and every gradient."""
    ours, reference = both(network, **options)
    x, labels, masks = batch(network, images)
    assert_agree(ours.predict(x), reference.predict(x).astype(np.float32), VALUE32, "logits")
    assert_agree(ours.activations(x), single(reference.activations(x)), VALUE32, "activations")
    (loss, gradients), (expected, expected_gradients) = (
        p.gradients(Batch(x, labels, masks)) for p in (ours, reference)
    )
    assert abs(loss - expected) < 1e-5
    assert_agree(gradients, single(expected_gradients), GRADIENT32, "gradients")


def trained(network, steps=4, images=9, optimizer=Adam(0.01)):  # noqa: B008 (frozen)
    program = compile(network, network.initial_parameters(0), optimizer)
    for step in range(steps):
        program.step(Batch(*batch(network, images - step % 2, seed=step)), 0.01)
    return program
