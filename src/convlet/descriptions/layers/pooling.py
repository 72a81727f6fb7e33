"""Pooling: each window of an image becomes one number a channel."""

from dataclasses import dataclass

from convlet.checks import Pair, Shape, one_of, pair
from convlet.descriptions.layers.layer import Layer, check_image, described, window_words
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import PADDINGS, Window


@dataclass(frozen=True)
class Pooling(Layer):
    """What both kinds of pooling have: a window, visited by strides of its own size unless others are given."""

    pool_size: int | Pair = 2
    strides: int | Pair | None = None
    padding: str = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("padding", self.padding, PADDINGS)
        set_canonical(self, pool_size=pair("pool_size", self.pool_size))
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
