"""A trained network as one computes it fastest: the same numbers from fewer layers. A network of ours again.

A normalisation or rescaling that directly follows a layer with weights, without an activation between, is folded into
these weights; and an activation inside a layer becomes a layer of its own behind it, so that each value has a name.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Layer,
    Normalization,
    Rescaling,
)
from convlet.descriptions.network import Parameters, Sequential

Array = NDArray[Any]
WEIGHTED = Conv2D | DepthwiseConv2D | Dense
SCALING = BatchNormalization | Normalization | Rescaling


def simplified(network: Sequential, parameters: Parameters) -> tuple[Sequential, Parameters]:
    """The network and its parameters (float32) with as few layers as compute the same. Numbers differ by rounding."""
    numbers = {name: np.asarray(array, np.float64) for name, array in parameters.items()}
    making = _Making(numbers, {placed.name for placed in network})
    simple = Sequential(making.row(network.layers), network.input_shape)
    return simple, {name: making.parameters[name].astype(np.float32) for name in simple.parameters}


def scaling(layer: SCALING, parameters: Parameters) -> tuple[Array, Array]:
    """What a normalisation or rescaling multiplies by and adds when predicting: (C,) each, or one number each."""
    if isinstance(layer, Rescaling):
        return np.array(layer.scale), np.array(layer.offset)
    prefix = "moving_" if isinstance(layer, BatchNormalization) else ""
    mean, variance = (parameters[f"{layer.name}/{prefix}{of}"].astype(np.float64) for of in ("mean", "variance"))
    scale = parameters.get(f"{layer.name}/gamma", np.ones_like(mean)) / np.sqrt(variance + layer.epsilon)
    return scale, parameters.get(f"{layer.name}/beta", np.zeros_like(mean)) - scale * mean


class _Making:
    """Rows of layers made simple, and the parameters that they have then; `names` are the layers' own."""

    def __init__(self, parameters: Parameters, names: set[str]) -> None:
        self.parameters, self._names = parameters, names

    def row(self, layers: Sequence[Layer]) -> list[Layer]:
        made: list[Layer] = []
        for layer in layers:
            if isinstance(layer, SCALING) and made and isinstance(made[-1], WEIGHTED):
                made[-1] = self._folded(made[-1], layer)
            elif isinstance(layer, WEIGHTED) and layer.activation is not None:
                bare = cast(Layer, replace(layer, activation=None))
                made += [bare, Activation(layer.activation, name=self._name(f"{layer.name}-{layer.activation}"))]
            else:
                made.append(layer.with_branches([self.row(branch) for branch in layer.branches]))
        return made

    def _name(self, name: str) -> str:
        """The name, or with marks behind it where that is another layer's."""
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def _folded(self, layer: WEIGHTED, by: SCALING) -> Layer:
        """The layer with weights that also do what the next one did."""
        scale, offset = scaling(by, self.parameters)
        kernel, bias = f"{layer.name}/kernel", f"{layer.name}/bias"
        outputs = self.parameters[kernel].shape[2 if isinstance(layer, DepthwiseConv2D) else -1]
        across = scale[..., np.newaxis] if isinstance(layer, DepthwiseConv2D) else scale
        self.parameters[kernel] = self.parameters[kernel] * across
        self.parameters[bias] = self.parameters.get(bias, np.zeros(outputs)) * scale + offset
        return replace(layer, use_bias=True)
