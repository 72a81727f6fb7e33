"""The linear baseline: softmax regression on the same pixels, what any network has to beat to be worth its weights.

It is trained on the run's own training images, on the numpy engine, in seconds: how long depends on the images alone,
so it is the same each time. The run folder keeps it, as the checkpoint that any run is.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np

from convlet.datasets import ByPart, Dataset
from convlet.descriptions.layers import Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.engines import engine
from convlet.errors import ConvletError
from convlet.runs.data_source import DataSource
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, Training
from convlet.runs.run import Run, load
from convlet.training.batches import batch_of_step
from convlet.training.initial import initial_parameters

FILE = "baseline.safetensors"
BATCHES = 50  # an epoch, of few images
SMALLEST, LARGEST = 16, 250
EPOCHS = 30  # of few images
IMAGES, PIXELS = 150_000, 1_000_000_000  # seen at most: some seconds
RATE = 8.0  # of Adam, for each of so many inputs: then the logits move as fast, however many pixels there are


def baseline_of(run: Run, data: Dataset | ByPart, *, keep: bool = False) -> Run | None:
    """A run's linear baseline: as its folder keeps it; else trained now, where these are the run's own data.

    None where they are others, or the run does not know its own. Only with `keep` it is written into the run's folder;
    raises StorageError where that cannot be.
    """
    if run.data is None or run.data.sha256 is None:
        return None
    folder = run.run_dir if run.run_dir and (run.run_dir / "recipe.toml").exists() else None
    if folder is not None and (kept := _kept(folder, run.data.sha256)) is not None:
        return kept
    if not isinstance(data, Dataset) or data.sha256 != run.data.sha256:
        return None
    trained = linear_baseline(data, run.seed)
    if folder is not None and keep:
        trained.save(folder / FILE)
    return trained


def _kept(folder: Path, fingerprint: str) -> Run | None:
    """The baseline in a run folder; None where there is none, or one of other data, or a damaged one."""
    with suppress(ConvletError):
        kept = load(folder / FILE, engine="numpy")
        if kept.data and kept.data.sha256 == fingerprint:
            return kept
    return None


def linear_baseline(data: Dataset, seed: int) -> Run:
    """Softmax regression on the pixels of the training images, by Adam, its rate down half a cosine."""
    network = Sequential([Flatten(), Dense(len(data.classes))], data.image_shape)
    batch = min(max(len(data.train) // BATCHES, SMALLEST), LARGEST, len(data.train))
    seen = min(EPOCHS * len(data.train), IMAGES, PIXELS // int(np.prod(data.image_shape)))
    training = Training(batch_size=batch, steps=max(seen // batch, 1), seed=seed)
    recipe = Recipe("baseline", network, training, Adam(), DataSource(data.source).resolved(data))
    learner = engine("numpy").compile(network, initial_parameters(network, data, seed), recipe.optimizer)
    history, total = History(batch), training.total_steps(len(data.train))
    rate = RATE / int(np.prod(data.image_shape))
    for step in range(total):
        images = batch_of_step(recipe, data.train, step, engine="numpy")
        history.record(*learner.step(images, rate * (1 + np.cos(np.pi * step / total)) / 2))
    program = engine("numpy").compile(network, learner.state().parameters)
    return Run(network, program, data.classes, history, seed, "numpy", total, data=recipe.data)
