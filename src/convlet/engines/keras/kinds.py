"""Each kind of layer as Keras's: the one of the same name, which does the same when predicting at least.

Options are those of every layer, a name, a type and whether it is trained; `IMAGES` says that channels come last.
"""

import math
from collections.abc import Callable
from typing import Any

import keras

from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import Placed
from convlet.descriptions.window import Padding
from convlet.engines.keras.layers import PaddedAveragePooling2D, PaddedMaxPooling2D

KerasLayer = Any  # a keras.layers.Layer
Options = dict[str, Any]
IMAGES = {"data_format": "channels_last"}


def keras_layer(placed: Placed, dtype: str) -> KerasLayer:
    """The Keras layer of this name and type, frozen where ours is."""
    options = {"name": placed.name, "dtype": dtype, "trainable": placed.layer.trainable}
    return KINDS[type(placed.layer)](placed.layer, placed, options)


def _conv2d(it: Conv2D, placed: Placed, options: Options) -> KerasLayer:
    window = {"strides": it.strides, "padding": _named_padding(it.padding)}
    how = {"activation": it.activation, "use_bias": it.use_bias}
    return keras.layers.Conv2D(it.filters, it.kernel_size, **window, **how, **IMAGES, **options)


def _depthwise(it: DepthwiseConv2D, placed: Placed, options: Options) -> KerasLayer:
    strides = it.window(placed.input_shape).strides
    window = {"strides": math.gcd(*strides), "padding": "valid" if _uneven(placed) else _named_padding(it.padding)}
    how = {"activation": it.activation, "use_bias": it.use_bias}
    return keras.layers.DepthwiseConv2D(it.kernel_size, **window, **how, **IMAGES, **options)


def _named_padding(padding: Padding) -> str:
    """Pixels around an image are put there by a layer of their own (`padding_layer`)."""
    return padding if isinstance(padding, str) else "valid"


def padding_layer(placed: Placed, dtype: str) -> KerasLayer | None:
    """The layer that puts zeros around the images of a convolution, where Keras's convolution cannot."""
    if not isinstance(placed.layer, Conv2D | DepthwiseConv2D):
        return None
    if isinstance(placed.layer.padding, str) and not _uneven(placed):
        return None
    padding = placed.layer.window(placed.input_shape).padding
    return keras.layers.ZeroPadding2D(padding, **IMAGES, name=f"{placed.name}_padding", dtype=dtype)


def thinning_layer(placed: Placed, dtype: str) -> KerasLayer | None:
    """The layer that leaves out what the strides of a depthwise convolution jump over, where they differ.

    TensorFlow's takes none that do; so it goes by their common divisor, on every backend, for a model that was saved
    on one is loaded on another. Pools of one pixel are a plain layer that picks pixels.
    """
    if not _uneven(placed):
        return None
    assert isinstance(placed.layer, DepthwiseConv2D)
    strides = placed.layer.window(placed.input_shape).strides
    steps = tuple(stride // math.gcd(*strides) for stride in strides)
    return keras.layers.MaxPooling2D(1, steps, "valid", **IMAGES, name=f"{placed.name}_strides", dtype=dtype)


def _uneven(placed: Placed) -> bool:
    """Whether this is a depthwise convolution whose strides differ."""
    layer = placed.layer
    return isinstance(layer, DepthwiseConv2D) and len(set(layer.window(placed.input_shape).strides)) > 1


def _dense(it: Dense, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Dense(it.units, activation=it.activation, use_bias=it.use_bias, **options)


def _max_pooling(it: MaxPooling2D, placed: Placed, options: Options) -> KerasLayer:
    if not isinstance(it.padding, str):
        return PaddedMaxPooling2D(it.window(placed.input_shape), **options)
    return keras.layers.MaxPooling2D(it.pool_size, it.strides, it.padding, **IMAGES, **options)


def _average_pooling(it: AveragePooling2D, placed: Placed, options: Options) -> KerasLayer:
    if not isinstance(it.padding, str) or (keras.config.backend() == "torch" and it.padding == "same"):
        return PaddedAveragePooling2D(it.window(placed.input_shape), **options)
    return keras.layers.AveragePooling2D(it.pool_size, it.strides, it.padding, **IMAGES, **options)


def _global_average_pooling(it: GlobalAveragePooling2D, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.GlobalAveragePooling2D(**IMAGES, **options)


def _global_max_pooling(it: GlobalMaxPooling2D, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.GlobalMaxPooling2D(**IMAGES, **options)


def _flatten(it: Flatten, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Flatten(**IMAGES, **options)


def _dropout(it: Dropout, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Dropout(it.rate, **options)


def _batch_normalization(it: BatchNormalization, placed: Placed, options: Options) -> KerasLayer:
    learnt = {"center": it.center, "scale": it.scale}
    return keras.layers.BatchNormalization(momentum=it.momentum, epsilon=it.epsilon, **learnt, **options)


def _normalization(it: Normalization, placed: Placed, options: Options) -> KerasLayer:
    """A frozen batch normalisation: Keras's own Normalization holds numbers that no step can be given."""
    bare = {"epsilon": it.epsilon, "center": False, "scale": False}
    return keras.layers.BatchNormalization(**bare, **{**options, "trainable": False})


def _rescaling(it: Rescaling, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Rescaling(it.scale, it.offset, **options)


def _activation(it: Activation, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Activation(it.activation, **options)


def _residual(it: Residual, placed: Placed, options: Options) -> KerasLayer:
    return keras.layers.Add(**options)


KINDS: dict[type[Layer], Callable[[Any, Placed, Options], KerasLayer]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    MaxPooling2D: _max_pooling,
    AveragePooling2D: _average_pooling,
    GlobalAveragePooling2D: _global_average_pooling,
    GlobalMaxPooling2D: _global_max_pooling,
    Flatten: _flatten,
    Dropout: _dropout,
    BatchNormalization: _batch_normalization,
    Activation: _activation,
    Normalization: _normalization,
    Rescaling: _rescaling,
    Residual: _residual,
}
