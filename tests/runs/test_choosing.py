"""Which recipe is chosen for a data set, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from convlet import networks
from convlet.datasets import Dataset, mnist
from convlet.descriptions.augmentation import Flip, Rotation
from convlet.descriptions.networks import air, size_of
from convlet.descriptions.optimizers import AdamW
from convlet.descriptions.schedules import OneCycle
from convlet.errors import RecipeError
from convlet.runs.choosing import NETWORKS, chosen_recipe, validated
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import load_recipe, parse_recipe
from convlet.training.fit import fit_recipe
from convlet.training.weighting import class_weights


def images(*counts, names=("ant", "bee", "cat"), kind=None):
    """So many images of each class, of tiny's shape."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = tiny.dataset(train=len(labels)).train.images
    return Dataset.from_arrays(pixels, np.array(names)[labels], classes=names[: len(counts)], kind=kind)


def choice(data):
    found = chosen_recipe(data, DataSource("photos"))
    assert [topic for topic, _ in found.reasons] == ["network", "training", "augmentation", "classes"]
    return found.recipe, dict(found.reasons)


def test_more_images_and_more_minutes_choose_larger_networks_until_training_would_take_too_long():
    data = mnist()
    assert size_of(networks.chosen(data.shortened(1999), minutes=60)) == "S"
    assert [size_of(networks.chosen(data, minutes=m)) for m in (1, 5, 10, 30)] == ["S", "M", "L", "XL"]
    assert size_of(networks.chosen(data.shortened(5000))) == "L"


def test_too_few_images_to_whiten_choose_a_network_that_learns_its_first_layer():
    few = networks.chosen(images(2, 1))
    assert few == air("S", tiny.SHAPE, 3, whitened=False) or few == air("S", tiny.SHAPE, 2, whitened=False)
    assert few.trained_weights == few.weights
    enough = networks.chosen(images(20, 21))
    assert enough.trained_weights < enough.weights


def test_each_image_is_seen_eight_times_and_a_quarter_of_a_million_of_them_at_least():
    few, _ = choice(mnist().shortened(1000))
    assert choice(images(3, 3, 3))[0].training.epochs == 250  # by each of four networks, but none is seen more often
    assert few.training.epochs == 63 and few.training.validate_every == 3 and few.training.batch_size == 64
    many, said = choice(mnist())
    assert many.training.epochs == 8 and many.training.validate_every == 1 and many.training.batch_size == 256
    assert said["training"].startswith("8 epochs of 55,000 images, 256 a step")


def test_a_recipe_that_is_trained_otherwise_than_chosen_says_how():
    found = chosen_recipe(mnist().shortened(1000), DataSource("photos"))
    shorter = replace(found.recipe, training=found.recipe.training.changed(steps=80, label_smoothing=0.0))
    told = found.retold(shorter, 1000)
    said = "80 steps, 5.12 epochs of 1,000 images, 64 a step; one cycle of the rate"
    assert dict(told.reasons)["training"].startswith(said) and f"\ntraining: {said}" in told.recipe.description
    others = [line for line in told.recipe.description.split("\n") if not line.startswith("training: ")]
    assert others == [line for line in found.recipe.description.split("\n") if not line.startswith("training: ")]
    assert found.retold(found.recipe, 1000) == found
    own = replace(shorter, optimizer=AdamW(1e-3), ensemble=None)
    said = "80 steps, 5.12 epochs of 1,000 images, 64 a step"
    assert dict(found.retold(own, 1000).reasons)["training"] == said
    own = replace(own, optimizer=AdamW(OneCycle(1e-3)), ensemble=NETWORKS)
    told = f"{said}; one cycle of the rate, each network at another rate and decay"
    assert dict(found.retold(own, 1000).reasons)["training"] == told
    once = replace(shorter, training=found.recipe.training.changed(epochs=1))
    assert dict(found.retold(once, 1000).reasons)["training"].startswith("1 epoch of 1,000 images")


def test_where_a_time_is_given_there_are_as_many_epochs_as_fit_until_images_would_have_to_be_moved():
    epochs = {}
    for minutes in (1, 4.5, 5, 6):
        found = chosen_recipe(mnist(), DataSource("photos"), minutes=minutes).recipe
        epochs[minutes] = found.training.epochs
        assert found.augmentation == () and size_of(found.network) == ("S" if minutes == 1 else "M")
    assert epochs == {1: 8, 4.5: 10, 5: 11, 6: 11}


def test_few_images_are_learnt_by_several_networks_within_the_same_time_and_the_best_of_them_answer():
    few, said = choice(mnist().shortened(1999))
    assert few.ensemble.networks == 4 and few.ensemble.kept == 3
    assert 4 * few.training.epochs * 1999 < networks.sights(1999) + 4 * 1999
    assert "4 are trained, and the 3 best answer together" in said["network"]
    assert "each network at another rate and decay" in said["training"]
    unvalidated, said = choice(replace(mnist().shortened(1000), validation=None))
    assert unvalidated.ensemble.best is None and "4 are trained, and all answer together" in said["network"]
    assert choice(mnist().shortened(2000))[0].ensemble is None
    hurried = chosen_recipe(mnist().shortened(1000), DataSource("photos"), minutes=0.2)
    assert hurried.recipe.ensemble is None and hurried.recipe.training.epochs == 250  # for each network has too little
    assert dict(hurried.reasons)["network"].endswith("the smallest, for 1,000 images")


