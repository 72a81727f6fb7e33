"""Muon's steps in the numba engine: the reference's, for kernels of every proportion, to the bit on any threads.

keras: the same in keras/test_keras_program.py.
"""

from dataclasses import replace

import numpy as np
import pytest
from comparing import Tolerance, assert_agree, assert_same_bits

from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, Muon
from convlet.engines import Batch, engine
from convlet.engines.numba.running import threads

# Kernels of more filters than weights, and of less; of numbers that fill no register; of more inputs than one block.
NETWORK = Sequential(
    [
        *(Conv2D(40, 3, use_bias=False), BatchNormalization(), Activation("relu"), MaxPooling2D(2)),
        *(Conv2D(12, 3, activation="relu"), Flatten(), Dense(70, "relu"), Dense(90, "tanh"), Dense(3)),
    ],
    (12, 12, 1),
)
OPTIMIZERS = {
    "Nesterov": Muon(weight_decay=0.1),
    "plain": Muon(nesterov=False, clip_norm=0.1, average=EMA(0.5), rate_factors={"dense_1/*": 3.0}),
}


@pytest.fixture(autouse=True)
def _all_threads_again():
    yield
    threads.set_threads(None)


def batch(step):
    generator = np.random.default_rng(step)
    return Batch(generator.random((6, 12, 12, 1), np.float32), generator.integers(3, size=6))


def stepped(name, optimizer, dtype=np.float32, steps=4):
    program = engine(name).compile(NETWORK, NETWORK.initial_parameters(0, dtype), optimizer)
    losses = [program.step(batch(step), 0.02)[0] for step in range(steps)]
    return losses, program.state()


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_steps_are_the_references_on_any_number_of_threads(optimizer):
    expected_losses, expected = stepped("numpy", optimizer, np.float64)
    states = []
    for count in (1, 2, 4):
        threads.set_threads(count)
        losses, state = stepped("numba", optimizer)
        states.append(state)
    for part in ("parameters", "slots"):
        wanted = {name: array.astype(np.float32) for name, array in getattr(expected, part).items()}
        assert_agree(getattr(states[0], part), wanted, Tolerance(2e-5, 1e-3), part)
        for state in states[1:]:
            assert_same_bits(getattr(state, part), getattr(states[0], part))
    assert losses == pytest.approx(expected_losses, rel=1e-4)


@pytest.mark.parametrize("spoiled", ["slots", "parameters"])
def test_what_was_no_number_is_gone_when_a_good_state_is_restored(spoiled):
    """Also where only the engine sees it: in what fills registers up."""
    optimizer = OPTIMIZERS["Nesterov"]
    program = engine("numba").compile(NETWORK, NETWORK.initial_parameters(0), optimizer)
    good = program.state()
    bad = {name: np.full_like(array, np.inf) for name, array in getattr(good, spoiled).items()}
    program.restore(replace(good, **{spoiled: bad}))
    program.step(batch(0), 0.02)
    program.restore(good)
    for step in range(2):
        program.step(batch(step), 0.02)
    _, expected = stepped("numba", optimizer, steps=2)
    assert_same_bits(program.state().parameters, expected.parameters)
    assert_same_bits(program.state().slots, expected.slots)
