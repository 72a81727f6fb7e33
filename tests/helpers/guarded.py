"""Arrays between poisoned margins, for kernels that index memory directly.

A read outside brings NaN into the results; a write outside is found by `check_guards`.
"""

import numpy as np

from convlet.engines.numba.buffers import buffer

MARGIN = 128
_guarded = []


def guarded(values, dtype=np.float32):
    """A flat copy of `values` (or that many poisoned elements, for a whole number), between poisoned margins."""
    poison = np.nan if dtype == np.float32 else 77
    size = values if isinstance(values, int) else np.size(values)
    whole = buffer(size + 2 * MARGIN, dtype)
    whole[:] = poison
    inner = whole[MARGIN : MARGIN + size]
    if not isinstance(values, int):
        inner[:] = np.ravel(values)
    _guarded.append(whole)
    return inner


def check_guards():
    """Raise unless no margin was written to since the last call."""
    wholes, _guarded[:] = _guarded[:], []
    for whole in wholes:
        margins = np.concatenate([whole[:MARGIN], whole[-MARGIN:]])
        assert np.isnan(margins).all() if whole.dtype == np.float32 else (margins == 77).all()


def in_parts(kernel, size, parts, *arguments):
    """Run a kernel over range(size), cut into so many parts, the last one first."""
    for part in reversed(range(parts)):
        kernel(size * part // parts, size * (part + 1) // parts, *arguments)
