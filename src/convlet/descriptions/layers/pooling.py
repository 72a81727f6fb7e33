"""Pooling: each window of an image becomes one number a channel."""

from dataclasses import dataclass

from convlet.checks import Pair, Shape, pair
from convlet.descriptions.layers.layer import Layer, check_image, described, window_words
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import Padding, Window, padding_of
from convlet.errors import InputError


@dataclass(frozen=True)
class Pooling(Layer):
    """What both kinds of pooling have: a window, visited by strides of its own size unless others are given."""

    pool_size: int | Pair = 2
    strides: int | Pair | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        padding, size = padding_of(self.padding), pair("pool_size", self.pool_size)
        sides = ((0, 0), (0, 0)) if isinstance(padding, str) else padding
        if max(sides[0]) >= size[0] or max(sides[1]) >= size[1]:
            expected = f"fewer pixels than the pool has, {size}, or it would lie in nothing but padding"
            raise InputError(f"padding={self.padding!r}: expected {expected}.")
        set_canonical(self, pool_size=size, padding=padding)
        if self.strides is not None:
            set_canonical(self, strides=pair("strides", self.strides))

    def window(self, input_shape: Shape) -> Window:
        size = pair("pool_size", self.pool_size)
        strides = size if self.strides is None else pair("strides", self.strides)
        return Window.over(check_image(input_shape), size, strides, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, input_shape[2])

    def describe(self) -> str:
        size = pair("pool_size", self.pool_size)
        strides = size if self.strides is None else pair("strides", self.strides)
        return described(self, *window_words(size, strides, size, self.padding))


@dataclass(frozen=True)
class MaxPooling2D(Pooling):
    """The largest of each window, channel by channel; of equal ones the first in reading order. Padding never wins.

    `strides` is the pool's own size unless it is given. Input (H, W, C), output (OH, OW, C).
    """


@dataclass(frozen=True)
class AveragePooling2D(Pooling):
    """The mean of each window, channel by channel; padded pixels do not count.

    `strides` is the pool's own size unless it is given. Input (H, W, C), output (OH, OW, C).
    """
