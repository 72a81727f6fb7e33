"""MNIST, inside the package: nothing is downloaded.

Split as the seed's `read_data_sets` does: the first 5,000 of the 60,000 training images are for validation.
Attribution: `files/README.md`.
"""

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.dataset import Dataset, known_as
from convlet.datasets.labelled import Examples
from convlet.datasets.readers.idx import read_idx

FILES = Path(__file__).parent / "files"
VALIDATION = 5_000
SHA256 = {  # of the unpacked bytes: repacking the files may change the packed ones, never these
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@functools.cache
def mnist() -> Dataset:
    """The 70,000 handwritten digits of 28×28 pixels: 55,000 to train, 5,000 for validation, 10,000 to test.

    Unpacking takes about 0.7 s and 55 MB, once per process; the arrays are read-only and shared.

    Raises DataError where a file of the package is missing or damaged.

    >>> mnist().validation.labels[:5]
    array([5, 0, 4, 1, 9])
    """
    train = _examples("train")
    data = Dataset(
        name="mnist",
        classes=tuple("0123456789"),
        train=train.take(slice(VALIDATION, None)),
        validation=train.take(slice(VALIDATION)),
        test=_examples("t10k"),
        kind="digits",
    )
    return known_as(data, "mnist")


def is_mnist(labels: NDArray[Any]) -> bool:
    """Whether these are the labels of MNIST's 60,000 training images, in their order."""
    if len(labels) != 60_000:
        return False
    written = b"\0\0\x08\x01" + len(labels).to_bytes(4, "big") + labels.astype(np.uint8).tobytes()
    return hashlib.sha256(written).hexdigest() == SHA256["train-labels-idx1-ubyte"]


def _examples(prefix: str) -> Examples:
    images, labels = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    return Examples.from_arrays(
        read_idx(FILES / f"{images}.xz", sha256=SHA256[images]),
        read_idx(FILES / f"{labels}.xz", sha256=SHA256[labels]),
        classes=10,
    )
