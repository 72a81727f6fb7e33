"""A small kernel that is compiled or found, and a disk that is full, for the tests of the kernel cache."""

import errno
import os
from typing import Any

import numpy as np

from convlet.engines.numba.compiling import kernel


def compiled(number: int = 2) -> tuple[int, tuple[int, float]]:
    """(hits, results) of a small kernel, as a process that has just begun would compile or find it."""

    @kernel
    def multiply(x: Any) -> Any:
        return x * number

    results = multiply(3), multiply(np.float64(0.5))
    found: Any = multiply
    return sum(found.stats.cache_hits.values()), results


def full(*arguments: object, **keywords: object) -> None:
    """In the place of what writes: the disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
