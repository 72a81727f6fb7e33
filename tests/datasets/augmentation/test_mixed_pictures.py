"""Mixup: shares as the Beta distribution says, partners from all of the data, labels mixed as the images are."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

from convlet.datasets import Dataset
from convlet.datasets.augmentation import Choices, augment, pictures
from convlet.datasets.augmentation.mixing import larger_share, mixture
from convlet.descriptions.augmentation import Flip, Mixup, Shift
from convlet.engines import engine
from convlet.losses import cross_entropies
from convlet.runs.recipe import Recipe, Training
from convlet.training.batches import batch_indices, batch_of_step

DATA = tiny.dataset()


def choices(images, epoch=0):
    return Choices(0, np.full(images, epoch), np.arange(images))


def recipe(augmentation, **training):
    training = {"batch_size": 5, "steps": 12, **training}
    return Recipe("mixed", tiny.NETWORK, Training(**training), augmentation=augmentation)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 2.0, 30.0])
def test_shares_are_those_of_the_beta_distribution(alpha):
    chances = np.linspace(0.02, 0.98, 49)
    drawn = np.random.default_rng(0).beta(alpha, alpha, 400_000)
    drawn = np.maximum(drawn, 1 - drawn)
    shares = larger_share(alpha, 1 - chances)
    reached = np.array([(drawn <= share + 1e-6).mean() for share in shares])
    large = shares < 1 - 1e-5
    np.testing.assert_allclose(reached[large], chances[large], atol=0.004)
    assert shares.min() >= 0.5 and shares.max() <= 1 and (np.diff(shares) >= 0).all()


def test_every_image_may_be_a_partner_and_each_is_as_likely_as_the_others():
    mixed = mixture(Mixup(1.0), choices(20_000), 10)
    assert np.bincount(mixed.partners, minlength=10).min() > 1800
    assert len(np.bincount(mixed.partners)) == 10


def test_a_mixed_picture_is_its_share_of_the_image_and_the_rest_of_its_partner_both_augmented():
    kinds, chosen = (Shift(0.2), Flip(), Mixup(1.0)), choices(23)
    images, mixed = pictures(DATA.train, kinds, chosen)
    own = augment(DATA.train.batch(chosen.images)[0], kinds[:2], chosen)
    for n, (partner, share) in enumerate(zip(mixed.partners, mixed.shares, strict=True)):
        np.testing.assert_allclose(images[n], share * own[n] + (1 - share) * own[partner], atol=1e-6)


def test_without_mixup_nothing_is_mixed():
    images, mixed = pictures(DATA.train, (Flip(),), choices(5))
    assert mixed is None
    assert np.array_equal(images, augment(DATA.train.batch(np.arange(5))[0], (Flip(),), choices(5)))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_a_mixed_image_is_that_of_both_labels_by_share_and_weight(smoothing, weighted):
    own = np.random.default_rng(0).uniform(0.5, 2, 23) if weighted else None
    data = Dataset.from_arrays(DATA.train.images, DATA.train.labels, sample_weight=own)
    training = {"label_smoothing": smoothing, "class_weights": {"1": 3.0} if weighted else None}
    batch = batch_of_step(recipe((Mixup(1.0),), **training), data.train, 2, engine="numpy")
    indices = batch_indices(23, 5, 0, 2)
    mixed = mixture(Mixup(1.0), Choices(0, np.zeros(5, np.int64), indices), 23)
    logits = np.random.default_rng(1).normal(size=(5, 3))

    def loss(image, row):
        label = data.train.labels[image]
        weight = (own[image] if weighted else 1) * (3 if weighted and label == 1 else 1)
        each = cross_entropies(np.tile(row, (3, 1)), np.arange(3))
        return weight * ((1 - smoothing) * each[label] + smoothing * each.mean())

    weights = np.ones(5) if batch.weights is None else batch.weights
    for n in range(5):
        each = cross_entropies(np.tile(logits[n], (3, 1)), np.arange(3))
        actual = weights[n] * (batch.targets[n] * each).sum()
        share = mixed.shares[n]
        expected = share * loss(indices[n], logits[n]) + (1 - share) * loss(mixed.partners[n], logits[n])
        assert actual == pytest.approx(expected, rel=1e-5)
    assert (batch.weights is None) == (not weighted)


def test_engines_learn_the_same_from_mixed_images():
    batches = [
        batch_of_step(recipe((Shift(0.1), Mixup(0.4))), DATA.train, 1, engine=name) for name in ("numpy", "numba")
    ]
    assert_same_bits(
        {"x": batches[0].images, "t": batches[0].targets}, {"x": batches[1].images, "t": batches[1].targets}
    )
    losses = []
    for name, batch in zip(("numpy", "numba"), batches, strict=True):
        program = engine(name).compile(tiny.NETWORK, tiny.NETWORK.initial_parameters(0))
        losses.append(program.gradients(batch)[0])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_a_run_on_mixed_images_goes_on_as_if_it_had_not_been_stopped(tmp_path, no_flushing):
    options = {"steps": 14, "augmentation": (Mixup(0.5),), "label_smoothing": 0.1}
    whole = tiny.train(**options)
    with pytest.raises(tiny.Killed):
        tiny.train(**options, run_dir=tmp_path / "r", watch=tiny.killed_after(5))
    assert tiny.fingerprint(tiny.train(**options, run_dir=tmp_path / "r", resume=True)) == tiny.fingerprint(whole)
    assert tiny.fingerprint(tiny.train(**{**options, "augmentation": ()})) != tiny.fingerprint(whole)
    assert replace(recipe(()), augmentation=(Mixup(),)).augmentation == (Mixup(0.2),)
