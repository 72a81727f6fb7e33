"""A data set and a network so small that a whole training run takes a blink, for tests of all around the engine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from comparing import assert_same_bits

from convlet.datasets import Dataset, Examples
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.data_source import DataSource
from convlet.runs.evaluation import Evaluation
from convlet.runs.recipe import Recipe, Training
from convlet.training.fit import fit_recipe

CLASSES = ("ant", "bee", "cat")
SHAPE = (5, 4, 1)
HELPERS = Path(__file__).parent
ROOT = HELPERS.parents[1]

# Dropout for its masks, batch normalisation for weights that are moved but not learnt.
NETWORK = Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dropout(0.5), Dense(3)], SHAPE)


def dataset(train=23, validation=9, test=11, seed=0):
    """Images whose brightness tells their class, more or less: there is something to learn, and to get wrong."""
    generator = np.random.default_rng(seed)

    def part(count):
        labels = np.arange(count) % 3
        images = generator.integers(0, 120, (count, *SHAPE)) + 60 * labels[:, None, None, None]
        return Examples.from_arrays(images.astype(np.uint8), labels, classes=3) if count else None

    return Dataset("tiny", CLASSES, part(train), part(validation), part(test))


def save_npz(path, data):
    """The data set as an .npz, as `--data` takes it. (Its classes become "0", "1", "2".)"""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    there = {name: part for name, part in parts.items() if part is not None}
    np.savez(path, **{f"x_{n}": p.images for n, p in there.items()}, **{f"y_{n}": p.labels for n, p in there.items()})
    return path


FITTING = ("run_dir", "resume", "watch", "initial")


def train(data=None, *, network=NETWORK, batch_size=4, optimizer=None, augmentation=(), **options):
    """A run on the numpy engine, without pictures: options are those of `fit_recipe` and of `Training`."""
    fitting = {name: options.pop(name) for name in FITTING if name in options}
    training = Training(batch_size=batch_size, **options)
    recipe = Recipe("fit", network, training, optimizer or Adam(), DataSource("in memory"), augmentation=augmentation)
    return fit_recipe(recipe, dataset() if data is None else data, engine="numpy", **fitting)


def fingerprint(run):
    """All that has to be equal for two runs to have been the same: weights, moments, step, history."""
    state = run.program.state()
    return weights_sha256(state.parameters), weights_sha256(state.slots), state.step, run.history


def in_new_process(code, *arguments, timeout=60):
    """The standard output of a Python program that can import the tests' helpers."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(**more):
    """This process's environment, with one thread and the tests' helpers in reach."""
    path = os.pathsep.join(filter(None, [str(HELPERS), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "CONVLET_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path, **more}


class Killed(BaseException):
    """Stands for a kill: after it nothing more is saved."""


def killed_after(steps):
    """A watcher that kills the run when that many steps are taken."""

    def dead():
        raise Killed

    def watch(run):
        if run.history.steps == steps and run.clock.taken:
            run.checkpoint = dead
            raise Killed

    return watch


def accuracies(monkeypatch, accuracies):
    """Let validations have these accuracies, and losses of 1."""
    values = iter(accuracies)

    class Scripted(Evaluation):
        loss = 1.0

        @property
        def accuracy(self):
            return self.script

    def evaluate(self, examples, *, stop=None):
        evaluation = Scripted(np.zeros((1, 3)), np.zeros(1, int))
        object.__setattr__(evaluation, "script", next(values))
        return evaluation

    monkeypatch.setattr("convlet.runs.run.Run.evaluate", evaluate)


def assert_same_checkpoint(actual, expected):
    for part in ("network", "classes", "history", "seed"):
        assert getattr(actual, part) == getattr(expected, part)
    assert actual.state.step == expected.state.step
    assert_same_bits(actual.state.parameters, expected.state.parameters)
    assert_same_bits(actual.state.slots, expected.state.slots)
