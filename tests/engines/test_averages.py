"""Averaged weights in every engine: they predict and are the parameters, while the raw ones train on beside them.

keras: the steps of averaged optimizers in keras/test_keras_program.py.
"""

from dataclasses import replace

import numpy as np
import pytest
from comparing import Tolerance, assert_agree, assert_same_bits

from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, SGD, Adam, Lookahead
from convlet.engines import Batch, State, engine

NETWORK = Sequential(
    [
        *(Conv2D(8, 3, use_bias=False), BatchNormalization(momentum=0.6), Activation("relu")),
        *(Flatten(), Dense(5, "tanh", trainable=False), Dense(3)),
    ],
    (6, 6, 1),
)
STATISTIC = "batch_normalization_1/moving_mean"
AVERAGED = [Adam(0.01, average=EMA(0.8)), SGD(0.1, momentum=0.9, clip_norm=1.0, average=Lookahead(2, 0.5))]

each_engine = pytest.mark.parametrize("name", ["numpy", "numba"])
each_optimizer = pytest.mark.parametrize("optimizer", AVERAGED, ids=["EMA", "Lookahead"])


def batch(step):
    generator = np.random.default_rng(step)
    return Batch(generator.random((7, 6, 6, 1), np.float32), generator.integers(3, size=7))


def compiled(name, optimizer=None, steps=0):
    program = engine(name).compile(NETWORK, NETWORK.initial_parameters(0), optimizer)
    for step in range(steps):
        program.step(batch(step), 0.05)
    return program


@each_engine
def test_a_moving_average_is_of_what_training_without_it_goes_through(name):
    plain, averaged = compiled(name, Adam(0.01)), compiled(name, AVERAGED[0])
    expected = {n: a.astype(np.float64) for n, a in NETWORK.initial_parameters(0).items()}
    for step in range(1, 9):
        for program in (plain, averaged):
            program.step(batch(step), 0.05)
        raw, state = plain.state().parameters, averaged.state()
        for parameter, array in raw.items():
            decay = min(0.8, (1 + step) / (10 + step))
            expected[parameter] = decay * expected[parameter] + (1 - decay) * array
            if not parameter.startswith("dense_1"):
                assert_same_bits(state.slots[f"{parameter}/raw"], array)
        assert_agree(state.parameters, {n: a.astype(np.float32) for n, a in expected.items()}, Tolerance(1e-6, 1e-5))
    assert np.abs(raw[STATISTIC] - state.parameters[STATISTIC]).max() > 1e-3


@each_engine
def test_slow_weights_are_where_the_raw_ones_go_back_to(name):
    """Two steps of the plain optimizer; half of the way; and on from there, with the velocity as it was."""
    averaged, plain = compiled(name, AVERAGED[1]), compiled(name, replace(AVERAGED[1], average=None))
    slow = NETWORK.initial_parameters(0)
    for step in range(6):
        for program in (plain, averaged):
            program.step(batch(step), 0.05)
        if step % 2:
            state = plain.state()
            slow = {n: (a + 0.5 * (state.parameters[n] - a)).astype(np.float32) for n, a in slow.items()}
            plain.restore(State(slow, state.slots, state.step))
        assert_agree(averaged.state().parameters, slow, Tolerance(1e-6, 1e-5))


@each_engine
@each_optimizer
def test_averages_predict_while_gradients_are_of_the_raw_weights(name, optimizer):
    program = compiled(name, optimizer)
    for step in range(4):
        program.step(batch(step), 0.05)
        state, images = program.state(), batch(9).images
        raw = {n: state.slots.get(f"{n}/raw", array) for n, array in state.parameters.items()}
        other, trained = compiled(name), compiled(name)
        other.restore(State(state.parameters))
        trained.restore(State(raw))
        assert_same_bits(program.predict(images), other.predict(images))
        assert_same_bits(program.activations(images), other.activations(images))
        assert_same_bits(program.input_gradients(images, [0] * 7), other.input_gradients(images, [0] * 7))
        assert_same_bits(program.gradients(batch(9))[1], trained.gradients(batch(9))[1])


@each_engine
@each_optimizer
def test_training_with_averages_continues_from_a_state_to_the_bit(name, optimizer):
    whole, first, second = compiled(name, optimizer, 5), compiled(name, optimizer, 3), compiled(name, optimizer, 1)
    second.restore(first.state())
    for step in (3, 4):
        second.step(batch(step), 0.05)
    assert_same_bits(second.state().parameters, whole.state().parameters)
    assert_same_bits(second.state().slots, whole.state().slots)
    assert set(whole.state().slots) == set(optimizer.remembered(NETWORK))


@each_engine
@each_optimizer
def test_without_raw_weights_training_starts_from_the_averages(name, optimizer):
    program = compiled(name, optimizer, 3)
    given = compiled(name, optimizer, 5).state().parameters
    program.restore(State(given))
    state = program.state()
    assert_same_bits(
        {n: state.slots[f"{n}/raw"] for n in optimizer.averaged(NETWORK)},
        {n: given[n] for n in optimizer.averaged(NETWORK)},
    )


@each_optimizer
def test_the_numba_engine_averages_as_the_reference_does(optimizer):
    reference = engine("numpy").compile(NETWORK, NETWORK.initial_parameters(0, np.float64), optimizer)
    ours = compiled("numba", optimizer)
    for step in range(5):
        (loss, correct), (expected_loss, expected) = ours.step(batch(step), 0.05), reference.step(batch(step), 0.05)
        assert loss == pytest.approx(expected_loss, rel=1e-4) and correct == expected
    for part in ("parameters", "slots"):
        expected = {n: a.astype(np.float32) for n, a in getattr(reference.state(), part).items()}
        assert_agree(getattr(ours.state(), part), expected, Tolerance(2e-5, 1e-3))
