"""A name or a path → a Dataset: what `--data` takes.

What it is not: it downloads nothing.
"""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from convlet.datasets.by_part import ByPart
from convlet.datasets.collections.preparation import COLUMNS, Preparation, Progress
from convlet.datasets.dataset import Dataset, Pair, known_as
from convlet.datasets.embedded import is_mnist, mnist
from convlet.datasets.readers.idx import read_idx
from convlet.datasets.readers.npz import read_npz
from convlet.datasets.splits import hold_out
from convlet.errors import DataError, InputError

if TYPE_CHECKING:
    from convlet.datasets.collections.listing import Collection

IDX_NAMES = {  # key → the canonical name of MNIST's file
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IDX_SUFFIXES = ("", ".gz", ".xz")  # in this order, where a file is there in more than one form
COLLECTIONS = ("folder", "zip", "table", "parquet", "saved")  # of pictures
TABLES = COLLECTIONS[2:]  # whose columns can be told
SUFFIXES = {
    ".npz": "npz",
    ".zip": "zip",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "parquet",
}  # of files, and what they are
SAVED = ("dataset_dict.json", "state.json")  # what says that Hugging Face's `datasets` saved a folder
NPZ_KEYS = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test", "w_train")


def load(
    source: str | Path,
    *,
    image_size: int | tuple[int, int] | None = None,
    fit: str | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    paths_column: str | None = None,
    labels_column: str | None = None,
    part_column: str | None = None,
    split: str | Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Dataset:
    """The dataset that a name or a path stands for.

    - "mnist": the embedded MNIST. (A directory of that name is "./mnist".)
    - a folder of pictures, a folder for each class, or such folders in train/, validation/ and test/.
    - a .zip of such a folder, which is not unpacked.
    - a table, .csv or .tsv, of pictures' paths and labels, and of their parts, if it has a column for them.
    - a .parquet of pictures' bytes and classes, and of their parts, if it has a column for them; a folder of such
      files, train-….parquet, test-….parquet; a folder that Hugging Face's `datasets` saved to disk. They need pyarrow.
    - a directory: MNIST's four IDX files by their canonical names, raw, .gz or .xz.
    - an .npz file: x_train, y_train and, optionally, x_test, y_test, x_validation, y_validation, and w_train, how much
      each training image counts. No pickles.

    The other arguments are for pictures, as `Preparation` says; what is left out is chosen from them, and
    `collected.notes` of the data set say what. A tenth of each class is held out for validation, and for testing, where
    there is none; copies of a picture stay together. With `split`, the `split.csv` of a run, pictures are in the parts
    that they were in there, and further ones are trained on. `progress(done, total)` is called while they are decoded.

    Of arrays, the classes are those among the training labels, in order: labels 10, 20, 30 are three classes. Without
    validation examples the first twelfth of the training examples is held out, as `read_data_sets` does for MNIST; if a
    class would then be missing on either side (images stored class by class), every twelfth instead.

    Raises:
        InputError: `source` is none of these, or an option is not for it.
        DataError: files are missing, broken, or their images and labels do not fit; its FormatError: a file is damaged.

    >>> len(load("mnist").train)
    55000
    """
    size = cast(tuple[int, int] | None, image_size)  # a number is both sides, as `Preparation` has it
    asked = Preparation(size, fit, channels, skip_broken, paths_column, labels_column, part_column)
    kind = _kind_of(source)
    if kind in COLLECTIONS:
        return _collected(kind, Path(source), asked, split, progress)
    for name, value in (asked.given() | ({} if split is None else {"split": str(split)})).items():
        raise InputError(f"{name}={value!r}: {source} holds arrays, which are taken as they are; leave {name} out.")
    if kind == "mnist":
        return mnist()
    return _held_out(_arrays(kind, Path(source)))


def load_parts(source: str | Path, asked: Preparation, progress: Progress = lambda done, total: None) -> ByPart:
    """What a name or a path stands for, to evaluate on: in the parts that it has, or all of it as the part "test".

    Nothing is held out, and pictures may be of one class. Raises as `load` does.
    """
    kind = _kind_of(source)
    if kind in COLLECTIONS:
        from convlet.datasets.collections.assembling import as_given  # Pillow is not needed for arrays

        return as_given(_collection(kind, Path(source), asked), asked, progress)
    as_it_is = kind in ("npz", "idx") and not asked.given()  # with what is only for pictures, `load` refuses it
    data = _arrays(kind, Path(source)) if as_it_is else load(source, **asdict(asked))
    parts = data.parts if len(data.parts) > 1 else {"test": data.train}
    return ByPart(data.name, data.classes, parts)


def kind_of(source: object) -> str | None:
    """What a name or path stands for: "mnist", "npz", "idx", or one of the COLLECTIONS; None for none of these."""
    if source == "mnist" or not isinstance(source, str | Path):
        return "mnist" if source == "mnist" else None
    path = Path(source)
    if (kind := SUFFIXES.get(path.suffix.lower())) is not None:
        return kind
    if not _is_directory(path):
        return None
    if any((path / f"{name}{suffix}").exists() for name in IDX_NAMES.values() for suffix in IDX_SUFFIXES):
        return "idx"
    if any((path / name).is_file() for name in SAVED):
        return "saved"
    return "parquet" if any(any(path.glob(pattern)) for pattern in ("*.parquet", "data/*.parquet")) else "folder"


def _kind_of(source: object) -> str:
    kind = kind_of(source)
    if kind is None:
        raise InputError(
            f"data: {str(source)!r} is no dataset; allowed: 'mnist', a folder of pictures or a .zip of one, a .csv of "
            f"their paths and labels, a .parquet of them, a directory with {', '.join(IDX_NAMES.values())} (raw, .gz "
            f"or .xz), or an .npz file with {', '.join(NPZ_KEYS)}. Check the name or path."
        )
    return kind


def _collected(kind: str, path: Path, asked: Preparation, split: str | Path | None, progress: Progress) -> Dataset:
    """A collection of pictures as a data set."""
    from convlet.datasets.collections.assembling import assembled  # Pillow is not needed for arrays
    from convlet.datasets.collections.earlier import read_split

    before = () if split is None else read_split(Path(split))
    data, collected = assembled(_collection(kind, path, asked), asked, progress, before)
    return known_as(data, os.path.abspath(path), collected)  # noqa: PTH100 (as below)


def _collection(kind: str, path: Path, asked: Preparation) -> "Collection":
    from convlet.datasets.collections.folders import read_folder
    from convlet.datasets.collections.rows import read_parquet, read_saved
    from convlet.datasets.collections.tables import read_table
    from convlet.datasets.collections.zips import read_zip

    if kind not in TABLES:
        for name in COLUMNS:
            if (value := getattr(asked, name)) is not None:
                raise InputError(f"{name}={value!r}: {path} is no table with columns; leave {name} out.")
    if kind in ("folder", "zip"):
        return read_folder(path) if kind == "folder" else read_zip(path)
    return {"table": read_table, "parquet": read_parquet, "saved": read_saved}[kind](path, asked)


def collection_of(data: Dataset) -> "Collection | None":
    """The collection of pictures that a data set was made of, as it is now; None where it was made of none.

    Raises DataError where it is not there any more.
    """
    kind = kind_of(data.source)
    if data.collected is None or kind not in COLLECTIONS:
        return None
    return _collection(kind, Path(data.source), data.collected.preparation)


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


def _arrays(kind: str, path: Path) -> Dataset:
    """What an .npz or a directory of IDX files holds, as it is."""
    arrays = read_npz(path, NPZ_KEYS) if kind == "npz" else _read_directory(path)
    name = path.stem if kind == "npz" else path.resolve().name
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
    return known_as(data, os.path.abspath(path))  # noqa: PTH100 (without "..", but as the user named it)


def _held_out(data: Dataset) -> Dataset:
    """The data set with validation examples, taken from those for training if it has none and there are enough."""
    if data.validation is not None:
        return data
    rest, held = hold_out(data.train)
    return known_as(replace(data, train=rest, validation=held), data.source)


def _pair(path: Path, arrays: dict[str, NDArray[Any]], part: str) -> Pair | None:
    """The images and labels of one part; None if it is absent."""
    images, labels = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        raise DataError(f"{path}: of x_{part} and y_{part} only one is there. Save both or neither.")
    return images, labels
