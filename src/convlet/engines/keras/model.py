"""The description as Keras models, which share their layers and weights.

Three views of one network: `predicting` gives logits and is a plain Keras model, to keep; `inspecting` gives every
layer's outputs; `training` takes the masks of dropout as further inputs and gives logits. Layers are channels-last,
and of the parameters' float type, whatever Keras's own settings are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import BatchNormalization, Dropout
from convlet.descriptions.network import IMAGE, Placed, Sequential
from convlet.engines.keras.kinds import keras_layer, padding_layer, thinning_layer
from convlet.engines.keras.layers import MaskedDropout, StagedNormalization

Tensor = Any  # the backend's
Values = dict[str, Tensor]  # by a parameter's public name


class Feed(NamedTuple):
    """A batch as a step is fed it: images (N, H, W, C), labels and weights (N,), targets (N, classes), one 1 for each
    label where it is certain; masks (N, *shape) in their order.
    """

    images: Any
    labels: Any
    weights: Any
    targets: Any
    masks: list[Any]


@dataclass(frozen=True)
class Models:
    """A network's three models, and their variables by public names: those learnt, and those measured or frozen."""

    predicting: keras.Model
    inspecting: keras.Model
    training: keras.Model
    learnt: dict[str, keras.Variable]
    measured: dict[str, keras.Variable]  # and frozen ones, of which nothing becomes

    @property
    def variables(self) -> dict[str, keras.Variable]:
        return self.learnt | self.measured

    def train(self, values: Mapping[str, Any], feed: Feed) -> tuple[Tensor, Values]:
        """Logits (N, classes) when training with these values, and what becomes of those that are measured.

        The variables themselves keep theirs: a function without side effects, for gradients and for JAX.
        """
        mapping = [(self.variables[name], value) for name, value in values.items()]
        with keras.StatelessScope(mapping) as scope:
            logits = self.training([feed.images, *feed.masks], training=True)
        now = {name: scope.get_current_value(variable) for name, variable in self.measured.items()}
        return logits, {name: value for name, value in now.items() if value is not None}

    def predict(self, values: Mapping[str, Any], images: Tensor) -> list[Tensor]:
        """Every layer's outputs with these values, when predicting."""
        mapping = [(self.variables[name], value) for name, value in values.items()]
        with keras.StatelessScope(mapping):
            return list(keras.tree.flatten(self.inspecting(images, training=False)))


def build(network: Sequential, dtype: str) -> Models:
    """The network's models, with zeros for all values: they are yours to give."""
    layers, last = {placed.name: _of_zeros(placed, dtype) for placed in network}, network.layers[-1].name
    around = {placed.name: (padding_layer(placed, dtype), thinning_layer(placed, dtype)) for placed in network}
    images = keras.Input(network.input_shape, dtype=dtype)
    outputs, training, masks = {IMAGE: images}, {IMAGE: images}, []
    for placed in network:
        outputs[placed.name] = _applied(layers[placed.name], placed, outputs, around)
        if isinstance(placed.layer, Dropout):
            masks.append(keras.Input(placed.input_shape, dtype="bool"))
            dropout = MaskedDropout(placed.layer.rate, name=placed.name, dtype=dtype)
            training[placed.name] = dropout([training[placed.inputs[0]], masks[-1]])
        elif isinstance(placed.layer, BatchNormalization) and placed.layer.trainable:
            staged = StagedNormalization(layers[placed.name], name=placed.name, dtype=dtype)
            training[placed.name] = staged(training[placed.inputs[0]])
        else:
            training[placed.name] = _applied(layers[placed.name], placed, training, around)
    variables = {
        name: (parameter.trainable, _variable(layers[placed.name], parameter.name))
        for placed in network
        for name, parameter in placed.parameters.items()
    }
    return Models(
        predicting=keras.Model(images, outputs[last]),
        inspecting=keras.Model(images, [outputs[name] for name in layers]),
        training=keras.Model([images, *masks], training[last]),
        learnt={name: variable for name, (trainable, variable) in variables.items() if trainable},
        measured={name: variable for name, (trainable, variable) in variables.items() if not trainable},
    )


def _of_zeros(placed: Placed, dtype: str) -> keras.Layer:
    """The layer, with its variables there. Keras would draw their values: on JAX that takes seconds to compile."""
    layer = keras_layer(placed, dtype)
    own: dict[str, Any] = layer.__dict__
    chosen = {name: value for name, value in own.items() if name.endswith("_initializer")}
    if chosen:
        own.update(dict.fromkeys(chosen, _zeros))
        layer.build((*(None for _ in placed.input_shape), placed.input_shape[-1]))
        own.update(chosen)  # a model that is taken further may be begun anew
    return layer


def _zeros(shape: tuple[int, ...], dtype: str | None = None) -> NDArray[Any]:
    return np.zeros(shape, dtype)


def _variable(layer: keras.Layer, name: str) -> keras.Variable:
    """A layer's variable by our name for it; of a Normalization, Keras's are called moving."""
    return getattr(layer, name) if hasattr(layer, name) else getattr(layer, f"moving_{name}")


def _applied(layer: Any, placed: Placed, values: Mapping[str, Tensor], around: Mapping[str, tuple[Any, Any]]) -> Tensor:
    """A layer's output from the values that it is given: one, or those that it adds.

    `around` it may be a layer that puts pixels around the value before, and one that leaves pixels out afterwards.
    """
    first, *others = (values[name] for name in placed.inputs)
    if others:
        return layer([first, *others])
    before, after = around[placed.name]
    output = layer(first if before is None else before(first))
    return output if after is None else after(output)


def mean_loss(logits: Tensor, feed: Feed) -> Tensor:
    """The batch's mean of weight × cross-entropy, from logits (N, classes)."""
    losses = keras.ops.categorical_crossentropy(feed.targets, logits, from_logits=True)
    return keras.ops.mean(feed.weights * losses)


def sum_of_logits(logits: Tensor, classes: Tensor) -> Tensor:
    """The sum over images of one logit of each, at its place in `classes` (N,). (N, classes) → ()."""
    return keras.ops.sum(logits * keras.ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype))


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """How many of the batch have their largest logit at their label."""
    hits = keras.ops.equal(keras.ops.cast(keras.ops.argmax(logits, axis=1), labels.dtype), labels)
    return keras.ops.sum(keras.ops.cast(hits, "int32"))
