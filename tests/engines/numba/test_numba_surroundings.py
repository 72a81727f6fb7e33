"""What happens around the numba engine's computing: compiling, interrupts, threads, forks, no compiler."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from comparing import assert_same_bits
from interrupting import control_c, needs_alarm
from numba import config
from programs import DEEP, REGULAR, batch, trained

from convlet.descriptions.optimizers import Adam
from convlet.engines import Batch
from convlet.engines.numba.program import compile


@needs_alarm
def test_an_interrupt_breaks_nothing():
    """At any moment: a prediction is right the next time, and a step was taken as a whole or not at all."""
    program, other, interrupts = trained(REGULAR), trained(REGULAR), 0
    x, labels, masks = batch(REGULAR)
    expected = program.predict(x)
    with control_c(np.random.default_rng(0)) as interrupted:
        for _ in range(200):
            interrupts += interrupted(lambda: program.predict(x))
            assert_same_bits(program.predict(x), expected)
        for _ in range(200):
            steps = program.state().step
            interrupts += interrupted(lambda: program.step(Batch(x, labels, masks), 0.001))
            for _ in range(program.state().step - steps):
                other.step(Batch(x, labels, masks), 0.001)
            assert_same_bits(program.state().parameters, other.state().parameters)
            assert_same_bits(program.state().slots, other.state().slots)
    assert interrupts > 40
    assert other.state().step > 10


def test_prepare_tells_which_kernels_it_compiles():
    told = []
    compile(DEEP, DEEP.initial_parameters(0), Adam(0.01)).prepare(4, lambda *said: told.append(said))
    done, total, names = zip(*told, strict=True)
    assert list(done) == list(range(total[0]))
    assert any("conv2d_1" in name for name in names) and any("dense_2" in name for name in names)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_what_training_needs_is_compiled_by_prepare_and_by_nothing_else():
    code = """
import numpy as np
from convlet.engines import Batch, engine
from convlet.engines.numba.running import entries, worklist
from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam

def compiled():
    return len(entries._entries) + sum(len(f.overloads) for f in (worklist.start, worklist.help, worklist.finish))

layers = [Conv2D(3, 3), BatchNormalization(), Activation("relu"), Dropout(0.25), Flatten(), Dense(37, "tanh"),
          Dropout(0.5), Dense(7)]
network = Sequential(layers, (9, 7, 2))
program = engine("numba").compile(network, network.initial_parameters(0), Adam(0.01))
assert compiled() == 0
said = []
program.prepare(50, lambda *now: said.append(now))
prepared = compiled()
assert prepared == len(said) + 2, (prepared, said)  # three functions are one part, "threads"
images, labels = np.zeros((1000, 9, 7, 2), np.float32), np.zeros(50, np.int64)
for N in (1000, 50, 1, 3, 9, 17, 30, 104, 120):
    program.predict(images[:N])
for N in (50, 13):
    program.step(Batch(images[:N], labels[:N], network.dropout_masks(N, 0, 0)), 0.01)
assert compiled() == prepared
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_progress_may_stop_the_preparation():
    def stop(done, total, part):
        if done == 2:
            raise KeyboardInterrupt

    program = compile(REGULAR, REGULAR.initial_parameters(0), Adam(0.01))
    with pytest.raises(KeyboardInterrupt):
        program.prepare(4, stop)
    program.prepare(4)
    assert_same_bits(program.predict(batch(REGULAR)[0]), trained(REGULAR, steps=0).predict(batch(REGULAR)[0]))


def test_two_python_threads_may_train_at_once():
    expected, states = trained(REGULAR).state().parameters, {}
    workers = [threading.Thread(target=lambda i=i: states.update({i: trained(REGULAR).state()})) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert len(states) == 3
    for state in states.values():
        assert_same_bits(state.parameters, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python warns of forks beside threads
def test_a_forked_child_trains_on():
    program = trained(REGULAR)
    child = multiprocessing.get_context("fork").Process(target=program.step, args=(Batch(*batch(REGULAR)), 0.01))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0


def test_it_computes_the_same_without_a_compiler():
    code = """
import numpy as np
from convlet.engines import Batch, engine
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
layers = [Conv2D(2, 3, activation="relu"), MaxPooling2D(2), BatchNormalization(), Flatten(), Dense(3, "tanh"),
          Dropout(0.5), Dense(2)]
network = Sequential(layers, (6, 6, 1))
parameters = network.initial_parameters(0)
x, labels = np.random.default_rng(0).random((3, 6, 6, 1)).astype(np.float32), np.array([0, 1, 1])
losses = []
for name in ("numba", "numpy"):
    program = engine(name).compile(network, parameters, Adam(0.01))
    losses.append([program.step(Batch(x, labels, network.dropout_masks(3, 0, i)), 0.01)[0] for i in range(3)])
assert np.allclose(*losses, atol=1e-4), losses
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
