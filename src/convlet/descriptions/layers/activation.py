"""An activation as a layer of its own."""

from dataclasses import dataclass

from convlet.checks import one_of
from convlet.descriptions.layers.layer import ACTIVATIONS, Layer, described


@dataclass(frozen=True)
class Activation(Layer):
    """What each number x becomes, by itself, or with `softmax` among those of the last axis.

    relu         0 where x is below 0, else x
    leaky_relu   0.2 x where x is below 0, else x: Keras's slope, where PyTorch's is 0.01
    elu          e^x − 1 where x is below 0, else x
    silu         x × sigmoid(x), also called swish
    gelu         x × Φ(x), the normal distribution's own Φ, not the approximation by tanh
    hard_swish   x × (x + 3) / 6 from −3 to 3; 0 below, x above
    tanh, sigmoid, softmax
    """

    activation: str

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("activation", self.activation, ACTIVATIONS)

    def describe(self) -> str:
        return described(self, self.activation)
