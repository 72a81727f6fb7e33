"""Copies among images: known by their pixels, whatever their files are called and their labels say.

What it is not: a search for images that are nearly the same; that is `convlet.inspection`'s.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.datasets.stored import StoredImages, pieces

DIGEST = 16  # bytes of an image's fingerprint


def fingerprint(image: NDArray[Any]) -> NDArray[np.uint8]:
    """(DIGEST,) bytes that tell images of one shape and type apart by their pixels."""
    return np.frombuffer(hashlib.blake2b(image.tobytes(), digest_size=DIGEST).digest(), np.uint8)


def copy_groups(images: "NDArray[Any] | StoredImages") -> NDArray[np.int64]:
    """The group of each image (N,): those of the same pixels have one; groups are numbered from 0 as they first appear.

    >>> copy_groups(np.array([[7], [1], [7], [2]])).tolist()
    [0, 1, 0, 2]
    """
    digests = np.array([fingerprint(image) for piece in pieces(images) for image in piece])
    return grouped(digests.view(f"V{DIGEST}").ravel())


def grouped(keys: NDArray[Any]) -> NDArray[np.int64]:
    """The group of each key (N,): equal keys have one; groups are numbered from 0 as they first appear."""
    _, first, groups = np.unique(keys, return_index=True, return_inverse=True)
    places = np.empty(len(first), np.int64)
    places[np.argsort(first, kind="stable")] = np.arange(len(first))
    return places[groups.reshape(-1)]
