"""What a classifier's words come to as a recipe: which network, for how long, at which rate."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from convlet.checks import Shape
from convlet.datasets import MEMORY, Dataset
from convlet.descriptions.layers import Dense, Flatten, Normalization
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam, Optimizer
from convlet.descriptions.schedules import OneCycle
from convlet.errors import InputError
from convlet.runs.choosing import chosen_recipe
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training, load_recipe

CHOSEN = "chosen"
STEPS = 1000  # in which one cycle trains a small network well
MOST_EPOCHS = 300
BATCH = 64
PEAK = 0.01  # of the cycle
MINUTES = 1  # that a network chosen for images may take: a search fits many


def named(network: Any) -> Any:
    """The recipe of that name or path; what is no name, or is to be chosen, as it is."""
    return load_recipe(network) if isinstance(network, str | Path) and network != CHOSEN else network


def given_shape(network: Any) -> Shape | None:
    """The images' shape (H, W, C) that a network or recipe asks for; None where it is to be chosen."""
    network = network.network if isinstance(network, Recipe) else network
    return network.input_shape if isinstance(network, Sequential) else None


def check_takes(network: Any, shape: Shape) -> None:
    """Raise ValueError where a network, or the recipe `named` so, takes other images than these (H, W, C)."""
    wanted = given_shape(network)
    if wanted not in (None, shape):
        called = f"recipe {network.name!r}" if isinstance(network, Recipe) else "a Sequential"
        raise ValueError(
            f"network: {called} takes images of {wanted}, but those of X are {shape}. Let network be {CHOSEN!r}, or "
            f"one with input_shape={shape}; or resize the images."
        )


def recipe_for(network: Any, data: Dataset, batch_size: int | None) -> Recipe:
    """The recipe that `network` says, a Recipe itself; one for a Sequential, or for the data."""
    if isinstance(network, Recipe):
        return network
    if network == CHOSEN and data.image_shape[:2] != (1, 1):
        recipe = chosen_recipe(data, DataSource(MEMORY), minutes=MINUTES).recipe
        epochs = min(recipe.training.epochs or 1, _epochs(len(data.train), recipe.training.batch_size))
        training = recipe.training.changed(epochs=epochs, class_weights=None)  # weights are the classifier's own word
        return replace(recipe, training=training, ensemble=None)  # a search would fit all of them at each of its points
    if network == CHOSEN:
        layers = [Normalization(), Flatten(), Dense(64, "relu"), Dense(len(data.classes))]
        network = Sequential(layers, data.image_shape)
    if not isinstance(network, Sequential):
        expected = f"{CHOSEN!r}, a Sequential, a Recipe, or the name or path of one"
        raise InputError(f"network={network!r}: expected {expected}.")
    images = len(data.train)
    batch_size = min(batch_size or BATCH, images)
    training = Training(batch_size, epochs=_epochs(images, batch_size))
    return Recipe("ConvletClassifier", network, training, Adam(OneCycle(PEAK)))


def _epochs(images: int, batch_size: int) -> int:
    """As often through the images as makes about `STEPS` steps.

    >>> _epochs(1_000, 64), _epochs(60_000, 64), _epochs(10, 10)
    (64, 2, 300)
    """
    return min(MOST_EPOCHS, -(-STEPS * batch_size // images))


def with_words(recipe: Recipe, images: int, words: dict[str, Any]) -> Recipe:
    """The recipe with what is said beside it, and batches no larger than all `images`."""
    said = {word: value for word, value in words.items() if value is not None}
    parts = {word: said.pop(word) for word in ("optimizer", "augmentation") if word in said}
    training = recipe.training.changed(**said)
    training = replace(training, batch_size=min(training.batch_size, images))
    return replace(recipe, training=training, **parts)


def rate_without_end(optimizer: Optimizer | None) -> tuple[Callable[[int], float], Optimizer]:
    """The rate of each step where nobody knows how many there will be, and the optimizer. Raises InputError."""
    optimizer = optimizer or Adam()
    if not isinstance(optimizer.learning_rate, int | float):
        raise InputError(
            f"optimizer: learning_rate={optimizer.learning_rate!r}; partial_fit takes a number, for a "
            "schedule needs to know when training ends."
        )
    return (lambda step: optimizer.rate(step, step + 1)), optimizer
