"""Each kind of layer in integers: what it computes, and how C is asked for it.

What NumPy computes here is what functions/int8.c does, bit for bit. A sum of products of integers is exact in floats
too, in whatever order, as long as it is not beyond what these can count to; so one matrix product does it.
Values are (N, numbers) of int8.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from convlet.checks import Shape
from convlet.descriptions.window import Window
from convlet.exchange.c.calls import Call, Struct
from convlet.exchange.c.int8.scales import LOW, Scale, rounded, shifted
from convlet.exchange.c.site import Site

Array = NDArray[Any]
FLOAT32_COUNTS = 1 << 24  # to here float32 knows every integer


class Work(Protocol):
    """What is done in integers."""

    def compute(self, *given: Array) -> Array:
        """What it makes of values (N, numbers)."""
        ...


class LayersWork(Work, Protocol):
    """What a layer does in integers."""

    def call(self, site: Site) -> Call:
        """How C is asked for the same."""
        ...


@dataclass(frozen=True, eq=False)
class Weights:
    """A kernel of int8, its outputs last, and a bias of int32; `zero` is the zero point of what they are used on.

    `multiplier` and `shift`, one for each output, and `out_zero` bring a sum to the next scale.
    """

    kernel: Array
    bias: Array
    zero: int
    multiplier: Array
    shift: Array
    out_zero: int

    @cached_property
    def kind(self) -> Any:
        """The floats that are exact for every sum of products."""
        most = 255 * np.abs(self.kernel.astype(np.int64)).sum(axis=tuple(range(self.kernel.ndim - 1))).max()
        return np.float32 if most <= FLOAT32_COUNTS else np.float64

    def sums(self, factors: Array) -> Array:
        """Factors (…, inputs) of that kind, without the zero point, times the kernel: int64 (…, outputs)."""
        kernel = self.kernel.reshape(-1, self.kernel.shape[-1]).astype(self.kind)
        sums = factors.reshape(-1, len(kernel)) @ kernel
        return sums.astype(np.int64).reshape(*factors.shape[:-1], -1) + self.bias

    def next(self, sums: Array) -> Array:
        """Sums (…, outputs) as integers of the next scale."""
        return shifted(sums * self.multiplier.astype(np.int64), self.shift, self.out_zero)

    def call(self, site: Site, function: str, kernel: Array, *before: Any) -> Call:
        """A call of C with these arguments, and with the weights; the kernel laid out as it reads it."""
        arrays = [("kernel", kernel), ("bias", self.bias), ("multiplier", self.multiplier), ("shift", self.shift)]
        names = (f"NAME_{site.identifier}_{name}" for name, _ in arrays)
        struct = Struct("weights", (*names, str(self.zero), str(self.out_zero)))
        return site.call(function, *before, ("weights", struct), beside=arrays)


@dataclass(frozen=True, eq=False)
class Over:
    """A window over images (H, W, C)."""

    window: Window
    image: Shape

    def sections(self, given: Array, zero: int, *, around: int = 0, kind: Any = np.int32) -> Array:
        """What lies under the window at each position, without the zero point: (N, OH, OW, KH, KW, C) of this kind."""
        images = given.reshape(-1, *self.image).astype(kind) - kind(zero)
        padded = np.pad(images, ((0, 0), *self.window.padding, (0, 0)), constant_values=around)
        every = sliding_window_view(padded, self.window.size, axis=(1, 2))  # (N, rows, columns, C, KH, KW)
        return every[:, :: self.window.strides[0], :: self.window.strides[1]].transpose(0, 1, 2, 4, 5, 3)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The image, as bytes or as numbers from 0 to 1, becomes integers: the first step."""

    uint8: bool

    def compute(self, *given: Array) -> Array:
        (image,) = given
        if self.uint8:
            return (image.astype(np.int32) + LOW).astype(np.int8)
        white = np.clip(image, np.float32(0), np.float32(1)) * np.float32(255)
        return (np.floor(white + np.float32(0.5)) + LOW).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Convolution:
    """Each filter's kernel (KH, KW, C, F) at every position."""

    over: Over
    weights: Weights

    def compute(self, *given: Array) -> Array:
        sections = self.over.sections(given[0], self.weights.zero, kind=self.weights.kind)
        flat = sections.reshape(*sections.shape[:3], -1)
        return self.weights.next(self.weights.sums(flat)).reshape(len(flat), -1)

    def call(self, site: Site) -> Call:
        kernel = self.weights.kernel.transpose(3, 0, 1, 2)
        return self.weights.call(site, "convolution", kernel, site.window(len(kernel)))


