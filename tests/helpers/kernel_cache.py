"""A small kernel that is compiled or found, and a disk that is full, for the tests of the kernel cache."""

import errno
import os

import numpy as np

from convlet.engines.numba.compiling import kernel


def compiled(number=2):
    """(hits, results) of a small kernel, as a process that has just begun would compile or find it."""

    @kernel
    def multiply(x):
        return x * number

    results = multiply(3), multiply(np.float64(0.5))
    return sum(multiply.stats.cache_hits.values()), results


def full(*arguments, **keywords):
    """In the place of what writes: the disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
