"""What is served of a run: its answers, the same in any company, and pictures prepared as it knows them."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

from convlet.engines import engine
from convlet.errors import NumericsError
from convlet.runs.run import Run
from convlet.serving.predictor import of_run


@pytest.fixture(scope="module")
def run():
    """An untrained network on the numba engine."""
    program = engine("numba").compile(tiny.NETWORK, tiny.NETWORK.initial_parameters(0))
    return Run(tiny.NETWORK, program, tiny.CLASSES, None, 0, "numba", 0)


def test_an_image_is_answered_with_the_same_bits_in_any_company(run):
    images = np.random.default_rng(0).random((41, *tiny.SHAPE), dtype=np.float32)
    served = of_run(run)
    alone = np.concatenate([served.answer(images[place : place + 1]) for place in range(len(images))])
    for count in (2, 7, 8, 9, 41):
        assert_same_bits(served.answer(images[:count]), alone[:count])
    np.testing.assert_allclose(alone, run.predict(images), rtol=0, atol=1e-6)


def test_a_network_that_answers_nan_is_said_to(run):
    broken = replace(run, program=replaced(run, lambda array: np.full_like(array, np.inf)))
    with pytest.raises(NumericsError, match="NaN"):
        of_run(broken).answer(np.ones((3, *tiny.SHAPE), np.float32))


def replaced(run, change):
    """The run's program with other weights."""
    parameters = {name: change(array) for name, array in run.program.state().parameters.items()}
    return engine("numba").compile(tiny.NETWORK, parameters)


def test_what_is_served_is_called_as_its_folder_and_by_no_path(run, tmp_path):
    assert of_run(run).name == "a network"
    run.run_dir = tmp_path / "mine"
    served = of_run(run)
    assert (served.name, served.classes, served.image_shape, served.fit) == ("mine", tiny.CLASSES, tiny.SHAPE, None)
