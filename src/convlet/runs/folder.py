"""Run folders: who may use one, how a run begins and goes on in it. What is in them is never overwritten."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from convlet.datasets import Dataset
from convlet.environment import environment
from convlet.errors import RecipeError, StorageError
from convlet.runs.data_source import DataSource
from convlet.runs.files import write_file
from convlet.runs.recipe import Recipe, Training, parse_recipe

SPLIT = "split.csv"  # which picture is in which part, where a run is on pictures
NAMES = ("recipe.toml", "environment.json", "last.safetensors", "best.safetensors", SPLIT)  # what a run is made of
EARNED = ("best.safetensors", "history.json", "metrics.csv", "curves.svg")  # what only a run that has been saved has


@contextmanager
def hold(folder: Path | None) -> Iterator[None]:
    """Keep a run folder for this process, and make it if need be; one that is still empty at the end is removed.

    Two processes in one folder would take turns in overwriting each other's run. Raises StorageError where another one
    is at work. (Where the system or the disk knows no locks, nobody notices.)
    """
    if folder is None:
        yield
        return
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"run folder {folder}: cannot be used: {error.strerror or error}; name another.") from None
    descriptor = _lock(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        if made:
            with suppress(OSError):
                folder.rmdir()


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder until it is closed, at the latest when this process ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        assert descriptor is not None
        os.close(descriptor)
        message = f"run folder {folder}: another process is training in it. Wait for it, or stop it first."
        raise StorageError(message) from None
    except OSError:  # some network file systems have no locks; and what cannot be opened will say so when written to
        pass
    return descriptor


def check_free(folder: Path) -> None:
    """Raise a StorageError where there is already something in a folder: a run is never overwritten."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise StorageError(
                f"run folder {folder}: there is already something in it, and a run is never overwritten; "
                "continue that run with resume (convlet train --resume, or fit's resume=True), or name another folder."
            )
    except OSError as error:
        raise StorageError(f"run folder {folder}: cannot be used: {error.strerror or error}; name another.") from None


def begin_run(folder: Path, recipe: Recipe, split: bytes | None = None) -> None:
    """Note in an empty folder what is to be run, and on what; of pictures, which of them are in which part (`split`).

    Raises StorageError; overwrites nothing.
    """
    written = recipe.to_toml().encode()  # before there is a folder: a recipe that cannot be written leaves none
    check_free(folder)
    try:
        write_file(folder / "recipe.toml", written)
        write_file(folder / "environment.json", json.dumps(environment(), indent=2).encode())
        if split is not None:
            write_file(folder / SPLIT, split)
    except StorageError:
        abandon_run(folder)
        raise


def abandon_run(folder: Path) -> None:
    """Remove the folder of a run that cannot begin, unless something else is in it."""
    with suppress(OSError):
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def recipe_of(folder: Path) -> Recipe:
    """The resolved recipe in a run folder. Raises StorageError where there is none."""
    path = folder / "recipe.toml"
    try:
        return parse_recipe(path.read_text("utf-8"), str(path))
    except (OSError, ValueError) as error:
        if isinstance(error, RecipeError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"{path}: cannot be read: {reason}. Expected the folder of a run.") from None


def last_of(folder: Path) -> Path | None:
    """What a run saved last; None where it was killed before that, and begins again.

    Raises StorageError where it has been saved, but that is gone: beginning again would overwrite what is left of it.
    """
    path = folder / "last.safetensors"
    if path.exists():
        return path
    if left := [name for name in EARNED if (folder / name).exists()]:
        raise StorageError(
            f"run folder {folder}: last.safetensors, which a run goes on from, is missing, but {' and '.join(left)} "
            f"{'is' if len(left) == 1 else 'are'} there, and a run is never overwritten. Put it back, or start a new "
            "run in another folder."
        )
    return None


def split_of(path: Path) -> Path | None:
    """The table of the pictures that a run in a folder, or of a checkpoint in it, is on; None where there is none."""
    split = (path if path.is_dir() else path.parent) / SPLIT
    return split if split.exists() else None


def data_of(folder: Path, source: str | None = None, *, changed: bool = False) -> Dataset:
    """What the run in a folder is trained on, at another source if one is named; raises as `DataSource.load`."""
    return recipe_of(folder).data.at(source).load(split=split_of(folder), changed=changed)


def continue_run(folder: Path, training: Training, data: DataSource, split: bytes | None = None) -> None:
    """Note how far a run is to go now, and what its data is and where.

    What a kill while saving may have left is cleared away.
    """
    recipe = replace(recipe_of(folder), training=training, data=data)
    clear_leftovers(folder)
    if split is not None:
        write_file(folder / SPLIT, split)
    write_file(folder / "recipe.toml", recipe.to_toml().encode())


def clear_leftovers(folder: Path) -> None:
    """Remove what a kill while a run's files were written has left of them."""
    for leftover in (path for name in NAMES for path in folder.glob(f".{name}.*")):
        with suppress(OSError):
            leftover.unlink()


def files_to_continue(folder: Path) -> dict[str, bytes]:
    """The files of a run that are needed to go on with it, by name. Raises StorageError."""
    recipe_of(folder)
    last = last_of(folder)
    try:
        paths = (folder / "recipe.toml", last, split_of(folder))
        return {path.name: path.read_bytes() for path in paths if path is not None}
    except OSError as error:
        raise StorageError(f"run folder {folder}: cannot be read: {error.strerror or error}.") from None


def claim_folder(parent: Path, name: str) -> Path:
    """Make the first of parent/name-1, parent/name-2, … that is not there yet: nobody else gets the same one.

    Raises StorageError.
    """
    for i in count(1):
        folder = parent / f"{name}-{i}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            reason = error.strerror or error
            raise StorageError(f"run folder {folder}: cannot be made: {reason}; name one with run_dir.") from None
    raise AssertionError("there is always a next number")