@pytest.mark.parametrize(
    ("words", "often"),
    [({}, 3), ({"epochs": 26}, 2), ({"epochs": 25}, 1), ({"steps": 1000}, 3), ({"steps": 1}, 1), ({"patience": 4}, 1)],
)
def test_a_chosen_recipe_is_validated_as_suits_its_length_once_that_is_another(words, often):
    recipe, _ = choice(mnist().shortened(1000))  # 64 images a step
    changed = replace(recipe, training=recipe.training.changed(**words))
    expected = recipe.training.changed(**words, validate_every=often)
    assert validated(changed, 1000) == replace(recipe, training=expected)


@pytest.mark.parametrize(
    ("names", "kind", "mirrored", "why"),
    [
        (("ant", "bee", "cat"), None, True, "mirrored every other time"),
        (("ant", "bee", "cat"), "letters", False, "as letters must not be"),
        (("0", "1", "2"), None, False, "since 0, 1, … may be digits or letters"),
        (("a", "b", "+"), None, True, "mirrored every other time"),
        (("8", "9", "10"), None, False, "since 8, 9, … may be digits or letters"),
        (("あ", "い", "う"), None, False, "since あ, い, … may be"),
    ],
)
def test_digits_and_letters_and_what_is_named_like_them_are_turned_but_not_mirrored(names, kind, mirrored, why):
    recipe, said = choice(images(5, 5, 5, names=names, kind=kind))
    kinds = {type(each) for each in recipe.augmentation}
    assert (Flip in kinds, Rotation in kinds) == (mirrored, not mirrored) and why in said["augmentation"]


def test_images_that_are_seldom_seen_are_not_moved_and_signs_not_changed_at_all():
    recipe, said = choice(mnist())
    assert recipe.augmentation == () and said["augmentation"].startswith("none: not mirrored, as digits must not be")
    recipe, said = choice(replace(mnist(), kind=None, classes=tuple(f"class {i}" for i in range(10))))
    assert recipe.augmentation == (Flip(True),) and "each is seen 8 times, too seldom" in said["augmentation"]
    assert choice(mnist().shortened(22_728))[0].augmentation == ()  # 11 times
    assert len(choice(mnist().shortened(22_727))[0].augmentation) == 2  # 12 times


def test_unbalanced_classes_are_weighted_and_that_is_said():
    even, said = choice(images(10, 15, 19))
    assert choice(images(4, 4))[1]["classes"] == "2 classes of 4 images: all images count alike"
    assert even.training.class_weights is None and said["classes"] == (
        "3 classes of 10 to 19 images: all images count alike"
    )
    uneven, said = choice(images(10, 15, 20))
    assert uneven.training.class_weights == "balanced" and "all classes count alike" in said["classes"]


def test_where_one_class_has_very_few_images_they_count_less_than_all_others_together():
    data = images(2, 100, 41)
    recipe, said = choice(data)
    weights = class_weights(data.train, recipe.training.class_weights)
    assert weights[0] / weights[1] == pytest.approx(50**0.5, rel=1e-3)
    assert weights[data.train.labels].mean() == pytest.approx(1, abs=1e-3)
    assert "one over the root" in said["classes"]


def test_a_chosen_recipe_is_written_on_a_page_with_its_reasons_and_read_as_it_was():
    for data in (images(10, 15, 20), images(1, 2), replace(mnist(), name="a/b\n")):
        found = chosen_recipe(data, DataSource("photos"))
        text = found.to_toml()
        assert parse_recipe(text, "mine") == found.recipe
        assert 'family = "air"' in text and text.count("\n") < 45
        assert all(f"\n{topic}: {reason}." in text for topic, reason in found.reasons)
        assert found.recipe.name == {"a/b\n": "ab"}.get(data.name, data.name)


def test_a_chosen_recipe_learns_its_data():
    data = tiny.dataset(train=60, validation=30)
    recipe = chosen_recipe(data, DataSource("in memory")).recipe
    run = fit_recipe(replace(recipe, training=recipe.training.changed(steps=60)), data, engine="numpy")
    assert run.history.best[2] > 0.8


def test_the_runs_of_built_in_recipes_have_pages_too():
    text = load_recipe("lenet-5").to_toml()
    assert text.count("\n") < 40 and parse_recipe(text, "x") == load_recipe("lenet-5")


FAMILY = 'training = { steps = 1 }\nnetwork = { family = "air", size = "S", input_shape = [9, 9, 1], classes = 3 }'


@pytest.mark.parametrize(
    ("word", "instead", "message"),
    [
        ('"air"', '"aire"', "family='aire': expected one of 'air', 'resnet'. Did you mean 'air'"),
        ('"air"', "[1]", "expected one of 'air', 'resnet'"),
        (
            'size = "S", ',
            "",
            "missing a required argument: 'size'; a network of the family 'air' is said by 'size', 'inp",
        ),
        ("classes", "clases", "'clases'|'classes'"),
        ('"S"', '"s"', "size='s': expected one of 'S', 'M'"),
        ("[9, 9, 1]", '[9, "a", 1]', "expected .H, W, C., of at least 2 × 2 pixels"),
        ("classes = 3", "classes = 0", "units=0"),
        ('"air", size = "S"', '"resnet", filters = 3', "filters=3: expected a list"),
    ],
)
def test_a_family_that_cannot_be_is_refused_with_what_can(word, instead, message):
    assert parse_recipe(FAMILY, "x").network == air("S", (9, 9, 1), 3)
    assert word in FAMILY
    with pytest.raises(RecipeError, match=f"^x: network: .*{message}"):
        parse_recipe(FAMILY.replace(word, instead), "x")
