"""A process of a run: `python one_of_several.py '{"place": 1, "hosts": […], …}'`. Prints each loss; then, as JSON, how
it ended. Not a test itself: `test_keras_distribution.py` starts several of these.

`start` and `stop` are the first step and the one after the last; `saved` an .npz file to start from and, where
another process is lost, to save to; `prepare` a batch size to prepare for; `at` a step before which this process
sends itself the signal `signal`.
"""

import hashlib
import json
import os
import sys

import numpy as np

from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.engines import Batch, State, engine, group, use_backend
from convlet.errors import GroupError, InputError

NETWORK = Sequential(
    [
        Conv2D(4, 3, padding="same", use_bias=False),
        BatchNormalization(),
        MaxPooling2D(2),
        Flatten(),
        Dense(16, "relu"),
        Dropout(0.5),
        Dense(10),
    ],
    (12, 12, 1),
)
SIZES = (8, 8, 6, 7)  # of batches, in turn; the last cannot be halved


def batch(step):
    generator, size = np.random.default_rng(step), SIZES[step % len(SIZES)]
    images = generator.random((size, *NETWORK.input_shape), np.float32)
    return Batch(images, generator.integers(10, size=size), NETWORK.dropout_masks(size, 0, step))


def save(state, path):
    arrays = {f"parameters {name}": array for name, array in state.parameters.items()}
    np.savez(path, step=state.step, **arrays, **{f"slots {name}": array for name, array in state.slots.items()})


def load(path):
    with np.load(path) as arrays:
        parts = [
            {name.split()[1]: arrays[name] for name in arrays if name.startswith(part)}
            for part in ("parameters", "slots")
        ]
        return State(*parts, int(arrays["step"]))


def sha256(state):
    digest = hashlib.sha256()
    for arrays in (state.parameters, state.slots):
        for array in arrays.values():
            digest.update(array.tobytes())
    return digest.hexdigest()


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(hosts, place, start=0, stop=8, saved=None, at=None, signal=None, patience=60, prepare=None):
    use_backend("jax")
    if hosts:
        group(hosts, place).join({"network": json.dumps(NETWORK.to_table())})
    program = engine("keras").compile(NETWORK, NETWORK.initial_parameters(0), Adam())
    from convlet.engines.keras import sharding

    sharding.PATIENCE = patience
    if start:
        program.restore(load(saved))
    try:
        if prepare:
            program.prepare(prepare)
        for step in range(start, stop):
            if step == at:
                os.kill(os.getpid(), signal)
            loss, correct = program.step(batch(step), 0.01)
            say([step, loss, correct])
    except InputError as error:
        say({"error": str(error)})
        return 1
    except GroupError as error:
        save(program.state(), saved)
        say({"error": str(error), "step": program.state().step})
        return 1
    gradients_loss, _ = program.gradients(batch(0))
    state = program.state()
    first = [float(number) for number in program.predict(batch(0).images)[0]]  # this process's own, without the others
    ended = {"step": state.step, "sha256": sha256(state), "loss": gradients_loss, "first": first}
    say(ended)
    return 0


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.argv[1])))
