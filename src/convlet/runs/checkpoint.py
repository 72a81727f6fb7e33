"""Checkpoints: a network at one moment, with all that is needed to use it or to go on training it.

Weights are safetensors, with everything else a run needs in its metadata; nothing is pickled.
"""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from convlet.checks import whole_number
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import RAW
from convlet.engines import State
from convlet.errors import FormatError, InputError, NumericsError, StorageError
from convlet.randomness import check_seed
from convlet.runs.data_source import DataSource
from convlet.runs.files import write_file
from convlet.runs.folder import recipe_of
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, parse_recipe

FORMAT = "convlet 1"
PREPROCESSING = "uint8 / 255"  # what a network sees is from 0 to 1, however its images came (`datasets.images`)
LARGEST = 64 * 2**30  # bytes: a hundred times what is reasonable to train on a CPU, Adam's moments included
LONGEST = 500  # letters of what a stranger's file may have us say


def weights_sha256(parameters: Parameters) -> str:
    """One fingerprint of all weights: names, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(parameters):
        array = np.ascontiguousarray(parameters[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, repr=False)
class Checkpoint:
    """A network at one moment, with all that is needed to use it or to go on training it."""

    network: Sequential
    classes: tuple[str, ...]
    state: State
    history: History
    seed: int
    data_sha256: str = ""  # of the data it was trained on; empty where that is not known
    recipe: str = ""  # TOML, as it was trained; empty where that is not known
    data: DataSource | None = None  # where it was trained on; None where that is not known

    def __repr__(self) -> str:
        """What it is of, and when."""
        return f"<Checkpoint of {self.network!r} at step {self.state.step:,}>"


def check_finite(state: State) -> None:
    """Raise a NumericsError where a weight is NaN or infinite: a network with such a weight answers nothing."""
    if (name := _not_finite(state)) is not None:
        message = f"step {state.step}: {name} has a weight that is NaN or infinite. Try a lower learning rate."
        raise NumericsError(message)


def _not_finite(state: State) -> str | None:
    """The first parameter with a weight that is NaN or infinite, an average's raw weights among them."""
    raw = {name: array for name, array in state.slots.items() if name.endswith(f"/{RAW}")}
    return next((name for name, array in (state.parameters | raw).items() if not np.isfinite(array).all()), None)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as safetensors.

    Raises StorageError, and NumericsError where a weight is NaN or infinite: what stands there stays.
    """
    write_file(path, checkpoint_bytes(checkpoint))


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as safetensors. Raises NumericsError where a weight is NaN or infinite."""
    check_finite(checkpoint.state)
    arrays: dict[str, NDArray[Any]] = {f"parameters/{name}": a for name, a in checkpoint.state.parameters.items()}
    arrays |= {f"optimizer/{name}": a for name, a in checkpoint.state.slots.items()}
    arrays |= {f"history/{name}": a for name, a in checkpoint.history.to_arrays().items()}
    metadata = {
        "format": FORMAT,
        "network": json.dumps(checkpoint.network.to_table()),
        "classes": json.dumps(checkpoint.classes),
        "preprocessing": PREPROCESSING,
        "step": str(checkpoint.state.step),
        "seed": str(checkpoint.seed),
        "data_sha256": checkpoint.data_sha256,
        "batch_size": str(checkpoint.history.batch_size),
        "recipe": checkpoint.recipe,
        "data": json.dumps(asdict(checkpoint.data)) if checkpoint.data else "",
    }
    return save_tensors({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises StorageError where it cannot be read, FormatError where it is not one, or has a weight that is no number.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; a checkpoint has at most {LARGEST:,}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no path has a NUL in it
        raise StorageError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}.") from None
    return read_checkpoint(content, str(path))


def recipe_at(path: Path) -> Recipe | None:
    """The recipe of the run in a folder, or of a checkpoint: as its folder has it, or else as the checkpoint does.

    None where it is a checkpoint of 0.1.0 alone, which carries none. Raises StorageError, FormatError or RecipeError
    where it is no run, or what it says cannot be read.
    """
    folder, saved = (path, path / "last.safetensors") if path.is_dir() else (path.parent, path)
    if (folder / "recipe.toml").exists() or not saved.exists():
        return recipe_of(folder if saved.exists() else path)
    text = load_checkpoint(saved).recipe
    return parse_recipe(text, str(saved)) if text else None


def read_checkpoint(content: bytes, where: str) -> Checkpoint:
    """The checkpoint in these bytes; `where` names them in messages. Raises FormatError as `load_checkpoint` does."""
    try:
        checkpoint = _checkpoint(load_tensors(content), _metadata(content))
    except (
        SafetensorError,
        LookupError,
        ValueError,
        TypeError,
        ArithmeticError,
        struct.error,
        RecursionError,
    ) as error:
        raise FormatError(
            f"{where}: not a checkpoint of convlet: {type(error).__name__}: {str(error)[:LONGEST]}"
        ) from None
    if (name := _not_finite(checkpoint.state)) is not None:
        raise FormatError(f"{where}: {name} has a weight that is NaN or infinite. Take another checkpoint of this run.")
    return checkpoint


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: its first eight bytes say how long the JSON header behind them is."""
    (length,) = struct.unpack("<Q", content[:8])
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if metadata.get("format") != FORMAT:
        raise InputError(f"format={metadata.get('format')!r}: expected {FORMAT!r}")
    if metadata.get("preprocessing") != PREPROCESSING:
        raise InputError(f"preprocessing={metadata.get('preprocessing')!r}: expected {PREPROCESSING!r}")
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
    recipe = metadata.get("recipe", "")  # 0.1.0 kept none
    data = DataSource(**json.loads(metadata["data"])) if metadata.get("data") else None
    return Checkpoint(network, names, state, history, seed, metadata["data_sha256"], recipe, data)
