"""The description as Keras models, which share their layers and weights.

Three views of one network: `predicting` gives logits and is a plain Keras model, to keep; `inspecting` gives every
layer's outputs; `training` takes the masks of dropout as further inputs and gives logits. Layers are channels-last,
and of the parameters' float type, whatever Keras's own settings are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlet.descriptions.network import Placed, Sequential
from convlet.engines.keras.layers import MaskedDropout, PaddedAveragePooling2D

Tensor = Any  # the backend's
Values = dict[str, Tensor]  # by a parameter's public name


class Batch(NamedTuple):
    """What a step is given: images (N, H, W, C), labels (N,), and masks (N, *shape), in the dropouts' order."""

    images: Any
    labels: Any
    masks: list[Any]


@dataclass(frozen=True)
class Models:
    """A network's three models, and their variables by public names: those learnt, and those measured."""

    predicting: keras.Model
    inspecting: keras.Model
    training: keras.Model
    learnt: dict[str, keras.Variable]
    measured: dict[str, keras.Variable]

    @property
    def variables(self) -> dict[str, keras.Variable]:
        return self.learnt | self.measured

    def train(self, values: Mapping[str, Any], batch: Batch) -> tuple[Tensor, Values]:
        """Logits (N, classes) when training with these values, and what becomes of those that are measured.

        The variables themselves keep theirs: a function without side effects, for gradients and for JAX.
        """
        mapping = [(self.variables[name], value) for name, value in values.items()]
        with keras.StatelessScope(mapping) as scope:
            logits = self.training([batch.images, *batch.masks], training=True)
        return logits, {name: scope.get_current_value(variable) for name, variable in self.measured.items()}

    def predict(self, values: Mapping[str, Any], images: Tensor) -> list[Tensor]:
        """Every layer's outputs with these values, when predicting."""
        mapping = [(self.variables[name], value) for name, value in values.items()]
        with keras.StatelessScope(mapping):
            return list(keras.tree.flatten(self.inspecting(images, training=False)))


def build(network: Sequential, dtype: str) -> Models:
    """The network's models, with initial values still of Keras's choosing."""
    layers = {placed.name: _layer(placed, dtype) for placed in network}
    outputs = training = images = keras.Input(network.input_shape, dtype=dtype)
    masks, every_output = [], []
    for placed in network:
        outputs = layers[placed.name](outputs)
        every_output.append(outputs)
        if isinstance(placed.layer, Dropout):
            masks.append(keras.Input(placed.input_shape, dtype="bool"))
            training = MaskedDropout(placed.layer.rate, name=placed.name, dtype=dtype)([training, masks[-1]])
        else:
            training = layers[placed.name](training)
    variables = {
        name: (parameter.trainable, getattr(layers[placed.name], parameter.name))
        for placed in network
        for name, parameter in placed.parameters.items()
    }
    return Models(
        predicting=keras.Model(images, outputs),
        inspecting=keras.Model(images, every_output),
        training=keras.Model([images, *masks], training),
        learnt={name: variable for name, (trainable, variable) in variables.items() if trainable},
        measured={name: variable for name, (trainable, variable) in variables.items() if not trainable},
    )


def mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The batch's mean cross-entropy, from logits (N, classes) and labels (N,)."""
    return keras.ops.mean(keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """How many of the batch have their largest logit at their label."""
    hits = keras.ops.equal(keras.ops.cast(keras.ops.argmax(logits, axis=1), labels.dtype), labels)
    return keras.ops.sum(keras.ops.cast(hits, "int32"))


def _layer(placed: Placed, dtype: str) -> keras.layers.Layer:
    """The Keras layer that does the same, when predicting at least."""
    named = {"name": placed.name, "dtype": dtype}
    image = {**named, "data_format": "channels_last"}
    match placed.layer:
        case Conv2D() as it:
            window = {"strides": it.strides, "padding": it.padding}
            return keras.layers.Conv2D(
                it.filters, it.kernel_size, **window, activation=it.activation, use_bias=it.use_bias, **image
            )
        case Dense() as it:
            return keras.layers.Dense(it.units, activation=it.activation, use_bias=it.use_bias, **named)
        case Activation() as it:
            return keras.layers.Activation(it.activation, **named)
        case MaxPooling2D() as it:
            return keras.layers.MaxPooling2D(it.pool_size, it.strides, it.padding, **image)
        case AveragePooling2D() as it:
            if keras.config.backend() == "torch" and it.padding == "same":
                return PaddedAveragePooling2D(it.window(placed.input_shape), **named)
            return keras.layers.AveragePooling2D(it.pool_size, it.strides, it.padding, **image)
        case GlobalAveragePooling2D():
            return keras.layers.GlobalAveragePooling2D(**image)
        case Flatten():
            return keras.layers.Flatten(**image)
        case Dropout() as it:
            return keras.layers.Dropout(it.rate, **named)
        case BatchNormalization() as it:
            return keras.layers.BatchNormalization(momentum=it.momentum, epsilon=it.epsilon, **named)
    raise TypeError(f"no Keras layer for {type(placed.layer).__name__}")
