"""All randomness, as a pure function of (seed, purpose, epoch, step).

A counter-based generator (Philox 4x64-10) computes its numbers from a key and a counter and remembers nothing.
So the shuffle of epoch 3 or the dropout masks of step 700 can be made without making those before, every engine
is given the same ones, and a resumed run needs to know only its seed and its step. Where single numbers are wanted here
and there, a few for each image of a batch, `entries` looks them up: with SplitMix64, whose n-th number is one formula.

Sources: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3; Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.
"""

import math
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convlet.errors import InputError

Purpose = Literal["initial values", "shuffle", "dropout", "split", "augmentation"]
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


WIDTH = 2**24  # columns of a table; an image of 2048 × 2048 × 3 has as many numbers


def entries(
    seed: int, purpose: Purpose, *, epoch: int, step: int = 0, rows: NDArray[Any], columns: NDArray[Any]
) -> NDArray[np.float64]:
    """What stands in these rows and columns (broadcast) of a table of numbers in [0, 1) that nobody writes down.

    Each seed, purpose, epoch and step has a table of its own, of 2**40 rows of 2**24 numbers.
    """
    if columns.size and columns.max() >= WIDTH:
        raise InputError(
            f"images: {columns.max() + 1:,} random numbers for one; at most {WIDTH:,}. Use smaller images."
        )
    place = rows.astype(np.uint64) * np.uint64(WIDTH) + columns.astype(np.uint64)
    bits = _split_mix(_beginning(seed, purpose, epoch, step), place)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=256)  # two epochs of all that may be drawn in one
def _beginning(seed: int, purpose: Purpose, epoch: int, step: int) -> int:
    return int(generator(seed, purpose, epoch=epoch, step=step).bit_generator.random_raw())


def _split_mix(state: int, n: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The n-th numbers, from 0, that SplitMix64 gives when it begins with this state. uint64 wraps around."""
    z = np.uint64(state) + (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
