"""What is on disk is whole: round trips, disks that fail at every call, kills while saving, hostile files."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples
from strategies import networks

from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines import State
from convlet.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, weights_sha256
from convlet.runs.history import History
from convlet.runs.run import load

# --- round trip -------------------------------------------------------------------------------------------------------

any_float = st.floats(allow_nan=False, width=64)


@st.composite
def checkpoints(draw):
    network = draw(networks())
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    seed = draw(st.integers(0, 2**63 - 1))
    parameters = network.initial_parameters(seed, dtype)
    optimizer = draw(st.sampled_from([SGD(0.1), SGD(0.1, momentum=0.9), Adam()]))
    slots = {
        f"{n}/{s}": np.random.default_rng(0).normal(size=a.shape).astype(dtype)
        for n, a in parameters.items()
        for s in optimizer.slots
    }
    steps = draw(st.integers(0, 5))
    history = History(
        draw(st.integers(1, 2**40)),
        draw(st.lists(any_float, min_size=steps, max_size=steps)),
        draw(st.lists(st.integers(0, 2**40), min_size=steps, max_size=steps)),
        draw(st.lists(st.tuples(st.integers(0, 2**40), any_float, st.floats(0, 1)), max_size=3)),
        draw(st.lists(st.tuples(st.integers(0, 2**40), st.floats(0, 1)), max_size=3)),
    )
    classes = tuple(
        draw(st.lists(st.text(max_size=5), min_size=network.output_shape[0], max_size=network.output_shape[0]))
    )
    return Checkpoint(network, classes, State(parameters, slots, draw(st.integers(0, steps))), history, seed)


@examples(30)
@given(saved=checkpoints())
def test_a_checkpoint_is_read_back_as_it_was(saved, tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "c.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        save_checkpoint(path, saved)
    tiny.assert_same_checkpoint(load_checkpoint(path), saved)


def test_a_run_predicts_the_same_after_saving_and_loading(tmp_path):
    run = tiny.train(steps=5)
    run.save(tmp_path / "mine.safetensors")
    images = tiny.dataset().test.images
    loaded = load(tmp_path / "mine.safetensors", engine="numpy")
    assert_same_bits(loaded.predict(images), run.predict(images))
    assert (loaded.classes, loaded.history, loaded.seed) == (run.classes, run.history, run.seed)


def test_the_weights_of_a_run_can_be_read_without_convlet(tmp_path):
    from safetensors import safe_open

    run = tiny.train(steps=2)
    run.save(tmp_path / "mine.safetensors")
    with safe_open(tmp_path / "mine.safetensors", framework="numpy") as file:
        metadata = file.metadata()
        kernel = file.get_tensor("parameters/dense_1/kernel")
    assert_same_bits(kernel, run.program.state().parameters["dense_1/kernel"])
    assert json.loads(metadata["classes"]) == list(tiny.CLASSES)
    assert (metadata["format"], metadata["step"], metadata["preprocessing"]) == ("convlet 1", "2", "uint8 / 255")


def test_a_fingerprint_depends_on_names_shapes_types_and_every_bit():
    base = {"a": np.zeros((2, 3), np.float32), "b": np.ones(1, np.float32)}
    others = [
        {**base, "a": np.zeros((3, 2), np.float32)},
        {**base, "a": np.zeros((2, 3), np.float64)},
        {**base, "a": -base["a"]},
        {"c": base["a"], "b": base["b"]},
        {"a": base["a"]},
    ]
    fingerprints = {weights_sha256(weights) for weights in (base, *others)}
    assert len(fingerprints) == 6
    assert weights_sha256(dict(reversed(base.items()))) in fingerprints
    assert weights_sha256({**base, "a": np.zeros((3, 2), np.float32).T}) == weights_sha256(base)


# --- kills ------------------------------------------------------------------------------------------------------------

SAVING = """
import sys, tiny
from pathlib import Path
from convlet.runs.checkpoint import save_checkpoint
runs = [tiny.train(steps=n).checkpoint() for n in (1, 2)]
print("ready", flush=True)
while True:
    for run in runs:
        save_checkpoint(Path(sys.argv[1]), run)
"""


def test_a_process_killed_at_any_moment_of_saving_leaves_a_whole_checkpoint(tmp_path):
    path, seen = tmp_path / "last.safetensors", set()
    expected = {n: tiny.train(steps=n).checkpoint() for n in (1, 2)}
    generator = np.random.default_rng(0)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, path], stdout=subprocess.PIPE, env=tiny.environment()
        ) as process:
            process.stdout.readline()
            time.sleep(0.02 + generator.uniform(0, 0.05))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        found = load_checkpoint(path)
        tiny.assert_same_checkpoint(found, expected[found.state.step])
        seen.add(found.state.step)
    assert seen


def test_what_a_kill_left_is_cleared_away_when_the_run_goes_on(tmp_path):
    tiny.train(steps=3, run_dir=tmp_path / "r")
    (tmp_path / "r" / ".last.safetensors.a1b2c3").write_bytes(b"half")
    (tmp_path / "r" / ".mine").write_bytes(b"not ours")
    tiny.train(steps=3, run_dir=tmp_path / "r", resume=True)
    assert sorted(path.name for path in (tmp_path / "r").iterdir() if path.name.startswith(".")) == [".mine"]
