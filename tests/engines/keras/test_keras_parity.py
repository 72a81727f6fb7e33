"""The tutorial's two networks, on MNIST, in Keras and in the reference: the project's promise, to its figures."""

import numpy as np
import pytest

from convlet.datasets import mnist
from convlet.engines import engine
from convlet.runs import recipe
from convlet.training.batches import batch_of_step

pytestmark = pytest.mark.usefixtures("backend")

OUTPUTS, GRADIENTS, LOSSES = 1e-5, 1e-4, 1e-3  # of a layer's largest value; of a gradient's; absolute
STEPS, IMAGES = 20, 1000


@pytest.fixture(scope="module", params=["deep-mnist", "first-kernels"])
def seed_recipe(request):
    return recipe.load_recipe(request.param)


@pytest.fixture(scope="module")
def programs(seed_recipe, backend):
    """(in Keras, in NumPy), both float32, from the same initial values."""
    parameters = seed_recipe.network.initial_parameters(0)
    return [engine(name).compile(seed_recipe.network, parameters, seed_recipe.optimizer) for name in ("keras", "numpy")]


@pytest.fixture(scope="module")
def batches(seed_recipe):
    """The first batches of the recipe's own run."""
    return [batch_of_step(seed_recipe, mnist().train, step, engine="numpy") for step in range(STEPS)]


def relative(actual, expected):
    """The largest difference, in parts of the largest value."""
    return np.abs(actual - expected).max() / np.abs(expected).max()


def test_every_layer_gives_the_same(programs, batches):
    keras, reference = (program.activations(batches[0].images) for program in programs)
    assert {name: relative(keras[name], reference[name]) for name in reference} == {
        name: pytest.approx(0, abs=OUTPUTS) for name in keras
    }


def test_every_gradient_is_the_same(programs, batches):
    (loss, keras), (expected_loss, reference) = (program.gradients(batches[0]) for program in programs)
    assert loss == pytest.approx(expected_loss, abs=OUTPUTS)
    assert {name: relative(keras[name], reference[name]) for name in reference} == {
        name: pytest.approx(0, abs=GRADIENTS) for name in keras
    }


@pytest.mark.slow
def test_the_first_losses_and_then_the_predictions_are_the_same(programs, batches, seed_recipe):
    """Each program goes its own way for twenty steps, and then both see the same 1,000 test images."""
    total = seed_recipe.training.total_steps(len(mnist().train))
    rates = [seed_recipe.optimizer.rate(step, total) for step in range(STEPS)]
    keras, reference = (
        [program.step(batch, rate) for batch, rate in zip(batches, rates, strict=True)] for program in programs
    )
    assert [loss for loss, _ in keras] == pytest.approx([loss for loss, _ in reference], abs=LOSSES)
    assert [correct for _, correct in keras] == [correct for _, correct in reference]

    images, _ = mnist().test.batch(np.arange(IMAGES))
    keras, reference = (program.predict(images) for program in programs)
    assert relative(keras, reference) < LOSSES
    second, first = np.sort(reference, axis=1)[:, -2:].T
    clear = first - second > 2 * LOSSES * np.abs(reference).max()  # two that are nearly as likely may change places
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(keras.argmax(axis=1)[clear], reference.argmax(axis=1)[clear])
