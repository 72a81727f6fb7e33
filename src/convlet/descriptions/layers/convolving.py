"""What the layers share whose kernels slide over an image: each has a window, and uses a weight at every position."""

import math

from convlet.checks import Pair, Shape, one_of, pair, true_or_false
from convlet.descriptions.layers.layer import ACTIVATIONS, Layer, check_image, check_initializers
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import Padding, Window, padding_of


class Convolving(Layer):
    """A layer with these fields, which each kind has in an order of its own."""

    kernel_size: int | Pair
    strides: int | Pair
    padding: Padding
    activation: str | None
    use_bias: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, padding=padding_of(self.padding))
        one_of("activation", self.activation, (None, *ACTIVATIONS))
        check_initializers(self)
        set_canonical(self, use_bias=true_or_false("use_bias", self.use_bias))
        set_canonical(self, kernel_size=pair("kernel_size", self.kernel_size), strides=pair("strides", self.strides))

    def window(self, input_shape: Shape) -> Window:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        return Window.over(check_image(input_shape), size, strides, self.padding)

    def uses_per_weight(self, input_shape: Shape) -> int:
        return math.prod(self.window(input_shape).positions)

    def unshared_weights(self, input_shape: Shape) -> int:
        outputs = math.prod(self.output_shape(input_shape))
        return math.prod(input_shape) * outputs + outputs * self.use_bias
