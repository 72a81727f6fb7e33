"""What the page is given: a network with its weights, images to look at with what the network says of them, and names.

It reads a run once. After that the page needs nothing on the disk: a run folder may go while the page is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Dataset, Examples, mnist
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import default_engine
from convlet.errors import ConvletError
from convlet.explore.starting import starter
from convlet.explore.wire import Packet, packet, weights
from convlet.runs.folder import recipe_of, split_of
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run, load

Array = NDArray[Any]

SHOWN = 300  # images that travel with the page
DIGITS = tuple("0123456789")  # what the classes of digits are called, where nothing else tells that they are
MISTAKES = 60  # at most so many of them are those that the network has wrong, the surest first


@dataclass(frozen=True)
class Content:
    """A network to look into. `data` is what it was trained on, None where that cannot be found any more."""

    name: str
    network: Sequential
    parameters: Parameters
    classes: tuple[str, ...]
    recipe: Recipe
    engine: str  # what evaluates and trains it
    data: Dataset | None = None
    shown: Examples | None = None
    wrong: int = 0  # how many of `shown`, from the first on, are mistakes
    facts: Mapping[str, Any] = field(default_factory=dict)  # figures of the whole test set, such as its accuracy
    fit: str | None = None  # how pictures of other proportions were fitted, where it was trained on pictures

    @property
    def unseen(self) -> Examples | None:
        """The images that the network was not trained on: for testing, else for validation."""
        return unseen(self.data)

    @property
    def digits(self) -> bool:
        """Whether drawings and pictures go through MNIST's preparation: where its images are digits, as MNIST's are."""
        if self.network.input_shape != (28, 28, 1) or len(self.classes) != 10:
            return False
        kind = self.recipe.data.kind if self.data is None else self.data.kind
        return kind == "digits" or (self.data is None and self.classes == DIGITS)


def unseen(data: Dataset | None) -> Examples | None:
    """The images of a data set that are not for training; None where there are none."""
    if data is None:
        return None
    return data.test if data.test is not None else data.validation


def of_run(folder: Path, engine: str | None = None) -> Content:
    """The content of a run. Raises StorageError where there is none, FormatError where it is damaged."""
    run = load(folder, engine=engine)
    recipe = recipe_of(run.run_dir or folder)
    data = _data(recipe, run)
    shown, wrong, facts = _chosen(run, data)
    name = folder.resolve().name if folder.is_dir() else folder.stem
    parameters = run.program.state().parameters
    fit = run.data.preparation.fit if run.data else None
    return Content(name, run.network, parameters, run.classes, recipe, run.engine, data, shown, wrong, facts, fit)


def _data(recipe: Recipe, run: Run) -> Dataset | None:
    """The run's data; None where it has gone, or where other images stand in its place now."""
    try:
        data = (run.data or recipe.data).load(split=split_of(run.run_dir) if run.run_dir else None)
    except ConvletError:
        return None
    fits = data.image_shape == run.network.input_shape and len(data.classes) == len(run.classes)
    return data if fits else None


def _chosen(run: Run, data: Dataset | None) -> tuple[Examples | None, int, dict[str, Any]]:
    """Images to show, mistakes first, how many of them are mistakes, and the figures of all of them."""
    part = unseen(data)
    if part is None:
        return None, 0, {}
    evaluation = run.evaluate(part)
    mistakes = evaluation.mistakes()
    others = np.setdiff1d(np.arange(len(part)), mistakes)
    first = mistakes[:MISTAKES]
    evenly = others[np.linspace(0, len(others) - 1, min(SHOWN - len(first), len(others))).astype(int)]
    facts = {"accuracy": evaluation.accuracy, "images": len(part), "mistakes": len(mistakes)}
    return part.take(np.concatenate([first, evenly]).astype(np.int64)), len(first), facts


def travelling(content: Content, *, half: bool = False, **further: Any) -> Packet:
    """The content as the page reads it; with `half`, the weights as float16."""
    arrays: dict[str, Array] = dict(weights(content.parameters, half=half))
    if content.shown is not None:
        arrays["@images"] = np.asarray(content.shown.images)
        arrays["@labels"] = content.shown.labels.astype(np.int32)
    words = {
        "name": content.name,
        "classes": list(content.classes),
        "digits": content.digits,
        "fit": content.fit or "stretch",
        "wrong": content.wrong,
        "facts": dict(content.facts),
        "training_images": len(content.data.train) if content.data else None,
    }
    return packet(content.network, arrays, **words, **further)


def starting(engine: str | None = None) -> Content:
    """A small network with its first weights, on MNIST: to be trained while one watches."""
    data = mnist()
    recipe = starter(data.image_shape, len(data.classes))
    parameters = recipe.network.initial_parameters(recipe.training.seed)
    name = engine or default_engine()
    part = unseen(data) or data.train
    evenly = np.linspace(0, len(part) - 1, SHOWN).astype(np.int64)
    return Content(recipe.name, recipe.network, parameters, data.classes, recipe, name, data, part.take(evenly))
