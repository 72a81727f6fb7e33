"""Global pooling: a whole image becomes one number a channel."""

from dataclasses import dataclass

from convlet.checks import Shape
from convlet.descriptions.layers.layer import Layer, check_image
from convlet.descriptions.window import Window


@dataclass(frozen=True)
class GlobalAveragePooling2D(Layer):
    """The mean of each channel over the whole image. Input (H, W, C), output (C,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (check_image(input_shape)[2],)


@dataclass(frozen=True)
class GlobalMaxPooling2D(Layer):
    """The largest of each channel in the whole image; of equal ones the first. Input (H, W, C), output (C,)."""

    def window(self, input_shape: Shape) -> Window:
        height, width, _ = check_image(input_shape)
        return Window.over(input_shape, (height, width), (1, 1), "valid")

    def output_shape(self, input_shape: Shape) -> Shape:
        return (check_image(input_shape)[2],)
