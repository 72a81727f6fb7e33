"""The depthwise convolution: a small kernel of its own for each channel."""

import math
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Pair, Shape, one_of, pair, true_or_false
from convlet.descriptions.initializers import Constant, GlorotUniform, Initializer
from convlet.descriptions.layers.layer import (
    ACTIVATIONS,
    Layer,
    Parameter,
    bias_parameter,
    check_image,
    check_initializers,
    described,
    window_words,
)
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import Padding, Window, padding_of


@dataclass(frozen=True)
class DepthwiseConv2D(Layer):
    """Each channel is convolved by a kernel of its own, and gives one; a 1 × 1 `Conv2D` behind it mixes them.

    Weights: kernel (KH, KW, C, 1) and, with `use_bias`, bias (C,). Input (H, W, C), output (OH, OW, C).
    """

    kernel_size: int | Pair
    strides: int | Pair = 1
    padding: Padding = "valid"
    activation: str | None = None
    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("activation", self.activation, (None, *ACTIVATIONS))
        check_initializers(self)
        set_canonical(self, padding=padding_of(self.padding), use_bias=true_or_false("use_bias", self.use_bias))
        set_canonical(self, kernel_size=pair("kernel_size", self.kernel_size), strides=pair("strides", self.strides))

    def window(self, input_shape: Shape) -> Window:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        return Window.over(check_image(input_shape), size, strides, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, input_shape[2])

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        size, channels = self.window(input_shape).size, input_shape[2]
        kernel = Parameter("kernel", (*size, channels, 1), self.kernel_initializer)
        return (kernel, *bias_parameter(self.use_bias, channels, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        return self.uses_per_weight(input_shape) * math.prod(self.window(input_shape).size) * input_shape[2]

    def uses_per_weight(self, input_shape: Shape) -> int:
        return math.prod(self.window(input_shape).positions)

    def unshared_weights(self, input_shape: Shape) -> int:
        outputs = math.prod(self.output_shape(input_shape))
        return math.prod(input_shape) * outputs + outputs * self.use_bias

    def describe(self) -> str:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        return described(self, *window_words(size, strides, (1, 1), self.padding), self.activation)
