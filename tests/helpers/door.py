"""What is asked of every engine's door, wherever its tests are."""

import re

import numpy as np
import pytest
from cases import NETWORKS, network_arrays
from comparing import DIRECTION, GRADIENT, Tolerance, assert_agree, assert_same_bits
from differences import by_each_array, central_differences

from convlet.descriptions.layers import Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.engines import Batch, engine
from convlet.errors import InputError
from convlet.losses import smoothed

TRAINED = Tolerance(2e-5, 2e-4)  # float32 after a few steps; the reference is in float64


def single(arrays):
    """float64 arrays as float32."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def assert_gradients_are_measured(network, weights=None):
    """By the reference, each array's along a diagonal, drawn, in which all its numbers have the same part.

    (Each number of each kind of layer is measured alone in `test_reference_gradients.py`.)
    """
    parameters, images, labels, masks = network_arrays(network)
    batch = Batch(images, labels, masks, weights)

    def gradients():
        return engine("numpy").compile(network, parameters).gradients(batch)

    generator, (_, found) = np.random.default_rng(0), gradients()
    directions = {name: generator.choice([-1.0, 1.0], gradient.shape) for name, gradient in found.items()}
    assert directions.keys() == {name for name, parameter in network.parameters.items() if parameter.trainable}
    along = {name: np.float64((found[name] * direction).sum()) for name, direction in directions.items()}
    assert_agree(along, by_each_array(lambda: gradients()[0], parameters, directions), DIRECTION, "gradients")


class Classified:
    """A network that classifies, and arrays for it that are far from every kink, in float64."""

    def __init__(self, network, images=3):
        self.network = network
        self.parameters, few, some, _ = network_arrays(network, images=2)  # of an odd number of pixels, one would be 0
        self.images = np.resize(few, (images, *few.shape[1:]))
        self.classes = np.resize(some, images)

    @classmethod
    def first(cls, layer, shape):
        """The layer as the first one of a network that classifies."""
        return cls(Sequential([layer, Flatten(), Dense(3)], shape))

    @classmethod
    def behind(cls, layer, shape):
        """The layer behind one that learns."""
        before = Conv2D(shape[2], 1) if len(shape) == 3 else Dense(shape[0])
        return cls(Sequential([before, layer, Flatten(), Dense(3)], shape))

    def program(self, name):
        parameters = self.parameters if name == "numpy" else single(self.parameters)
        return engine(name).compile(self.network, parameters, Adam(0.01))

    def assert_input_gradients_are_measured(self):
        """By the reference, of each image's own logit: nothing is dropped, and averages are the moving ones."""
        program, rows = self.program("numpy"), np.arange(len(self.images))
        added = {"to all images": np.zeros(self.images.shape[1:])}

        def logits():
            return program.predict(self.images + added["to all images"])[rows, self.classes]

        measured = np.moveaxis(central_differences(logits, added)["to all images"], -1, 0)
        assert_agree(program.input_gradients(self.images, self.classes), measured, GRADIENT)

    def assert_input_gradients_agree(self, name, tolerance):
        reference, other = self.program("numpy"), self.program(name)
        expected = reference.input_gradients(self.images, self.classes)
        actual = other.input_gradients(self.images, self.classes)
        assert_agree(actual, expected.astype(np.float32), tolerance)

    def assert_weighted_steps_agree(self, name):
        """Losses, counts and weights of three steps, and a gradient."""
        reference, other = self.program("numpy"), self.program(name)
        for step in range(3):
            weights = np.random.default_rng(step).uniform(0, 3, len(self.images)) * (np.arange(len(self.images)) != 1)
            masks = self.network.dropout_masks(len(self.images), 0, step)
            classes = self.network.output_shape[0]  # certain labels, then smoothed ones, then any shares
            mixed = np.random.default_rng(step).dirichlet(np.ones(classes), len(self.images))
            targets = (None, smoothed(self.classes, classes, 0.2), mixed)[step]
            batch = Batch(self.images, self.classes, masks, weights, targets)
            (loss, gradients), (expected_loss, expected) = other.gradients(batch), reference.gradients(batch)
            assert loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-5)
            assert_agree(gradients, single(expected), TRAINED)
            (loss, correct), (expected_loss, expected_correct) = other.step(batch, 0.001), reference.step(batch, 0.001)
            assert loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-5) and correct == expected_correct
        assert_agree(other.state().parameters, single(reference.state().parameters), Tolerance(1e-4, 1e-3))

    def assert_frozen_layers_stay(self, name, optimizer):
        """To the bit over ten steps, in which all else moves; they have no gradients and no slots."""
        frozen = {f"{placed.name}/" for placed in self.network if not placed.layer.trainable}
        stays = {parameter for parameter in self.parameters if parameter[: parameter.index("/") + 1] in frozen}
        program, before = (
            engine(name).compile(self.network, single(self.parameters), optimizer),
            single(self.parameters),
        )
        for step in range(10):
            masks = self.network.dropout_masks(len(self.images), 0, step)
            program.step(Batch(self.images, self.classes, masks), 0.01)
        _, gradients = program.gradients(Batch(self.images, self.classes, masks))
        after = program.state()
        assert stays and len(stays) < len(before)
        assert_same_bits({n: after.parameters[n] for n in stays}, {n: before[n] for n in stays})
        for parameter in before.keys() - stays:
            assert not np.array_equal(after.parameters[parameter], before[parameter]), parameter
        learnt = {n for n in before.keys() - stays if "moving" not in n}
        assert gradients.keys() == learnt
        assert after.slots.keys() == {f"{n}/{slot}" for n in learnt for slot in optimizer.slots}
        fresh = engine(name).compile(self.network, after.parameters, optimizer)
        fresh.restore(after)
        assert_same_bits(fresh.state().slots, after.slots)


