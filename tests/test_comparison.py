"""Engine against engine: what counts as equal, and what is done where a gradient jumps."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import convlet as cl
from convlet import comparison
from convlet.comparison import TOLERANCES, Difference
from convlet.engines import engine
from convlet.report.terminal.comparison import comparison_table
from convlet.training.batches import batch_of_step

CONSTANT = cl.initializers.Constant
HIDDEN = cl.Dense(3, "relu", kernel_initializer=CONSTANT(1.0), bias_initializer=CONSTANT(-0.5))
NETWORK = cl.Sequential([cl.Flatten(), HIDDEN, cl.Dense(2)], input_shape=(1, 1, 1))
KINK, BESIDE = 0.5, 1.0  # values of an image's one pixel: ReLU's input is 0, or 0.5
RECIPE = cl.Recipe("kink", NETWORK, cl.Training(steps=2, batch_size=1), optimizer=cl.SGD(1e-5))


def in_order(first, second):
    """Two images that the recipe takes in this order."""
    for images in ((first, second), (second, first)):
        train = cl.Examples(np.array(images, np.float32).reshape(2, 1, 1, 1), np.array([0, 1]))
        if batch_of_step(RECIPE, train, 0, engine="numpy").images.item() == first:
            return cl.Dataset("two", ("a", "b"), train)
    raise AssertionError("neither order")


@pytest.fixture
def compared_with(monkeypatch):
    """`compare`, where the numba engine is the numpy engine with a fault."""

    def compare(data, *, bias=0.0, factor=1.0):
        numpy = engine("numpy")

        def compile(network, parameters, optimizer):
            moved = {name: array + np.float32(bias * name.endswith("bias")) for name, array in parameters.items()}
            program = numpy.compile(network, moved, optimizer)
            gradients = program.gradients
            monkeypatch.setattr(
                program, "gradients", lambda batch: (0.0, {k: v * factor for k, v in gradients(batch)[1].items()})
            )
            return program

        faulty = SimpleNamespace(compile=compile)
        monkeypatch.setattr(comparison, "find_engine", lambda name: faulty if name == "numba" else numpy)
        return cl.compare(RECIPE, data, engines=["numba"])[0]

    return compare


@pytest.mark.parametrize("kind", TOLERANCES)
def test_a_difference_is_within_up_to_its_tolerance_and_a_nan_never_is(kind):
    tolerance = TOLERANCES[kind]
    assert Difference(kind, "x", 1.0, tolerance).within
    assert not Difference(kind, "x", 1.0, math.nextafter(tolerance, 1)).within
    assert not Difference(kind, "x", math.nan, math.nan).within


def test_where_a_gradient_jumps_within_rounding_the_next_batch_is_compared(compared_with):
    compared = compared_with(in_order(KINK, BESIDE), bias=1e-6)
    assert compared.within and compared.batch == 2
    assert "numba: gradients on batch 2" in str(comparison_table([compared]).renderables)
    assert compared_with(in_order(BESIDE, KINK), bias=1e-6).batch == 1


def test_what_is_wrong_beside_a_jump_or_further_than_one_is_found_wrong(compared_with):
    for order in ((BESIDE, KINK), (KINK, BESIDE)):
        compared = compared_with(in_order(*order), bias=1e-6, factor=1.001)
        assert compared.batch == 1
        assert "dense_2/bias" in {d.name for d in compared.differences if not d.within}
    for factor in (math.nan, 1000.0):  # no jump of the measure's goes so far
        compared = compared_with(in_order(KINK, BESIDE), bias=1e-6, factor=factor)
        assert compared.batch == 1 and not compared.within
    compared = compared_with(in_order(KINK, KINK), bias=1e-6)
    assert compared.batch == 2 and not compared.within, "the last batch there is stands, though it jumps there too"
