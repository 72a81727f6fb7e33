"""All randomness, as a pure function of (seed, purpose, epoch, step).

A counter-based generator (Philox 4x64-10) computes its numbers from a key and a counter and remembers nothing.
So the shuffle of epoch 3 or the dropout masks of step 700 can be made without making those before, every engine
is given the same ones, and a resumed run needs to know only its seed and its step.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
"""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convlet.errors import InputError

Purpose = Literal["initial values", "shuffle", "dropout", "split"]
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)  # append only: a purpose's place in the list is part of its key


def check_seed(seed: int) -> int:
    """The seed itself, if it is a whole number in [0, 2**63); else an InputError. (TOML and JSON hold 63 bits.)"""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise InputError(f"seed={seed!r}: expected a whole number from 0 to 2**63 - 1.")
    return int(seed)


def generator(seed: int, purpose: Purpose, *, epoch: int = 0, step: int = 0) -> "np.random.Generator":
    """A fresh generator whose numbers depend on these four arguments alone.

    The streams never overlap: epoch and step stand in the high words of the 256-bit counter, and a stream would
    have to draw 2**66 numbers to reach the next one.

    >>> first = generator(7, "shuffle", epoch=2).permutation(5)
    >>> bool((first == generator(7, "shuffle", epoch=2).permutation(5)).all())
    True
    """
    key = np.array([check_seed(seed), _PURPOSES.index(purpose)], np.uint64)
    counter = np.array([0, step, epoch, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def kept(stream: "np.random.Generator", shape: tuple[int, ...], rate: float) -> NDArray[np.bool_]:
    """Independent draws: False with probability `rate`, to the nearest of 65,536 parts, else True.

    Sixteen of the generator's bits decide each. Drawing them raw is four times as fast as drawing floats, and a layer
    of dropout over feature maps needs millions a step.
    """
    count = math.prod(shape)
    words = stream.bit_generator.random_raw(-(-count // 4)).astype("<u8")  # 64 bits each
    return (words.view("<u2")[:count] >= min(round(rate * 65536), 65535)).reshape(shape)
