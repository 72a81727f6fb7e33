"""Labelled images: the embedded MNIST, a directory of IDX files, or an `.npz`.

What it is not: it knows no network. Shuffling belongs to training.

    streams    a file, decompressed, never more bytes than promised
    idx  npz   the two file formats, each read strictly
    labelled   images with their labels, checked once, then trusted
    embedded   MNIST, inside the package
    sources    a name or a path → a Dataset
    augmentation   pictures that are changed at each sight, reproducibly
"""

from convlet.datasets.dataset import KINDS, MEMORY, Dataset, Pair
from convlet.datasets.embedded import mnist
from convlet.datasets.images import pixels
from convlet.datasets.labelled import Examples
from convlet.datasets.readers.idx import read_idx
from convlet.datasets.sources import load

__all__ = ["KINDS", "MEMORY", "Dataset", "Examples", "Pair", "load", "mnist", "pixels", "read_idx"]
