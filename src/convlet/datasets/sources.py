"""A name or a path → a Dataset: what `--data` takes.

What it is not: it downloads nothing.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from convlet.datasets.dataset import Dataset, Pair, known_as
from convlet.datasets.embedded import is_mnist, mnist
from convlet.datasets.readers.idx import read_idx
from convlet.datasets.readers.npz import read_npz
from convlet.datasets.splits import hold_out
from convlet.errors import DataError, InputError

IDX_NAMES = {  # key → the canonical name of MNIST's file
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IDX_SUFFIXES = ("", ".gz", ".xz")  # in this order, where a file is there in more than one form
NPZ_KEYS = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test", "w_train")


def load(source: str | Path) -> Dataset:
    """The dataset that a name or a path stands for.

    - "mnist": the embedded MNIST. (A directory of that name is "./mnist".)
    - a directory: MNIST's four IDX files by their canonical names, raw, .gz or .xz.
    - an .npz file: x_train, y_train and, optionally, x_test, y_test, x_validation, y_validation, and w_train, how much
      each training image counts. No pickles.

    The classes are those among the training labels, in order: labels 10, 20, 30 are three classes. Without validation
    examples the first twelfth of the training examples is held out, as `read_data_sets` does for MNIST; if a class
    would then be missing on either side (images stored class by class), every twelfth instead.

    Raises:
        InputError: `source` is none of these.
        DataError: files are missing or their images and labels do not fit; its FormatError: a file is damaged.

    >>> len(load("mnist").train)
    55000
    """
    if source == "mnist":
        return mnist()
    if isinstance(source, str | Path):
        path = Path(source)
        if path.suffix == ".npz":
            return _dataset(path, path.stem, read_npz(path, NPZ_KEYS))
        if _is_directory(path):
            return _dataset(path, path.resolve().name, _read_directory(path))
    raise InputError(
        f"data: {str(source)!r} is no dataset; allowed: 'mnist', a directory with {', '.join(IDX_NAMES.values())} "
        f"(raw, .gz or .xz), or an .npz file with {', '.join(NPZ_KEYS)}. Check the name or path."
    )


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # e.g. a name too long to be one, or a parent that may not be searched
        return False


def _read_directory(directory: Path) -> dict[str, NDArray[Any]]:
    return {key: read_idx(_find(directory, name)) for key, name in IDX_NAMES.items()}


def _find(directory: Path, name: str) -> Path:
    for suffix in IDX_SUFFIXES:
        if (path := directory / f"{name}{suffix}").is_file():
            return path
    raise DataError(f"{directory}: holds no {name}; allowed: raw, or with .gz or .xz. Put the file there.")


def _dataset(path: Path, name: str, arrays: dict[str, NDArray[Any]]) -> Dataset:
    """Arrays by the names of `NPZ_KEYS` → a checked Dataset, with validation examples if there are enough."""
    train, validation, test = (_pair(path, arrays, part) for part in ("train", "validation", "test"))
    if train is None:
        raise DataError(f"{path}: holds no x_train and y_train. Save the training images and labels by these names.")
    try:
        weights = arrays.get("w_train")
        data = Dataset.from_arrays(*train, validation=validation, test=test, sample_weight=weights, name=name)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if is_mnist(data.train.labels):
        data = replace(data, kind="digits")
    if data.validation is None:
        rest, held = hold_out(data.train)
        data = replace(data, train=rest, validation=held)
    return known_as(data, os.path.abspath(path))  # noqa: PTH100 (without "..", but as the user named it)


def _pair(path: Path, arrays: dict[str, NDArray[Any]], part: str) -> Pair | None:
    """The images and labels of one part; None if it is absent."""
    images, labels = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        raise DataError(f"{path}: of x_{part} and y_{part} only one is there. Save both or neither.")
    return images, labels
