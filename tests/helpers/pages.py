"""A page of a tiny network, served in this process or for a browser, for tests of everything around `explore`."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import tiny

from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.explore.content import Content
from convlet.explore.studio import Studio
from convlet.runs.recipe import Recipe, Training

TOKEN = "a-token-of-the-tests"


def digits(train=400, test=120):
    """A little of MNIST, in both parts."""
    from convlet.datasets import mnist

    whole = mnist()
    return replace(whole, train=whole.train.take(slice(train)), validation=None, test=whole.test.take(slice(test)))


DIGITS = Sequential(
    [
        Conv2D(3, 3, padding="same", activation="relu"),
        MaxPooling2D(2),
        Conv2D(4, 3, activation="tanh"),
        BatchNormalization(),
        MaxPooling2D(2),
        Flatten(),
        Dropout(0.25),
        Dense(10),
    ],
    (28, 28, 1),
)


def content(network=tiny.NETWORK, data=None, *, steps=30):
    """What a run's page is given, on the numpy engine; no weight of it is 0."""
    data = tiny.dataset() if data is None else data
    recipe = Recipe("tiny", network, Training(batch_size=4, steps=steps), Adam(1e-2))
    generator = np.random.default_rng(1)

    def other(name, array):
        off = generator.uniform(0.05, 0.2, array.shape) * generator.choice((-1, 1), array.shape)
        return (array + (np.abs(off) if "variance" in name else off)).astype(array.dtype)

    parameters = {name: other(name, array) for name, array in network.initial_parameters(0).items()}
    return Content("tiny", network, parameters, data.classes, recipe, "numpy", data, data.test, 0, {})


@contextmanager
def studio(*arguments, fresh=False, **options):
    """A studio with a page's content; its thread ends with it."""
    made = Studio(content(*arguments, **options), fresh=fresh)
    try:
        yield made
    finally:
        made.end()
        made.worker.join(20)


@contextmanager
def served(made, **options):
    """The address of a page that a thread of this process serves."""
    from convlet.explore import server

    told, addresses = threading.Event(), []

    def said(address):
        addresses.append(address)
        told.set()

    stop = server.Stopper()
    thread = threading.Thread(
        target=lambda: server.serve(made, port=0, browser=False, said=said, stopper=stop, **options), daemon=True
    )
    thread.start()
    assert told.wait(30)
    try:
        yield addresses[0]
    finally:
        stop()
        thread.join(20)


def wait_until(true, seconds=60):
    """Wait for something that another thread brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