@dataclass(frozen=True, eq=False)
class Depthwise:
    """Each channel's own kernel (KH, KW, C) at every position."""

    over: Over
    weights: Weights

    def compute(self, *given: Array) -> Array:
        sections = self.over.sections(given[0], self.weights.zero)
        sums = np.einsum("nhwijc,ijc->nhwc", sections, self.weights.kernel, dtype=np.int64) + self.weights.bias
        return self.weights.next(sums).reshape(len(sums), -1)

    def call(self, site: Site) -> Call:
        return self.weights.call(site, "depthwise", self.weights.kernel, site.window())


@dataclass(frozen=True, eq=False)
class Dense:
    """Every unit looks at every input, by a kernel (inputs, units)."""

    weights: Weights

    def compute(self, *given: Array) -> Array:
        return self.weights.next(self.weights.sums(given[0].astype(self.weights.kind) - self.weights.zero))

    def call(self, site: Site) -> Call:
        return self.weights.call(site, "dense", self.weights.kernel.T, *self.weights.kernel.shape)


@dataclass(frozen=True, eq=False)
class DenseNumbers:
    """The same as the last layer: its sums become numbers of float32, by a scale for each unit."""

    weights: Weights
    scale: Array

    def compute(self, *given: Array) -> Array:
        sums = self.weights.sums(given[0].astype(self.weights.kind) - self.weights.zero)
        return sums.astype(np.float32) * self.scale

    def call(self, site: Site) -> Call:
        of = self.weights
        arrays = ("kernel", of.kernel.T), ("bias", of.bias), ("scale", self.scale)
        return site.call("dense_numbers", *of.kernel.shape, of.zero, *arrays)


@dataclass(frozen=True, eq=False)
class MaxPooling:
    """The largest of each window."""

    over: Over

    def compute(self, *given: Array) -> Array:
        return self.over.sections(given[0], 0, around=LOW).max(axis=(3, 4)).astype(np.int8).reshape(len(given[0]), -1)

    def call(self, site: Site) -> Call:
        return site.call("max_pooling", site.window())


@dataclass(frozen=True, eq=False)
class AveragePooling:
    """The mean of each window, on a scale of its own."""

    over: Over
    zero: int
    out_zero: int
    multiplier: int
    shift: int

    def compute(self, *given: Array) -> Array:
        sums = self.over.sections(given[0], self.zero).sum(axis=(3, 4), dtype=np.int64)
        ones = np.ones((1, math.prod(self.over.image)), np.int8)
        count = self.over.sections(ones, 0).sum(axis=(3, 4), dtype=np.int64)
        return rounded(sums * self.multiplier, count << self.shift, self.out_zero).reshape(len(sums), -1)

    def call(self, site: Site) -> Call:
        return site.call("average_pooling", site.window(), self.zero, self.out_zero, self.multiplier, self.shift)


@dataclass(frozen=True, eq=False)
class Add:
    """The sums of two values, number by number, each with a zero point and a multiplier; the shift is for both."""

    zeros: tuple[int, int]
    multipliers: tuple[int, int]
    shift: int
    out_zero: int

    def compute(self, *given: Array) -> Array:
        parts = zip(given, self.zeros, self.multipliers, strict=True)
        first, second = ((value.astype(np.int64) - zero) * by for value, zero, by in parts)
        return shifted(first + second, self.shift, self.out_zero)

    def call(self, site: Site) -> Call:
        count = math.prod(site.image)
        return site.call("add", count, *self.zeros, self.out_zero, *self.multipliers, self.shift, in_place=True)


@dataclass(frozen=True, eq=False)
class LookUp:
    """What each of the 256 integers becomes: any function of single numbers."""

    table: Array

    def compute(self, *given: Array) -> Array:
        return self.table[given[0].astype(np.int32) - LOW]

    def call(self, site: Site) -> Call:
        return site.call("look_up", math.prod(site.image), ("table", self.table), in_place=True)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Integers become the numbers of float32 that they stand for: the last step, where no dense layer is."""

    scale: Scale

    def compute(self, *given: Array) -> Array:
        return (given[0].astype(np.int32) - self.scale.zero).astype(np.float32) * np.float32(self.scale.size)
