"""A fork beside threads that compile or compute: the child finds every lock free, and every program whole."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from llvmlite.binding import ffi
from numba import config
from numba.core.compiler_lock import global_compiler_lock

from convlet.descriptions.layers import Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD
from convlet.engines import Batch
from convlet.engines.numba import compile
from convlet.engines.numba.buffers import buffer
from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.running import forks
from convlet.engines.numba.running.entries import entry

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]
NETWORK = Sequential([Flatten(), Dense(3)], (4, 4, 1))
IMAGES, LABELS = np.linspace(0, 1, 8 * 16, dtype=np.float32).reshape(8, 4, 4, 1), np.arange(8) % 3
SECONDS = 60  # after which a child that hangs is given up


def trainable():
    return compile(NETWORK, NETWORK.initial_parameters(seed=0), SGD(0.1))


def in_a_child(work):
    """Whether work() came to its end, and was true, in a forked child; it is killed where it hangs."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    for _ in range(SECONDS * 20):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def compiles_and_computes():
    return entry(made(3), (buffer(1),)) != 0 and trainable().predict(IMAGES).shape == (8, 3)


def made(number):
    @kernel
    def new(low, high, x):
        x[low] = number

    return new


@pytest.mark.parametrize("guard", ["Numba's compiler", "LLVM", "a program", "programs being made"])
def test_a_lock_that_another_thread_holds_is_free_in_the_child(guard):
    mine = trainable()
    mine.predict(IMAGES)
    lock = {
        "Numba's compiler": global_compiler_lock,
        "LLVM": ffi.lib._lock,
        "a program": mine._lock,
        "programs being made": forks._known,
    }[guard]
    held = threading.Event()

    def hold():
        with lock:
            held.set()
            time.sleep(0.5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert in_a_child(lambda: compiles_and_computes() and mine.predict(IMAGES).shape == (8, 3))
    holder.join()
    assert compiles_and_computes()  # and in the parent


def test_a_child_never_sees_half_a_step():
    """The last job of a step counts it, so a state's number of steps tells what its weights must be."""
    mine, ended, weights = trainable(), threading.Event(), []
    for _ in range(300):
        mine.step(Batch(IMAGES, LABELS), 0.1)
        weights.append(mine.state().parameters["dense_1/kernel"])
    mine.restore(trainable().state())

    def train():
        while not ended.is_set() and mine.state().step < 300:
            mine.step(Batch(IMAGES, LABELS), 0.1)

    def whole():
        state = mine.state()
        known = state.step == 0 or (state.parameters["dense_1/kernel"] == weights[state.step - 1]).all()
        mine.step(Batch(IMAGES, LABELS), 0.1)
        return known and mine.state().step == state.step + 1

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        assert all(in_a_child(whole) for _ in range(5))
    finally:
        ended.set()
        trainer.join()


def test_several_threads_may_fork_at_the_same_time():
    answers = []
    forking = [threading.Thread(target=lambda: answers.append(in_a_child(lambda: True))) for _ in range(4)]
    for thread in forking:
        thread.start()
    for thread in forking:
        thread.join(timeout=SECONDS)
    assert answers == [True] * 4
    assert forks._known.acquire(blocking=False)
    forks._known.release()


def test_a_thread_that_forks_while_it_holds_a_lock_keeps_it():
    mine = trainable()
    with mine._lock, global_compiler_lock:
        assert in_a_child(compiles_and_computes)
        assert global_compiler_lock.is_locked()


def test_a_fork_while_another_thread_compiles(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    begun, compiled = threading.Event(), []

    def compile_some():
        for number in range(10):
            begun.set()
            compiled.append(entry(made(number), (buffer(1),)))

    thread = threading.Thread(target=compile_some)
    thread.start()
    begun.wait()
    assert in_a_child(compiles_and_computes)
    thread.join(timeout=SECONDS)
    assert len(compiled) == 10
