"""Batch normalisation: each channel brought to mean 0 and variance 1."""

import math
from dataclasses import dataclass

from convlet.checks import Shape, number
from convlet.descriptions.initializers import Constant
from convlet.descriptions.layers.layer import Layer, Parameter
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Each channel shifted and scaled to mean 0 and variance 1 over the batch, then to a learnt mean and scale.

    Weights: gamma, beta (C,), learnt; moving_mean, moving_variance (C,), averages of the batches' with weight
    `momentum` on the past, which take the batch's place when predicting, and in training too where the layer is frozen.
    The variance is the biased one throughout.
    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1; section 3.2 for images.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, momentum=number("momentum", self.momentum, low=0, high=1))
        set_canonical(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        channels = input_shape[-1:]
        return (
            Parameter("gamma", channels, Constant(1.0)),
            Parameter("beta", channels, Constant(0.0)),
            Parameter("moving_mean", channels, Constant(0.0), trainable=False),
            Parameter("moving_variance", channels, Constant(1.0), trainable=False),
        )

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def uses_per_weight(self, input_shape: Shape) -> int:
        return math.prod(input_shape[:-1])
