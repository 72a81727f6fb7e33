"""Each kind of layer as Keras's: the one of the same name, which does the same when predicting at least.

Options are those of every layer, a name, a type and whether it is trained; `IMAGES` says that channels come last.
"""

from collections.abc import Callable
from typing import Any

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
    Layer,
    MaxPooling2D,
)
from convlet.descriptions.network import Placed
from convlet.engines.keras.layers import PaddedAveragePooling2D

KerasLayer = Any  # a keras.layers.Layer
Options = dict[str, Any]
IMAGES = {"data_format": "channels_last"}


def keras_layer(placed: Placed, dtype: str) -> KerasLayer:
    """The Keras layer of this name and type, frozen where ours is."""
    options = {"name": placed.name, "dtype": dtype, "trainable": placed.layer.trainable}
    return KINDS[type(placed.layer)](placed.layer, placed, options)


def _conv2d(it: Conv2D, placed: Placed, options: Options) -> KerasLayer:
    window = {"strides": it.strides, "padding": it.padding}
    how = {"activation": it.activation, "use_bias": it.use_bias}
    return keras.layers.Conv2D(it.filters, it.kernel_size, **window, **how, **IMAGES, **options)


def _dense(it: Dense, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Dense(it.units, activation=it.activation, use_bias=it.use_bias, **options)


def _max_pooling(it: MaxPooling2D, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.MaxPooling2D(it.pool_size, it.strides, it.padding, **IMAGES, **options)


def _average_pooling(it: AveragePooling2D, placed: Placed, options: Options) -> KerasLayer:
    if keras.config.backend() == "torch" and it.padding == "same":
        return PaddedAveragePooling2D(it.window(placed.input_shape), **options)
    return keras.layers.AveragePooling2D(it.pool_size, it.strides, it.padding, **IMAGES, **options)


def _global_average_pooling(it: GlobalAveragePooling2D, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.GlobalAveragePooling2D(**IMAGES, **options)


def _flatten(it: Flatten, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Flatten(**IMAGES, **options)


def _dropout(it: Dropout, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Dropout(it.rate, **options)


def _batch_normalization(it: BatchNormalization, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.BatchNormalization(momentum=it.momentum, epsilon=it.epsilon, **options)


def _activation(it: Activation, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Activation(it.activation, **options)


KINDS: dict[type[Layer], Callable[[Any, Placed, Options], KerasLayer]] = {
    Conv2D: _conv2d,
    Dense: _dense,
    MaxPooling2D: _max_pooling,
    AveragePooling2D: _average_pooling,
    GlobalAveragePooling2D: _global_average_pooling,
    Flatten: _flatten,
    Dropout: _dropout,
    BatchNormalization: _batch_normalization,
    Activation: _activation,
}
