"""Going on with a run: what it saved last, and whether a recipe continues it.

A run that is stopped and continued must be the run that was never stopped, so all that made its steps has to be the
same. Only how far it goes may be said anew.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from convlet.checks import listed
from convlet.datasets import Dataset, numbered_from_0
from convlet.descriptions.layers import Layer
from convlet.descriptions.network import Sequential
from convlet.errors import FormatError, InputError, StorageError
from convlet.runs.checkpoint import Checkpoint, load_checkpoint
from convlet.runs.data_source import changes_in
from convlet.runs.folder import last_of, recipe_of, split_of
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, Training, parse_recipe


def as_it_began(network: Sequential, data: Dataset) -> Dataset:
    """The data with its classes as convlet 0.1.0 numbered them, where the network of a run was made for those."""
    before = numbered_from_0(data)
    return before if network.output_shape == (len(before.classes),) else data


def saved_run(recipe: Recipe, data: Dataset, folder: Path | None, *, data_changed: bool = False) -> Checkpoint | None:
    """What the run in a folder saved last; None where it was killed before that, and starts from the beginning.

    With `data_changed`, the data may be others than it began with, of the same classes. Raises InputError where the
    recipe, or the data, would not continue that run, StorageError where what it saved last is gone, or the weights it
    was to start from.
    """
    if folder is None:
        raise InputError("resume=True without run_dir: name the folder of the run to continue.")
    began = recipe_of(folder)
    check_same(recipe, began, f"the run in {folder} has")
    if (path := last_of(folder)) is None:
        if began.parent is not None:
            raise StorageError(
                f"run folder {folder}: it was to start from another run's weights, but was killed before it held them. "
                "Start a new run from those, in another folder."
            )
        return None
    checkpoint = load_checkpoint(path)
    if checkpoint.recipe:
        trained = parse_recipe(checkpoint.recipe, str(path))
        check_same(recipe, trained, f"{folder / 'recipe.toml'} was changed: the run was trained with")
    _check_saved(path, checkpoint, recipe)
    if checkpoint.data_sha256 != data.sha256 and not data_changed:
        found = changes_in(data, split_of(folder))
        insists = "; or take them as they are: data_changed=True (convlet train --data-changed ok)" if found else ""
        raise InputError(
            f"data {data.name!r}: its training and validation examples are not those that the run in {folder} began "
            f"with{f' ({found})' if found else ''}; a run continues as it began. Give it the same data, or start a new "
            f"run{insists}."
        )
    if checkpoint.classes != data.classes:
        raise InputError(
            f"data {data.name!r}: its classes are {listed(data.classes[:20])}, those of the run in {folder} "
            f"{listed(checkpoint.classes[:20])}; a run continues as it began. Name them alike, or start a new run."
        )
    images = len(data.train)
    meant_to_take, now = (each.training.total_steps(images) for each in (began, recipe))
    _check_rates(recipe, checkpoint.history.steps, meant_to_take, now)
    if now < checkpoint.history.steps:
        raise InputError(f"steps={now}: the run has taken {checkpoint.history.steps} already; give at least that many.")
    if checkpoint.data_sha256 != data.sha256:  # its epochs were of other lengths
        return checkpoint
    return replace(checkpoint, history=_going_on(checkpoint.history, recipe.training, images))


def check_same(recipe: Recipe, began: Recipe, whose: str) -> None:
    """Raise an InputError that names the first of a run's words that is not as it was, and what it was."""
    for part in ("network", "optimizer", "training", "augmentation", "ensemble"):
        for word, new, old in _differences(part, getattr(recipe, part), getattr(began, part)):
            if word not in ("training.steps", "training.epochs"):
                raise InputError(f"{word}={new!r}: {whose} {old!r}; a run continues as it began.")


def _differences(word: str, new: Any, old: Any) -> Iterator[tuple[str, Any, Any]]:
    """(which word, what it is, what it was) for all that differs between two descriptions."""
    if new == old:
        return
    if _are_layers(new) and _are_layers(old) and len(new) == len(old):
        for i, layers in enumerate(zip(new, old, strict=True), 1):
            yield from _differences(f"{word}[{i}]", *layers)
    elif is_dataclass(new) and type(new) is type(old):
        for field in fields(new):
            yield from _differences(f"{word}.{field.name}", getattr(new, field.name), getattr(old, field.name))
    else:
        yield word, new, old


def _are_layers(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, Layer) for part in value)


def _check_saved(path: Path, checkpoint: Checkpoint, recipe: Recipe) -> None:
    """Raise a FormatError unless a checkpoint is of this recipe, and whole."""
    training, state, history = recipe.training, checkpoint.state, checkpoint.history
    slots = set(recipe.optimizer.remembered(recipe.network))
    whole = state.slots.keys() == slots and state.step == history.steps
    run = (checkpoint.network, checkpoint.seed, history.batch_size)
    if not whole or run != (recipe.network, training.seed, training.batch_size):
        raise FormatError(f"{path}: this is not what the run of {path.with_name('recipe.toml')} saved last.")


def _check_rates(recipe: Recipe, taken: int, before: int, now: int) -> None:
    """Raise an InputError where a run of another length would have taken its first steps at other learning rates."""
    rate = recipe.optimizer.rate
    if before != now and any(rate(step, before) != rate(step, now) for step in range(min(taken, now))):
        raise InputError(
            f"steps={now}: this run's learning rate changes over the {before} steps it was meant to take, so in a run "
            f"of {now} steps it would have been another one from the start. Leave the steps out, or start a new run."
        )


def _going_on(history: History, training: Training, images: int) -> History:
    """The history of a run that now goes to `training`'s end, as if it had always been meant to.

    A run that was to end in the middle of an epoch was validated there; one that goes on is not. (If that validation
    was the best, `best.safetensors` holds its weights until a better one comes.) Raises InputError where it matters.
    """
    total_steps = training.total_steps(images)
    kept = [row for row in history.validations if row[0] == total_steps or training.validates_after(row[0], images)]
    if training.patience and kept and history.best not in kept:
        raise InputError(
            f"steps={total_steps} with patience={training.patience}: the run ended in the middle of an epoch, at its "
            "best, so the best weights of a whole epoch are gone. Start a new run of that many steps."
        )
    return replace(history, validations=kept)
