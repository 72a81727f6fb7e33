"""Runs on augmented images: the same pictures on every engine, stopped or not; and what is refused beforehand."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

import convlet as cl
from convlet.datasets import Dataset, load, mnist
from convlet.descriptions.augmentation import (
    Brightness,
    Contrast,
    Crop,
    Elastic,
    Erasing,
    Flip,
    Rotation,
    Scale,
    Shear,
    Shift,
)
from convlet.environment import THREADS
from convlet.errors import InputError, RecipeError
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training, parse_recipe
from convlet.training.batches import batch_indices, batch_of_step
from convlet.training.rate_range import try_rates

ALL = (
    *(Shift(0.1), Rotation(10), Scale(0.2), Shear(5), Flip(alternating=True), Crop(1), Elastic(0.05, 3)),
    *(Brightness(0.1), Contrast(0.2), Erasing(0.3)),
)
DATA = tiny.dataset()


def recipe(augmentation=ALL, **training):
    training = {"batch_size": 5, "steps": 12, **training}
    return Recipe("augmented", tiny.NETWORK, Training(**training), augmentation=augmentation)


def test_every_engine_is_given_the_same_pictures_also_where_a_batch_lies_in_two_epochs():
    for step in range(10):
        batches = [batch_of_step(recipe(), DATA.train, step, engine=engine) for engine in ("numpy", "numba", "keras")]
        for other in batches[1:]:
            assert_same_bits({"images": other.images}, {"images": batches[0].images})


def test_training_images_are_changed_and_their_labels_are_not():
    plain, changed = (batch_of_step(recipe(kinds), DATA.train, 3, engine="numpy") for kinds in ((), ALL))
    assert (plain.images != changed.images).any(axis=(1, 2, 3)).all()
    assert np.array_equal(plain.labels, changed.labels)
    assert np.array_equal(plain.labels, DATA.train.labels[batch_indices(23, 5, 0, 3)])


def test_an_image_is_another_one_in_the_next_epoch():
    """Batches of all images: the image of each place, in the order of the data."""
    seen = []
    for step in (0, 1):
        images = batch_of_step(recipe(batch_size=23), DATA.train, step, engine="numpy").images
        seen.append(images[np.argsort(batch_indices(23, 23, 0, step))])
    assert (seen[0] != seen[1]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_and_a_range_test_make_their_pictures_in_a_thread_of_their_own_only_where_they_may(monkeypatch, threads):
    monkeypatch.setenv(THREADS, str(threads))
    seen = []

    def watch(*what):
        seen.append("batches ahead" in [thread.name for thread in threading.enumerate()])

    tiny.train(steps=12, augmentation=ALL, watch=watch)
    try_rates(recipe(), DATA, engine="numpy", steps=12, watch=watch)
    assert len(seen) > 20 and any(seen) == (threads > 1)


def test_what_makes_pictures_is_compiled_before_a_range_test_begins():
    prepared = []
    try_rates(recipe(), DATA, engine="numba", steps=10, preparing=lambda done, total, part: prepared.append(part))
    assert prepared[-1] == "augmentation"


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, no_flushing):
    options = {"steps": 23, "augmentation": ALL}
    whole = tiny.train(**options)
    for steps in (4, 9):
        with pytest.raises(tiny.Killed):
            tiny.train(**options, run_dir=tmp_path / f"{steps}", watch=tiny.killed_after(steps))
        resumed = tiny.train(**options, run_dir=tmp_path / f"{steps}", resume=True)
        assert tiny.fingerprint(resumed) == tiny.fingerprint(whole)
    assert tiny.fingerprint(whole) != tiny.fingerprint(tiny.train(steps=23))


def test_a_run_goes_on_with_the_augmentation_that_it_began_with(tmp_path, no_flushing):
    tiny.train(steps=5, augmentation=[Shift(0.1)], run_dir=tmp_path / "r")
    with pytest.raises(InputError, match=r"augmentation=\(\): the run in .* has \(Shift"):
        tiny.train(steps=9, run_dir=tmp_path / "r", resume=True)


@pytest.mark.parametrize("kind", ["digits", "letters"])
def test_flips_of_digits_and_letters_are_refused_unless_insisted_on(kind):
    data = replace(DATA, kind=kind)
    with pytest.raises(InputError, match=rf"^augmentation: Flip on 'tiny', whose images are {kind}: .* insist=True"):
        tiny.train(data, steps=1, augmentation=[Flip()])
    tiny.train(data, steps=1, augmentation=[Flip(insist=True)])
    tiny.train(DATA, steps=1, augmentation=[Flip()])


def test_mnist_is_of_digits_also_as_files(tmp_path):
    images = np.zeros((60_000, 1, 1), np.uint8)
    images[0] = 255
    digits = np.concatenate([mnist().validation.labels, mnist().train.labels])
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=digits)
    np.savez(tmp_path / "other.npz", x_train=images, y_train=digits[::-1])
    assert mnist().kind == load(tmp_path / "mnist.npz").kind == "digits"
    assert load(tmp_path / "other.npz").kind is None
    assert DataSource(str(tmp_path / "other.npz"), kind="letters").load().kind == "letters"


def test_a_kind_that_there_is_not_is_refused():
    for make in (lambda: replace(DATA, kind="number"), lambda: DataSource(kind="number")):
        with pytest.raises(InputError, match=r"^kind='number': expected one of 'digits', 'letters', none"):
            make()
    assert Dataset.from_arrays(np.ones((2, 3, 3)), [0, 1], kind="letters").kind == "letters"


def test_a_recipe_with_augmentation_is_written_and_read_again():
    text = recipe().to_toml()
    assert parse_recipe(text, "x") == recipe()
    assert '{ type = "Flip", alternating = true }' in text
    assert "augmentation" not in recipe(()).to_toml()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('augmentation = "Shift"', "x.toml: augmentation='Shift': expected a list of tables"),
        ('augmentation = { type = "Flip" }', "x.toml: augmentation={'type': 'Flip'}: expected a list of tables"),
        ("augmentation = [3]", r"x.toml: augmentation\[1\]: expected a table with a 'type', not 3"),
        ('augmentation = [{ type = "Flip" }, { type = "Shfit" }]', r"x.toml: augmentation\[2\]: .*mean 'Shift'"),
        ('augmentation = [{ type = "Shift" }]', r"x.toml: augmentation\[1\]: 'amount' is missing"),
        ('augmentation = [{ type = "Shift", amount = 2 }]', r"x.toml: augmentation\[1\]: amount=2: expected"),
        ('augmentation = [{ type = "Flip" }, { type = "Flip" }]', "x.toml: augmentation: Flip stands there twice"),
    ],
)
def test_augmentation_that_cannot_be_is_refused_when_the_recipe_is_read(written, message):
    rest = '\ntraining = { steps = 1 }\nnetwork = { input_shape = [2], layers = [{ type = "Dense", units = 2 }] }'
    with pytest.raises(RecipeError, match=f"^{message}"):
        parse_recipe(written + rest, "x.toml")


def test_fit_takes_augmentation_and_refuses_what_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.experiment.draw_run", lambda *_, **__: None)
    options = {"engine": "numpy", "steps": 3, "batch_size": 4, "progress": False}
    run = cl.fit(tiny.NETWORK, DATA, augmentation=[Shift(0.2)], run_dir=tmp_path / "r", **options)
    assert tiny.fingerprint(run) == tiny.fingerprint(tiny.train(steps=3, augmentation=(Shift(0.2),)))
    assert parse_recipe((tmp_path / "r" / "recipe.toml").read_text("utf-8"), "r").augmentation == (Shift(0.2),)
    with pytest.raises(InputError, match=r"augmentation=Shift.*: expected a list of them"):
        cl.fit(tiny.NETWORK, DATA, augmentation=Shift(0.2), **options)


def test_no_thread_is_left_however_training_ends(no_flushing, tmp_path):
    import threading

    before = threading.active_count()
    tiny.train(steps=9, augmentation=ALL)
    with pytest.raises(tiny.Killed):
        tiny.train(steps=9, watch=tiny.killed_after(4), run_dir=tmp_path / "r")
    assert threading.active_count() == before
