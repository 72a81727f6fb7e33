"""The convolution: one small linear layer, used at every position of an image."""

import math
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Pair, Shape, pair, whole_number
from convlet.descriptions.initializers import Constant, GlorotUniform, Initializer
from convlet.descriptions.layers.convolving import Convolving
from convlet.descriptions.layers.layer import Parameter, bias_parameter, described, window_words
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import Padding


@dataclass(frozen=True)
class Conv2D(Convolving):
    """Each filter is one small linear layer, used at every position: the seed's "baby linear layer".

    Weights: kernel (KH, KW, C, filters) and, with `use_bias`, bias (filters,). Input (H, W, C), output
    (OH, OW, filters).
    """

    filters: int
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
        set_canonical(self, filters=whole_number("filters", self.filters))

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, self.filters)

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        size, channels = self.window(input_shape).size, input_shape[2]
        kernel = Parameter("kernel", (*size, channels, self.filters), self.kernel_initializer)
        return (kernel, *bias_parameter(self.use_bias, self.filters, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        section = math.prod(self.window(input_shape).size) * input_shape[2]
        return self.uses_per_weight(input_shape) * section * self.filters

    def describe(self) -> str:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        window, *rest = window_words(size, strides, (1, 1), self.padding)
        return described(self, f"{self.filters} × {window}", *rest, self.activation)
