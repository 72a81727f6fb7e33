"""Checkpoints and run folders: what is on disk is always whole.

A file appears complete or not at all: it is written beside its place, flushed to the disk, and then put there by one
rename, and the folder's entry is flushed too. A crash at any moment leaves the file as it was before, or as it is
after. Weights are safetensors, with everything else a run needs in its metadata; nothing is pickled.
"""

import errno
import hashlib
import json
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from convlet.checks import whole_number
from convlet.engines import State
from convlet.environment import environment
from convlet.errors import FormatError, InputError, RecipeError, StorageError
from convlet.history import History
from convlet.network import Parameters, Sequential
from convlet.randomness import check_seed
from convlet.recipe import Recipe, Training, parse

FORMAT = "convlet 1"
NAMES = ("recipe.toml", "environment.json", "last.safetensors", "best.safetensors")  # what a run is made of
LARGEST = 64 * 2**30  # bytes: a hundred times what is reasonable to train on a CPU, Adam's moments included


def write_file(path: Path, content: bytes) -> None:
    """Put a file in its place, whole, or leave what was there. Raises StorageError."""
    temporary = None
    try:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
        _flush_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written: {error.strerror or error}. What stands there is whole."
        ) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, nor need be
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:  # some network file systems flush no folders; the file itself is safe
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)


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


def begin_run(folder: Path, recipe: Recipe) -> None:
    """Note in an empty folder what is to be run, and on what. Raises StorageError; overwrites nothing."""
    written = recipe.to_toml().encode()  # before there is a folder: a recipe that cannot be written leaves none
    check_free(folder)
    try:
        write_file(folder / "recipe.toml", written)
        write_file(folder / "environment.json", json.dumps(environment(), indent=2).encode())
    except StorageError:
        abandon_run(folder)
        raise


def abandon_run(folder: Path) -> None:
    """Remove the folder of a run that cannot begin, unless something else is in it."""
    with suppress(OSError):
        for name in ("recipe.toml", "environment.json"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def recipe_of(folder: Path) -> Recipe:
    """The resolved recipe in a run folder. Raises StorageError where there is none."""
    path = folder / "recipe.toml"
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, ValueError) as error:
        if isinstance(error, RecipeError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"{path}: cannot be read: {reason}. Expected the folder of a run.") from None


def continue_run(folder: Path, training: Training) -> None:
    """Note how far a run is to go now, and clear away what a kill in the middle of a save may have left."""
    recipe = replace(recipe_of(folder), training=training)
    for leftover in (path for name in NAMES for path in folder.glob(f".{name}.*")):
        with suppress(OSError):
            leftover.unlink()
    write_file(folder / "recipe.toml", recipe.to_toml().encode())


def files_to_continue(folder: Path) -> dict[str, bytes]:
    """The files of a run that are needed to go on with it, by name. Raises StorageError."""
    recipe_of(folder)
    try:
        paths = [folder / name for name in ("recipe.toml", "last.safetensors")]
        return {path.name: path.read_bytes() for path in paths if path.exists()}
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


def weights_sha256(parameters: Parameters) -> str:
    """One fingerprint of all weights: names, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(parameters):
        array = np.ascontiguousarray(parameters[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A network at one moment, with all that is needed to use it or to go on training it."""

    network: Sequential
    classes: tuple[str, ...]
    state: State
    history: History
    seed: int
    data_sha256: str = ""  # of the data it was trained on; empty where that is not known


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as safetensors. Raises StorageError."""
    arrays: dict[str, NDArray[Any]] = {f"parameters/{name}": a for name, a in checkpoint.state.parameters.items()}
    arrays |= {f"optimizer/{name}": a for name, a in checkpoint.state.slots.items()}
    arrays |= {f"history/{name}": a for name, a in checkpoint.history.to_arrays().items()}
    metadata = {
        "format": FORMAT,
        "network": json.dumps(checkpoint.network.to_table()),
        "classes": json.dumps(checkpoint.classes),
        "preprocessing": "uint8 / 255",
        "step": str(checkpoint.state.step),
        "seed": str(checkpoint.seed),
        "data_sha256": checkpoint.data_sha256,
        "batch_size": str(checkpoint.history.batch_size),
    }
    write_file(path, save_tensors({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises StorageError where it cannot be read, FormatError where it is not one."""
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; a checkpoint has at most {LARGEST:,}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no path has a NUL in it
        raise StorageError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}.") from None
    try:
        return _checkpoint(load_tensors(content), _metadata(content))
    except (
        SafetensorError,
        LookupError,
        ValueError,
        TypeError,
        ArithmeticError,
        struct.error,
        RecursionError,
    ) as error:
        raise FormatError(f"{path}: not a checkpoint of convlet: {type(error).__name__}: {error}") from None


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: its first eight bytes say how long the JSON header behind them is."""
    (length,) = struct.unpack("<Q", content[:8])
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if metadata.get("format") != FORMAT:
        raise InputError(f"format={metadata.get('format')!r}: expected {FORMAT!r}")
    return metadata


def _checkpoint(arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> Checkpoint:
    def part(prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    network = Sequential.from_table(json.loads(metadata["network"]))
    state = State(part("parameters/"), part("optimizer/"), int(metadata["step"]))
    network.check_parameters(state.parameters)
    for name, array in state.slots.items():
        parameter = state.parameters[name.rpartition("/")[0]]
        if (array.shape, array.dtype) != (parameter.shape, parameter.dtype):
            raise InputError(f"optimizer/{name}: {array.dtype} {array.shape}; expected as the parameter")
    history = History.from_arrays(part("history/"), whole_number("batch_size", int(metadata["batch_size"])))
    if not 0 <= state.step <= history.steps:
        raise InputError(f"step={state.step}: the history has {history.steps}")
    classes = json.loads(metadata["classes"])
    if not isinstance(classes, list) or len(classes) != network.check_classifier():
        raise InputError(f"classes={classes!r}: expected a name for each output of the network")
    seed = check_seed(int(metadata["seed"]))
    names = tuple(str(name) for name in classes)
    return Checkpoint(network, names, state, history, seed, metadata["data_sha256"])
