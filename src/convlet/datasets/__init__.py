"""Labelled images: the embedded MNIST, a collection of pictures, a directory of IDX files, or an `.npz`.

What it is not: it knows no network. Shuffling belongs to training.

    streams    a file, decompressed, never more bytes than promised
    idx  npz   the two file formats, each read strictly
    stored     images in a file, read as they are needed
    labelled   images with their labels, checked once, then trusted
    by_part    images to evaluate on, in the parts that they have
    embedded   MNIST, inside the package
    duplicates   which images are copies of others
    splits     what is held out, copies never on two sides
    collections   picture files by class: a folder, a zip, a table
    sources    a name or a path → a Dataset
    augmentation   pictures that are changed at each sight, reproducibly
"""

from convlet.datasets.by_part import ALL, ByPart, part_of
from convlet.datasets.collections.preparation import Progress
from convlet.datasets.dataset import KINDS, MEMORY, Dataset, Pair, as_dataset, numbered_from_0
from convlet.datasets.embedded import mnist
from convlet.datasets.images import pixels
from convlet.datasets.labelled import Examples
from convlet.datasets.readers.idx import read_idx
from convlet.datasets.sources import COLLECTIONS, collection_of, kind_of, load, load_parts

__all__ = [
    "ALL",
    "COLLECTIONS",
    "KINDS",
    "MEMORY",
    "ByPart",
    "Dataset",
    "Examples",
    "Pair",
    "Progress",
    "as_dataset",
    "collection_of",
    "kind_of",
    "load",
    "load_parts",
    "mnist",
    "numbered_from_0",
    "part_of",
    "pixels",
    "read_idx",
]
