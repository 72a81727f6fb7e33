"""Normalisation: each channel brought to mean 0 and variance 1, over a batch or over the training images."""

import math
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Shape, number, true_or_false
from convlet.descriptions.initializers import Constant
from convlet.descriptions.layers.layer import Layer, Parameter
from convlet.descriptions.measured import ChannelMean, ChannelVariance
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Each channel shifted and scaled to mean 0 and variance 1 over the batch, then to a learnt mean and scale.

    Weights: gamma (C,), learnt, with `scale`; beta (C,), learnt, with `center`; moving_mean, moving_variance (C,),
    averages of the batches' with weight `momentum` on the past, which take the batch's place when predicting, and in
    training too where the layer is frozen.
    The variance is the biased one throughout.
    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1; section 3.2 for images.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    _: KW_ONLY
    center: bool = True
    scale: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, momentum=number("momentum", self.momentum, low=0, high=1))
        set_canonical(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))
        set_canonical(self, center=true_or_false("center", self.center), scale=true_or_false("scale", self.scale))

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        channels = input_shape[-1:]
        return (
            *((Parameter("gamma", channels, Constant(1.0)),) if self.scale else ()),
            *((Parameter("beta", channels, Constant(0.0)),) if self.center else ()),
            Parameter("moving_mean", channels, Constant(0.0), trainable=False),
            Parameter("moving_variance", channels, Constant(1.0), trainable=False),
        )

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def uses_per_weight(self, input_shape: Shape) -> int:
        return math.prod(input_shape[:-1])


@dataclass(frozen=True)
class Normalization(Layer):
    """Each channel of the images shifted and scaled to mean 0 and variance 1 over the training images: a first layer.

    Weights: mean, variance (C,), measured from the training images when training begins, and never moved.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        channels = input_shape[-1:]
        return (
            Parameter("mean", channels, ChannelMean(), trainable=False),
            Parameter("variance", channels, ChannelVariance(), trainable=False),
        )

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)