GIVEN, MASKS = np.zeros((3, 8, 8, 1), np.float32), {"dropout_1": np.ones((3, 6), bool)}
REFUSED = {
    "labels below 0": (Batch(GIVEN, [0, -1, 2], MASKS), "labels: from -1 to 2; expected 0 to 2."),
    "labels beyond the classes": (Batch(GIVEN, [0, 1, 3], MASKS), "labels: from 0 to 3; expected 0 to 2."),
    "labels of another shape": (Batch(GIVEN, [[0, 1, 2]], MASKS), "labels: shape (1, 3) for 3 images"),
    "too few labels": (Batch(GIVEN, [0, 1], MASKS), "labels: shape (2,) for 3 images"),
    "labels between whole numbers": (Batch(GIVEN, [0.5, 1, 2], MASKS), "labels: type float64; expected whole numbers"),
    "labels that are no numbers": (Batch(GIVEN, [0, np.nan, 2], MASKS), "labels: type float64"),
    "labels of True and False": (Batch(GIVEN, [True, False, True], MASKS), "labels: type bool"),
    "images of another shape": (Batch(GIVEN[:, 1:], [0, 1, 2], MASKS), "images: shape (3, 7, 8, 1); expected (N, 8"),
    "images of text": (Batch(GIVEN.astype(str), [0, 1, 2], MASKS), "images: type <U"),
    "no images": (Batch(GIVEN[:0], np.zeros(0, int), MASKS), "images: none; expected at least one"),
    "no masks": (Batch(GIVEN, [0, 1, 2]), "masks['dropout_1']: missing; expected True or False"),
    "masks of another shape": (
        Batch(GIVEN, [0, 1, 2], {"dropout_1": np.ones((6, 3), bool)}),
        "masks['dropout_1']: of shape (6, 3) and type bool; expected True or False for each value, (3, 6).",
    ),
    "masks of numbers": (Batch(GIVEN, [0, 1, 2], {"dropout_1": np.ones((3, 6))}), "of shape (3, 6) and type float64"),
    "too few weights": (Batch(GIVEN, [0, 1, 2], MASKS, [1.0, 1.0]), "weights: shape (2,) and type float64 for 3"),
    "weights of text": (Batch(GIVEN, [0, 1, 2], MASKS, ["1", "1", "1"]), "weights: shape (3,) and type <U1"),
    "weights below 0": (Batch(GIVEN, [0, 1, 2], MASKS, [1, -1, 1]), "weights: from -1 to 1; expected finite"),
    "weights that are no numbers": (Batch(GIVEN, [0, 1, 2], MASKS, [1, np.nan, 1]), "weights: from nan to nan"),
    "infinite weights": (Batch(GIVEN, [0, 1, 2], MASKS, [1, np.inf, 1]), "weights: from 1.0 to inf"),
    "too few targets": (Batch(GIVEN, [0, 1, 2], MASKS, None, [[1, 0, 0]]), "targets: shape (1, 3) and type int64;"),
    "targets below 0": (
        Batch(GIVEN, [0, 1, 2], MASKS, None, [[1, 0, 0], [0, 2, -1], [0, 0, 1]]),
        "targets: from -1 to 2, an image's in all 1.0 to 1.0; expected numbers of at least 0, in all 1 for each image.",
    ),
    "targets that are not 1 in all": (
        Batch(GIVEN, [0, 1, 2], MASKS, None, [[1, 0, 0], [0, 0.5, 0], [0, 0, 1]]),
        "targets: from 0.0 to 1.0, an image's in all 0.5 to 1.0;",
    ),
    "targets that are no numbers": (
        Batch(GIVEN, [0, 1, 2], MASKS, None, [[1, 0, 0], [0, np.nan, 0], [0, 0, 1]]),
        "targets: from nan to nan",
    ),
    "weights of 0 alone": (Batch(GIVEN, [0, 1, 2], MASKS, [0, 0, 0]), "weights: from 0 to 0"),
}


def assert_refuses(name, what):
    """The batch is refused by `gradients` and by `step`, which then has changed nothing."""
    batch, message = REFUSED[what]
    network = NETWORKS["the seed's deep network in small"]
    program = engine(name).compile(network, network.initial_parameters(0), Adam())
    with pytest.raises(InputError, match=re.escape(message)):
        program.gradients(batch)
    with pytest.raises(InputError, match=re.escape(message)):
        program.step(batch, 0.1)
    assert program.state().step == 0
    with pytest.raises(InputError, match="optimizer=None when the program was compiled"):
        engine(name).compile(network, network.initial_parameters(0)).step(batch, 0.1)
