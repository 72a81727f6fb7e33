"""Global pooling: a whole image becomes one number a channel."""

from dataclasses import dataclass

from convlet.checks import Shape
from convlet.descriptions.layers.layer import Layer, check_image


@dataclass(frozen=True)
class GlobalAveragePooling2D(Layer):
    """The mean of each channel over the whole image. Input (H, W, C), output (C,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (check_image(input_shape)[2],)
