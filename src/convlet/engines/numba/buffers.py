"""How arrays lie in memory: flat float32 buffers, aligned, channels last, with room for padding around each image.

The contract that every kernel relies on
    - A buffer is one-dimensional and starts on a cache line (64 bytes). Loads that straddle two lines cost twice:
      the same kernels were 20 % slower on arrays as NumPy places them.
    - Hidden channels are padded to a multiple of 8 (`padded`), one AVX2 register. Padding channels are 0 and stay 0:
      their kernels and biases are 0, so their outputs, gradients and updates are too. Only the network's input keeps
      its own number of channels.
    - An image is stored with borders of zeros, so that a convolution with "same" padding never asks where it is. A
      `Frame` says how large the stored image is and where the image proper begins in it. Of a value, kernels write only
      the image proper, so borders stay 0 for as long as the buffer lives. Of a gradient, nobody reads the borders.
    - No kernel reads or writes outside its buffers.
"""

from typing import NamedTuple

import numpy as np

LANES = 8
LINE = 64


class Frame(NamedTuple):
    """How a batch lies in its buffer: (N, rows, columns, channels), each image proper beginning at (top, left)."""

    rows: int
    columns: int
    channels: int
    top: int = 0
    left: int = 0

    @property
    def size(self) -> int:
        """Floats an image takes."""
        return self.rows * self.columns * self.channels


class Geometry(NamedTuple):
    """How a kernel of KH × KW slides, in steps of SH × SW, to H × W results: its outputs, pooled P × P (1 or 2).

    The section under output (h, w) begins at row h × SH and column w × SW of the *stored* image, border included.
    """

    H: int
    W: int
    KH: int
    KW: int
    SH: int = 1
    SW: int = 1
    P: int = 1


def padded(channels: int) -> int:
    """The number of channels stored for a hidden layer that has `channels`."""
    return -(-channels // LANES) * LANES


def buffer(size: int, dtype: type[np.generic] = np.float32) -> np.ndarray:
    """`size` zeros that begin on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE // itemsize, dtype)
    start = -raw.ctypes.data % LINE // itemsize
    return raw[start : start + size]
