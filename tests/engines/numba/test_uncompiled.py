"""With NUMBA_DISABLE_JIT=1 nothing is compiled, and all works as before: slowly, for a debugger to see."""

import pytest
import tiny

PROGRAM = """
import sys
import numpy as np
import tiny
from convlet import experiment
from convlet import (
    SGD, Activation, Adam, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout, Flatten,
    GlobalAveragePooling2D, MaxPooling2D, Sequential, fit, load,
)
from numba import config
assert config.DISABLE_JIT
experiment.draw_run = lambda *arguments, **what: None  # nothing of it is compiled, and it is slow

spread = dict(rtol=0, atol=2e-4)
images = [
    Conv2D(8, 3, padding="same", activation="relu"), Conv2D(8, 5, padding="same", use_bias=False), BatchNormalization(),
    Activation("relu"), MaxPooling2D(2), Dropout(0.3),
]
networks = {
    "flat": [*images, AveragePooling2D(2, 1, "same"), Flatten(), Dense(5, "sigmoid"), Dropout(0.5), Dense(3)],
    "averaged": [Conv2D(4, 2, 2, activation="tanh"), GlobalAveragePooling2D(), Dense(3)],
}
optimizers = {"sgd": SGD(0.1), "momentum": SGD(0.05, momentum=0.9), "adam": Adam(0.01)}
network, optimizer = Sequential(networks[sys.argv[2]], tiny.SHAPE), optimizers[sys.argv[3]]
data, folder = tiny.dataset(), sys.argv[1] + "/run"
options = dict(optimizer=optimizer, batch_size=4, seed=1)

whole = fit(network, data, steps=3, **options)
reference = tiny.train(data, network=network, steps=3, optimizer=optimizer, seed=1)
assert (whole.engine, reference.engine) == ("numba", "numpy")
for name, array in reference.program.state().parameters.items():
    np.testing.assert_allclose(whole.program.state().parameters[name], array, **spread, err_msg=name)
assert np.isclose(whole.evaluate(data.test).loss, reference.evaluate(data.test).loss, **spread)

fit(network, data, steps=1, run_dir=folder, **options)
resumed = fit(network, data, steps=3, run_dir=folder, resume=True, **options)
assert tiny.fingerprint(resumed)[:3] == tiny.fingerprint(whole)[:3]
saved, images = load(folder), data.test.images
np.testing.assert_array_equal(saved.predict(images), resumed.predict(images))
ours, theirs = (run.program.activations(images[:2]) for run in (resumed, reference))
for name, array in theirs.items():
    np.testing.assert_allclose(ours[name], array, **spread, err_msg=name)
print("done")
"""


@pytest.mark.parametrize(("network", "optimizer"), [("flat", "adam"), ("averaged", "momentum"), ("averaged", "sgd")])
def test_a_run_is_trained_evaluated_saved_and_resumed_without_a_compiler(tmp_path, monkeypatch, network, optimizer):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert tiny.in_new_process(PROGRAM, tmp_path, network, optimizer, timeout=280) == "done\n"
