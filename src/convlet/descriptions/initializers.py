"""Initial values: how a weight starts, before it has learnt anything.

`fan_in` is how many inputs one output of a layer sums; `fan_out` how many outputs one input feeds. A kernel of
shape (KH, KW, C, F) has KH*KW*C and KH*KW*F; a dense weight of shape (inputs, units) has inputs and units.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape, number
from convlet.descriptions.measured import PatchWhitening
from convlet.descriptions.tables import kinds, set_canonical
from convlet.errors import InputError

__all__ = [
    "Constant",
    "GlorotUniform",
    "HeNormal",
    "Identity",
    "Initializer",
    "PatchWhitening",
    "TruncatedNormal",
    "Uniform",
]


class Initializer(Protocol):
    """Draws an array of the given shape, in float64, from the generator alone."""

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]: ...


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight.

    >>> fans((5, 5, 32, 64))
    (800, 1600)
    """
    section = math.prod(shape[:-2])
    return (section * shape[-2], section * shape[-1]) if len(shape) > 1 else (shape[0], shape[0])


@dataclass(frozen=True)
class Constant:
    """The same value everywhere."""

    value: float = 0.0

    def __post_init__(self) -> None:
        set_canonical(self, value=number("value", self.value))

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        return np.full(shape, self.value, np.float64)


@dataclass(frozen=True)
class Uniform:
    """Uniform in [low, high)."""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        set_canonical(self, low=number("low", self.low), high=number("high", self.high))
        if not self.low < self.high:
            raise InputError(f"low={self.low!r}, high={self.high!r}: expected low to be less than high.")

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        return generator.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class TruncatedNormal:
    """Normal with mean 0, drawn again wherever it lies more than two standard deviations out.

    `standard_deviation` is that of the normal before the cut; what is left has 0.88 times as much.
    """

    standard_deviation: float = 0.05

    def __post_init__(self) -> None:
        deviation = number("standard_deviation", self.standard_deviation, low=0, open_low=True)
        set_canonical(self, standard_deviation=deviation)

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        values = generator.standard_normal(shape)
        while (far := np.abs(values) > 2).any():
            values[far] = generator.standard_normal(int(far.sum()))
        return values * self.standard_deviation


@dataclass(frozen=True)
class GlorotUniform:
    """Uniform in ±sqrt(6 / (fan_in + fan_out)): keeps the variance of tanh layers, both ways.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16.
    """

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        limit = math.sqrt(6 / sum(fans(shape)))
        return generator.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class HeNormal:
    """Normal with standard deviation sqrt(2 / fan_in): keeps the variance of ReLU layers, forward.

    Source: He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
    """

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        return generator.standard_normal(shape) * math.sqrt(2 / fans(shape)[0])


@dataclass(frozen=True)
class Identity:
    """Of a convolution or a dense layer: each output begins as the input of the same number, in the same place.

    Outputs beyond the inputs are drawn as by GlorotUniform. Also called Dirac.
    Source: Zagoruyko and Komodakis, "DiracNets", 2017, section 3.
    """

    def draw(self, shape: Shape, generator: "np.random.Generator") -> NDArray[np.float64]:
        values = GlorotUniform().draw(shape, generator)
        same = np.arange(min(shape[-2:]))
        values[..., same] = 0
        middle = values
        for size in shape[:-2]:
            middle = middle[(size - 1) // 2]
        middle[same, same] = 1  # (inputs, outputs), a view
        return values


INITIALIZERS = kinds(Constant, Uniform, TruncatedNormal, GlorotUniform, HeNormal, Identity, PatchWhitening)
