"""A recipe for a data set, where nobody says one: network, training and augmentation, each with its reason.

It depends on the images' shape, their number and their classes alone, so the same data gets the same recipe on every
machine. Nothing is trained here.
Source of most of it: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024; that a plain loss with a rate,
a decay and a batch size that suit is hard to beat on few images: Brigato et al., arXiv 2108.13122.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from convlet.datasets import Dataset
from convlet.descriptions import networks
from convlet.descriptions.augmentation import Augmentation, Flip, Rotation, Shift
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, SGD
from convlet.descriptions.schedules import OneCycle
from convlet.descriptions.tables import Table
from convlet.descriptions.toml import to_toml
from convlet.runs.data_source import DataSource
from convlet.runs.ensemble import Ensemble
from convlet.runs.recipe import BALANCED, Recipe, Training

MINUTES = 5.0  # that a training may take where nobody says
BATCHES = (32, 256)  # images a step, at least and at most
VALIDATIONS = 25  # in a run, more or less
NETWORKS = Ensemble(rates=(1, 0.5), decays=(1, 4), best=3)  # where images are few
OFTEN = 30  # times that each of them is to see an image: where there is no time for that, one network does better
MANY = 12  # epochs: where images are seen less often, to move them costs more than it gains (docs/records.md)
UNEVEN, VERY_UNEVEN = 2.0, 20.0  # how many times the images of its smallest class the largest has


@dataclass(frozen=True)
class Chosen:
    """A recipe, and why: what is decided, and a sentence on it, one for each decision."""

    recipe: Recipe
    reasons: tuple[tuple[str, str], ...]

    def to_toml(self) -> str:
        """The recipe as a page to edit; its network by the family's name, not by its layers."""
        import tomllib  # here, for `import convlet` need not wait for it

        table = tomllib.loads(self.recipe.to_toml())
        network = self.recipe.network
        family: Table = {"family": "air", "size": networks.size_of(network), "input_shape": list(network.input_shape)}
        family["classes"] = network.output_shape[0]
        if network.trained_weights == network.weights:
            family["whitened"] = False
        return to_toml(table | {"network": family})

    def retold(self, recipe: Recipe, images: int) -> "Chosen":
        """The same of what became of the recipe: how it is now trained on so many images."""
        reasons = dict(self.reasons) | {"training": _on_training(images, recipe)}
        return Chosen(retold(recipe, images), tuple(reasons.items()))


def chosen_recipe(data: Dataset, source: DataSource, *, minutes: float | None = None) -> Chosen:
    """The recipe for a data set that is found at a source, and takes two cores about so many minutes, or `MINUTES`.

    Where minutes are given, it takes them: of many images there are more epochs than it would else have, if they fit.
    """
    if data.collected:
        source = replace(source, **asdict(data.collected.preparation))
    further, minutes = minutes is not None, minutes or MINUTES
    network = networks.chosen(data, minutes=minutes)
    weights, on_classes = _weights(data)
    ensemble = _ensemble(data, network, minutes)
    fit = networks.able(network, minutes) / len(data.train) if further else 0
    training = _training(len(data.train), ensemble.networks if ensemble else 1, int(fit), weights)
    pictures, on_pictures = _augmentation(data, training.epochs or 0)
    optimizer = SGD(OneCycle(0.2, 0.23), 0.9, True, 0.005, decays="kernels", average=EMA(0.99))
    parts: dict[str, Any] = {"augmentation": pictures, "ensemble": ensemble}
    recipe = Recipe(_name(data), network, training, optimizer, source, "", **parts)
    reasons = (
        ("network", _on_network(data, network, ensemble, minutes)),
        ("training", _on_training(len(data.train), recipe)),
        ("augmentation", on_pictures),
        ("classes", on_classes),
    )
    chosen = f"Chosen for {len(data.train):,} images of {' × '.join(map(str, data.image_shape))}."
    said = "\n".join([chosen, *(f"{topic}: {reason}." for topic, reason in reasons)])
    return Chosen(replace(recipe, description=said), reasons)


def validated(recipe: Recipe, images: int) -> Recipe:
    """A chosen recipe, validated about `VALIDATIONS` times however long it has come to be on so many training images.

    With patience, which counts validations, it is validated after every epoch.
    """
    training = recipe.training
    epochs = training.epochs or training.total_steps(images) * training.batch_size / images
    often = 1 if training.patience else _often(epochs)
    return replace(recipe, training=training.changed(validate_every=often))


def retold(recipe: Recipe, images: int) -> Recipe:
    """A chosen recipe whose description says how it is trained now, on so many training images."""
    now = f"training: {_on_training(images, recipe)}."
    lines = [now if line.startswith("training: ") else line for line in recipe.description.split("\n")]
    return replace(recipe, description="\n".join(lines))


def _often(epochs: float) -> int:
    return math.ceil(epochs / VALIDATIONS)


