"""The dense layer: every output looks at every input."""

from dataclasses import KW_ONLY, dataclass

from convlet.checks import Shape, one_of, true_or_false, whole_number
from convlet.descriptions.initializers import Constant, GlorotUniform, Initializer
from convlet.descriptions.layers.layer import (
    ACTIVATIONS,
    Layer,
    Parameter,
    bias_parameter,
    check_initializers,
    check_vector,
    described,
)
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class Dense(Layer):
    """Every output looks at every input. Weights: kernel (inputs, units) and, with `use_bias`, bias (units,)."""

    units: int
    activation: str | None = None
    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, units=whole_number("units", self.units))
        set_canonical(self, use_bias=true_or_false("use_bias", self.use_bias))
        one_of("activation", self.activation, (None, *ACTIVATIONS))
        check_initializers(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        check_vector(input_shape)
        return (self.units,)

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        kernel = Parameter("kernel", (check_vector(input_shape), self.units), self.kernel_initializer)
        return (kernel, *bias_parameter(self.use_bias, self.units, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        return check_vector(input_shape) * self.units

    def uses_per_weight(self, input_shape: Shape) -> int:
        return 1

    def describe(self) -> str:
        return described(self, str(self.units), self.activation)
