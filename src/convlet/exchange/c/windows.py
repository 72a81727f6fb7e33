"""Where each layer's kernel or pool goes, as a constant that the C functions read."""

from convlet.checks import Shape
from convlet.descriptions.layers import (
    AveragePooling2D,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
)
from convlet.descriptions.window import Window
from convlet.exchange.c.calls import Struct

WINDOWED = Conv2D | DepthwiseConv2D | MaxPooling2D | AveragePooling2D


def window_of(layer: Layer, given: Shape) -> Window:
    """A layer's window over images (H, W, C). What looks at a whole image pools it; all else looks at single pixels."""
    if isinstance(layer, WINDOWED):
        return layer.window(given)
    size = (given[0], given[1]) if isinstance(layer, GlobalAveragePooling2D | GlobalMaxPooling2D) else (1, 1)
    return Window.over(given, size, (1, 1), "valid")


def window_struct(window: Window, given: Shape, channels: int) -> Struct:
    """A window over images (H, W, C), that makes so many channels, as a NAME_window."""
    (top, _), (left, _) = window.padding
    numbers = (*given, *window.positions, channels, *window.size, *window.strides, top, left)
    return Struct("window", tuple(map(str, numbers)))