def _name(data: Dataset) -> str:
    kept = "".join(letter for letter in data.name if letter.isprintable() and letter not in "/\\").strip()
    return kept[:100] or "chosen"


def _ensemble(data: Dataset, network: Sequential, minutes: float) -> Ensemble | None:
    """Several networks where images are few, and there is time for them: the best, where there is something to choose
    by.
    """
    images = len(data.train)
    seen = min(networks.sights(images), networks.able(network, minutes)) / NETWORKS.networks
    if images >= networks.FEW or seen < OFTEN * images:
        return None
    return NETWORKS if data.validation is not None else replace(NETWORKS, best=None)


def _on_network(data: Dataset, network: Sequential, ensemble: Ensemble | None, minutes: float) -> str:
    size = f"{networks.size_of(network)} of the family air, {network.weights:,} weights"
    few, long = f"the smallest, for {len(data.train):,} images", f"{minutes:.3g} minute{'s' * (minutes != 1)}"
    if ensemble is None:
        return f"{size}: {few if len(data.train) < networks.FEW else f'what two cores train in {long}'}"
    together = f"the {ensemble.kept} best" if ensemble.kept < ensemble.networks else "all"
    return f"{size}: {few}; {ensemble.networks} are trained, and {together} answer together"


def _training(images: int, several: int, fit: int, weights: str | Mapping[str, float] | None) -> Training:
    """So many epochs that enough images are seen by all networks together, and where more `fit`, as many as images need
    not be moved for; a batch of twice the root of their number, as a power of two.
    """
    epochs = math.ceil(networks.sights(images) / images / several)
    epochs = max(epochs, min(fit, MANY - 1))
    batch = min(max(2 ** round(math.log2(2 * math.sqrt(images))), BATCHES[0]), BATCHES[1])
    return Training(batch, epochs=epochs, validate_every=_often(epochs), label_smoothing=0.1, class_weights=weights)


def _on_training(images: int, recipe: Recipe) -> str:
    training, optimizer = recipe.training, recipe.optimizer
    epochs = training.epochs or training.total_steps(images) * training.batch_size / images
    steps = "" if training.steps is None else f"{training.steps:,} step{'s' * (training.steps != 1)}, "
    often = f"{epochs:,.0f}" if epochs >= 100 else f"{epochs:.3g}"
    seen = f"{steps}{often} epoch{'s' * (often != '1')} of {images:,} images, {training.batch_size} a step"
    ways = {
        "labels smoothed": training.label_smoothing > 0,
        "one cycle of the rate": isinstance(optimizer.learning_rate, OneCycle),
        "averaged weights": optimizer.average is not None,
        "each network at another rate and decay": recipe.ensemble is not None,
    }
    how = ", ".join(way for way, holds in ways.items() if holds)
    return f"{seen}; {how}" if how else seen


def _may_be_a_sign(name: str) -> bool:
    """Whether a class is called like a digit or letter, or is only numbered, so that nobody knows what it shows."""
    return name.isdecimal() or (len(name) == 1 and name.isalnum())


def _augmentation(data: Dataset, epochs: int) -> tuple[tuple[Augmentation, ...], str]:
    """How pictures are changed, and why so: digits and letters must not be mirrored, nor what is named like them."""
    named = f"since {', '.join(data.classes[:2])}, … may be digits or letters"
    why = f"not mirrored, as {data.kind} must not be" if data.kind else f"not mirrored, {named}"
    signs = data.kind is not None or all(map(_may_be_a_sign, data.classes))
    if epochs < MANY:
        seldom = f"each is seen {epochs} times, too seldom to be moved too"
        return ((), f"none: {why}, and {seldom}") if signs else ((Flip(True),), f"mirrored every other time; {seldom}")
    if not signs:
        return (Shift(0.07), Flip(True)), "shifted by up to 7 %, and mirrored every other time"
    return (Shift(0.07), Rotation(10)), f"shifted by up to 7 %, turned by up to 10°; {why}"


def _weights(data: Dataset) -> tuple[str | Mapping[str, float] | None, str]:
    """How much the images of each class count, and why so.

    Where classes are very uneven, weights that let all count alike would have single images shake the training.
    """
    counts = {name: int(count) for name, count in zip(data.classes, data.train.class_counts, strict=True) if count}
    least, most = min(counts.values()), max(counts.values())
    has = f"{len(counts)} classes of {f'{least:,} to ' if least < most else ''}{most:,} images"
    if most < UNEVEN * least:
        return None, f"{has}: all images count alike"
    if most <= VERY_UNEVEN * least:
        return BALANCED, f"{has}: all classes count alike, images of small ones more"
    total = sum(math.sqrt(count) for count in counts.values()) / sum(counts.values())  # so that the mean weight is 1
    weights = {name: round(1 / (total * math.sqrt(count)), 3) for name, count in counts.items()}
    return weights, f"{has}: an image counts by one over the root of its class's number"
