"""What a model becomes on its way to a network of ours: steps, each a layer to be, and values, which name one.

A value is an array of the model's: a step's output, in the order of axes that the model has there, times a number, plus
another. So arithmetic with constants, transposing and reshaping are nothing until a layer must be given the result.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Layer, Rescaling
from convlet.errors import InputError

Array = NDArray[Any]
Around = tuple[tuple[int, int], tuple[int, int]]  # pixels of zeros: ((top, bottom), (left, right))
FIRST = ("N", "C", "H", "W")  # the axes of images as ONNX's operators have them
NOTHING_AROUND: Around = ((0, 0), (0, 0))
WITH_SUMS = (Conv2D, DepthwiseConv2D, Dense)  # layers that add a bias and may activate what they have summed
ROUNDING = 1e-7  # of float32: × 255 and × 1/255 together are 1
EPSILON = 1e-3  # of a normalisation that stands for a product and a sum for each channel


@dataclass(eq=False)
class Step:
    """A layer to be, its weights by short name, what it is given, and the shape of one image's output.

    Without a layer it adds the two steps that it is given; or, given none, it is the image itself; given one, it is no
    layer of ours. `waiting` counts the nodes that have yet to use it, `used` the steps that do. `curve` says which
    function of which value it is, for those that are a layer of ours only when multiplied by that value.
    """

    layer: Layer | None
    inputs: tuple["Step", ...]
    shape: Shape
    weights: dict[str, Array] = field(default_factory=dict)
    name: str = ""
    waiting: int = 0
    used: int = 0
    curve: "Curve | None" = None


@dataclass(frozen=True)
class Curve:
    """A function of a value, by its operator, and its bounds where it has any."""

    operator: str
    of: "Value"
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, eq=False)
class Value:
    """A step's output as the model has it: × scale + offset, each a number, or one for each channel or unit.

    An image has its axes in some order. A row of numbers has axes behind N of the sizes `view`, and `order` says which
    of the step's numbers stand there: None where they are in their own order. `around` are zeros around the image, or
    what else is `filling` them.
    """

    step: Step
    axes: tuple[str, ...] = FIRST
    view: tuple[int, ...] = ()
    order: NDArray[np.int64] | None = None
    scale: float | Array = 1.0
    offset: float | Array = 0.0
    around: Around = NOTHING_AROUND
    filling: float = 0.0

    @property
    def image(self) -> bool:
        """Whether it is an image, or else a row of numbers."""
        return len(self.step.shape) == 3

    @property
    def dims(self) -> tuple[int, ...]:
        """The sizes of its axes behind N, as the model has them."""
        if not self.image:
            return self.view
        sizes = dict(zip("HWC", self.step.shape, strict=True))
        (top, bottom), (left, right) = self.around
        sizes["H"], sizes["W"] = sizes["H"] + top + bottom, sizes["W"] + left + right
        return tuple(sizes[axis] for axis in self.axes[1:])

    @property
    def plain(self) -> bool:
        """Whether it is the step's output itself, but for its order."""
        if self.around != NOTHING_AROUND or np.ndim(self.scale) or np.ndim(self.offset):
            return False
        return bool(abs(float(self.scale) - 1) < ROUNDING and self.offset == 0)

    def times(self, factor: float | Array) -> "Value":
        """The value × a number, or × one for each channel or unit, in our order."""
        return replace(self, scale=self.scale * factor, offset=self.offset * factor)

    def plus(self, offset: float | Array) -> "Value":
        """The value + a number, or + one for each channel or unit, in our order."""
        return replace(self, offset=self.offset + offset)

    def of(self, step: Step) -> "Value":
        """Another step's output of the same shape, in the same order."""
        return replace(self, step=step, scale=1.0, offset=0.0, around=NOTHING_AROUND, filling=0.0)

    def settled(self, new: Callable[..., Step]) -> "Value":
        """The same value as a step's output: what it is scaled by and padded with becomes layers, made by `new`.

        Raises InputError where it is padded with other numbers than zeros.
        """
        value = self
        if value.filling:
            raise InputError(f"pixels of {value.filling:g} around images: expected them in front of MaxPool alone.")
        if value.around != NOTHING_AROUND:
            value = replace(value, around=NOTHING_AROUND).settled(new)
            ones = np.ones((1, 1, value.step.shape[2], 1), np.float32)
            layer = DepthwiseConv2D(1, padding=self.around, use_bias=False, trainable=False)
            return value.of(new(layer, value.step, weights={"kernel": ones}))
        if value.plain:
            return value
        if not np.ndim(value.scale) and not np.ndim(value.offset):
            return value.of(new(Rescaling(float(value.scale), float(value.offset)), value.step))
        return value.of(
            new(BatchNormalization(epsilon=EPSILON, trainable=False), value.step, weights=self._normalised())
        )

    def _normalised(self) -> dict[str, Array]:
        """The weights of a normalisation that multiplies by the scale and adds the offset."""
        size = self.step.shape[-1:]
        ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
        measured = {"moving_mean": zeros, "moving_variance": ones - np.float32(EPSILON)}
        return {"gamma": ones * np.float32(self.scale), "beta": zeros + np.float32(self.offset), **measured}
