"""An activation as a layer of its own."""

from dataclasses import dataclass

from convlet.checks import one_of
from convlet.descriptions.layers.layer import ACTIVATIONS, Layer, described


@dataclass(frozen=True)
class Activation(Layer):
    """relu, tanh, sigmoid (each number by itself) or softmax (over the last axis)."""

    activation: str

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("activation", self.activation, ACTIVATIONS)

    def describe(self) -> str:
        return described(self, self.activation)
