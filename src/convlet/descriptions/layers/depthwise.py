"""The depthwise convolution: a small kernel of its own for each channel."""

import math
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Pair, Shape, pair
from convlet.descriptions.initializers import Constant, GlorotUniform, Initializer
from convlet.descriptions.layers.convolving import Convolving
from convlet.descriptions.layers.layer import Parameter, bias_parameter, described, window_words
from convlet.descriptions.window import Padding


@dataclass(frozen=True)
class DepthwiseConv2D(Convolving):
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

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, input_shape[2])

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        size, channels = self.window(input_shape).size, input_shape[2]
        kernel = Parameter("kernel", (*size, channels, 1), self.kernel_initializer)
        return (kernel, *bias_parameter(self.use_bias, channels, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        return self.uses_per_weight(input_shape) * math.prod(self.window(input_shape).size) * input_shape[2]

    def describe(self) -> str:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        return described(self, *window_words(size, strides, (1, 1), self.padding), self.activation)
