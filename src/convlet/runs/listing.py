"""The runs in a folder: how far each came and how good it is, as its own files say, and what differs between them.

Nothing is computed anew: a run is read in a millisecond, and one that is still in training is read all the same.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlet.descriptions.tables import to_table
from convlet.errors import ConvletError, StorageError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.folder import recipe_of
from convlet.runs.recipe import Recipe

EVALUATION, HISTORY = "evaluation.json", "history.json"
UNTOLD = ("sha256",)  # what says nothing to a reader
ABSENT = "–"


@dataclass(frozen=True)
class ListedRun:
    """A run in a folder, with what is known of it; None what is not.

    `validation` is the accuracy on the validation images, of the weights that are kept: the best ones of a run with
    patience, of any other the last. `evaluation` is what `evaluation.json` says of its test images.
    """

    folder: Path
    recipe: Recipe
    steps: int | None
    validation: float | None
    evaluation: dict[str, Any] | None

    @property
    def test(self) -> float | None:
        """The accuracy on its test images."""
        return self.evaluation["accuracy"] if self.evaluation else None


def listed_runs(folder: Path) -> tuple[list[ListedRun], list[str]]:
    """The runs in a folder, those on the same data together, the best validation first; and what could not be read.

    Raises StorageError where there is no such folder, or no run in it.
    """
    try:
        found = sorted(path for path in folder.iterdir() if (path / "recipe.toml").exists())
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror or error}. Expected a folder of runs.") from None
    if not found:
        raise StorageError(f"{folder}: there is no run in it. Expected a folder of runs, such as runs/.")
    runs, faults = [], []
    for path in found:
        try:
            runs.append(_listed(path))
        except ConvletError as error:
            faults.append(str(error))
    runs.sort(key=lambda run: (run.recipe.data.source, -(run.validation or 0), run.folder.name))
    return runs, faults


def _listed(folder: Path) -> ListedRun:
    recipe = recipe_of(folder)
    steps, validations = _history(folder)
    kept = max(validations, default=None) if recipe.keeps_best else next(reversed(validations), None)
    return ListedRun(
        folder, recipe, steps, kept, _read(folder / EVALUATION, "accuracy", "accuracy_low", "accuracy_high")
    )


def _history(folder: Path) -> tuple[int | None, list[float]]:
    """How many steps a run has taken, and the accuracy of each of its validations."""
    with suppress(TypeError, KeyError, ValueError):
        history = _read(folder / HISTORY)
        if history is not None:
            return int(history["steps"]), [float(row["accuracy"]) for row in history["validations"]]
    with suppress(ConvletError):  # in training, or stopped where nothing could be drawn
        saved = load_checkpoint(folder / "last.safetensors").history
        return saved.steps, [accuracy for _, _, accuracy in saved.validations]
    return None, []


def _read(path: Path, *numbers: str) -> dict[str, Any] | None:
    """A JSON object in a file, if there is one, with these numbers in it."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict) and all(isinstance(found.get(name), float | int) for name in numbers):
            return found
    return None


def differences(recipes: Sequence[Recipe]) -> list[dict[str, str]]:
    """What recipes say otherwise than the others, for each of them the same names: {"seed": "1", …}; `–` where nothing.

    Networks of the same kinds of layers differ by those layers' numbers; any others by how large they are.
    """
    rows = [_said(recipe) for recipe in recipes]
    kinds = {tuple(type(layer) for layer in recipe.network.layers) for recipe in recipes}
    for row, recipe in zip(rows, recipes, strict=True):
        row |= _layers(recipe) if len(kinds) == 1 else {"network": _size(recipe)}
    names = dict.fromkeys(name for row in rows for name in row)
    differ = [name for name in names if len({row.get(name, ABSENT) for row in rows}) > 1]
    return [{name: row.get(name, ABSENT) for name in differ} for row in rows]


def _said(recipe: Recipe) -> dict[str, str]:
    table = recipe.to_table()
    said = {name: value for name, value in table["data"].items() if name not in UNTOLD}
    said |= {"optimizer" if name == "type" else name: value for name, value in table["optimizer"].items()}
    said |= table["training"]
    if recipe.augmentation:
        said["augmentation"] = table["augmentation"]
    if recipe.ensemble:
        said["ensemble"] = table["ensemble"]
    if recipe.parent:
        said["parent"] = recipe.parent[:12]
    return {name: _written(value) for name, value in said.items()}


def _layers(recipe: Recipe) -> dict[str, str]:
    """Each number and word of each layer, by the layer's name."""
    return {
        f"{layer.name}.{name}": _written(value)
        for layer in recipe.network.layers
        for name, value in to_table(layer).items()
        if name not in ("type", "name")
    }


def _size(recipe: Recipe) -> str:
    return f"{len(recipe.network.layers)} layers, {recipe.network.weights:,} weights"


def _written(value: Any) -> str:
    """A value of a recipe as Python writes it, without quotes: OneCycle(peak=0.01)."""
    if isinstance(value, dict):
        inside = [f"{name}={_written(part)}" for name, part in value.items() if name != "type"]
        return f"{value.get('type', '')}({', '.join(inside)})" if inside else str(value.get("type", "()"))
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
