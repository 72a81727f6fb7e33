"""How much an image counts: by its class, by itself, in the batch that a step learns from, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from comparing import ROUNDING, assert_agree

from convlet import fit
from convlet.datasets import Dataset, Examples
from convlet.datasets import load as load_data
from convlet.descriptions.layers import Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD
from convlet.errors import DataError, InputError
from convlet.losses import smoothed
from convlet.runs.recipe import Recipe, Training
from convlet.training.batches import batch_indices, batch_of_step
from convlet.training.weighting import class_weights

IMAGES = np.random.default_rng(0).random((9, *tiny.SHAPE))
LABELS = np.array(["a", "b", "c"])[[0, 0, 0, 0, 0, 0, 1, 1, 2]]
OWN = np.arange(1, 10) / 4


def test_balanced_classes_count_alike_and_images_one_in_the_mean():
    examples = Examples.from_arrays(IMAGES, LABELS, classes=("a", "b", "c"))
    weights = class_weights(examples, "balanced")
    assert_agree(weights, np.float32([9 / (3 * 6), 9 / (3 * 2), 9 / 3]), ROUNDING)
    assert weights[examples.labels].mean() == pytest.approx(1)


def test_a_class_without_images_takes_no_part_in_the_balance():
    examples = Examples.from_arrays(IMAGES, LABELS, classes=("a", "b", "c", "d"))
    assert class_weights(examples, "balanced")[:3].tolist() == [0.5, 1.5, 3.0]


def test_a_batch_has_the_weights_of_its_classes_times_its_images_own_and_smoothed_labels():
    data = Dataset.from_arrays(IMAGES, LABELS, sample_weight=OWN)
    training = Training(batch_size=4, steps=5, label_smoothing=0.3, class_weights={"b": 5.0, "c": 0.5})
    for step in range(3):
        chosen = batch_indices(9, 4, 0, step)
        batch = batch_of_step(Recipe("x", tiny.NETWORK, training), data.train, step, engine="numpy")
        by_class = np.array([{"a": 1, "b": 5, "c": 0.5}[label] for label in LABELS[chosen]])
        assert batch.weights.tolist() == (by_class * OWN[chosen]).tolist()
        assert batch.targets.tolist() == smoothed(data.train.labels[chosen], 3, 0.3).tolist()


def test_a_batch_where_all_count_alike_has_no_weights_and_no_targets():
    batch = batch_of_step(Recipe("x", tiny.NETWORK, Training(steps=1)), tiny.dataset().train, 0, engine="numpy")
    assert batch.weights is None and batch.targets is None


def test_weights_follow_their_images_into_every_part():
    data = Dataset.from_arrays(IMAGES, np.resize(LABELS, 9)[np.arange(9) % 6], sample_weight=OWN, validation=0.2)
    for part in (data.train, data.validation, data.train.take([2, 0])):
        for image, weight in zip(part.images, part.sample_weight, strict=True):
            (place,) = np.flatnonzero((IMAGES.astype(np.float32) == image).all(axis=(1, 2, 3)))
            assert weight == OWN[place]


def test_data_with_other_weights_is_other_data():
    plain, weighted = (Dataset.from_arrays(IMAGES, LABELS, sample_weight=own) for own in (None, OWN))
    other = Dataset.from_arrays(IMAGES, LABELS, sample_weight=OWN[::-1])
    assert len({plain.sha256, weighted.sha256, other.sha256}) == 3


def test_weights_stand_in_an_npz(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=IMAGES, y_train=[0, 0, 0, 0, 0, 0, 1, 1, 2], w_train=OWN)
    assert load_data(tmp_path / "d.npz").train.sample_weight.tolist() == OWN.tolist()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (OWN[:3], r"sample_weight: shape \(3,\) and type float64 for 9 images; allowed: a number for each, \(9,\)"),
        (LABELS, r"sample_weight: shape \(9,\) and type <U1 for 9 images"),
        (OWN * 0, r"sample_weight: from 0.0 to 0.0; allowed: finite numbers above 0. Leave out the images"),
        (OWN * np.inf, "sample_weight: from inf to inf"),
        (np.full(9, 1e-60), "sample_weight: from 1e-60 to 1e-60"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(IMAGES, LABELS, sample_weight=weights)


def test_a_weight_for_a_class_that_is_not_there_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(InputError, match=r"class_weights: 'can' is none of the classes .* Did you mean 'cat'\?"):
        tiny.train(steps=2, class_weights={"ant": 2, "can": 2}, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_data_set_keeps_its_own_weights():
    with pytest.raises(InputError, match=r"sample_weight: it goes with data=\(images, labels\)"):
        fit(tiny.NETWORK, tiny.dataset(), sample_weight=np.ones(23), steps=1)


def test_training_learns_from_weights_and_evaluates_without():
    """A run that counts class 2 alone answers with it; the losses of its validations count all images."""
    data = replace(tiny.dataset(), name="weighted")
    network = Sequential([Flatten(), Dense(3)], tiny.SHAPE)
    weights = {"cat": 1.0, "ant": 1e-6, "bee": 1e-6}
    run = tiny.train(data, network=network, steps=60, optimizer=SGD(0.1), class_weights=weights)
    evaluation = run.evaluate(data.validation)
    assert (evaluation.predictions == 2).all() and evaluation.loss > 1
    assert run.history.validations[-1][1] == pytest.approx(float(evaluation.losses.mean()))


def test_a_resumed_run_smooths_and_weighs_as_if_it_had_never_stopped(tmp_path):
    options = {"label_smoothing": 0.1, "class_weights": "balanced"}
    whole = tiny.train(steps=9, **options)
    with pytest.raises(tiny.Killed):
        tiny.train(steps=9, run_dir=tmp_path / "run", watch=tiny.killed_after(8), **options)
    resumed = tiny.train(steps=9, run_dir=tmp_path / "run", resume=True, **options)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(whole)
    with pytest.raises(InputError, match=r"training.label_smoothing=0.2: the run in .* has 0.1; a run continues"):
        tiny.train(steps=9, run_dir=tmp_path / "run", resume=True, label_smoothing=0.2, class_weights="balanced")
