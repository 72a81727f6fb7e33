"""Any one layer, forward and backward: which functions a description stands for.

Each kind of layer has two functions here, one below the other, and a line in the table at the end. Forward returns the
layer's outputs, and a memory: what backward needs of this pass. `weights` holds the layer's own parameters by their
short names ("kernel", "bias"). `masks` says which values each Dropout keeps; it is None when predicting, and then
nothing is dropped and batch normalisation uses its moving averages, as a frozen one always does.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

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
from convlet.descriptions.network import Parameters, Placed
from convlet.descriptions.window import Window
from convlet.engines import Masks
from convlet.engines.numpy.activations import activate, activate_backward
from convlet.engines.numpy.convolution import convolution, convolution_backward
from convlet.engines.numpy.dense import dense, dense_backward, dropout
from convlet.engines.numpy.depthwise import depthwise, depthwise_backward
from convlet.engines.numpy.normalization import (
    batch_normalization,
    batch_normalization_backward,
    batch_statistics,
    fixed_normalization_backward,
)
from convlet.engines.numpy.pooling import (
    average_pooling,
    average_pooling_backward,
    global_average_pooling,
    global_average_pooling_backward,
    max_pooling,
    max_pooling_backward,
)

Array = NDArray[Any]
Shape = tuple[int, ...]
Memory = Any  # each layer's own
Forward = tuple[Array, Memory]  # outputs (N, *output_shape), and what backward needs
Backward = tuple[Array, Parameters]  # d_inputs (N, *input_shape), and each learnt parameter's gradient


class Pass(NamedTuple):
    """One pass over a batch, as a layer sees it."""

    placed: Placed
    weights: Parameters
    masks: Masks | None = None

    @property
    def layer(self) -> Any:
        return self.placed.layer

    @property
    def window(self) -> Window:
        return cast(Window, self.layer.window(self.placed.input_shape))

    def inputs_of(self, d_outputs: Array) -> Shape:
        """The shape (N, *input_shape) of the inputs that these are the outputs' gradients for."""
        return len(d_outputs), *self.placed.input_shape


def forward(placed: Placed, weights: Parameters, inputs: Array, masks: Masks | None) -> Forward:
    """Outputs (N, *output_shape) from inputs (N, *input_shape), and what backward needs."""
    return KINDS[type(placed.layer)].forward(Pass(placed, weights, masks), inputs)


def backward(placed: Placed, weights: Parameters, d_outputs: Array, memory: Memory) -> Backward:
    """d_inputs (N, *input_shape), and the gradient of each learnt parameter by its short name."""
    return KINDS[type(placed.layer)].backward(Pass(placed, weights), d_outputs, memory)


def moving_averages(placed: Placed, weights: Parameters, memory: Memory) -> Parameters:
    """What a step of training makes of the layer's parameters that are measured, not learnt."""
    return KINDS[type(placed.layer)].averages(Pass(placed, weights), memory)


def _convolution(it: Pass, images: Array) -> Forward:
    sums, flattened_input = convolution(images, it.weights["kernel"], it.window)
    outputs, memory = activate(it.layer.activation, _add_bias(sums, it.weights))
    return outputs, (flattened_input, memory)


def _convolution_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    flattened_input, of_activation = memory
    d_sums = activate_backward(it.layer.activation, d_outputs, of_activation)
    arrays = d_sums, flattened_input, it.weights["kernel"]
    d_images, d_kernel = convolution_backward(*arrays, it.inputs_of(d_outputs), it.window)
    return d_images, {"kernel": d_kernel, **_bias_backward(d_sums, it.weights)}


def _depthwise(it: Pass, images: Array) -> Forward:
    sums, sections = depthwise(images, it.weights["kernel"], it.window)
    outputs, memory = activate(it.layer.activation, _add_bias(sums, it.weights))
    return outputs, (sections, memory)


def _depthwise_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    sections, of_activation = memory
    d_sums = activate_backward(it.layer.activation, d_outputs, of_activation)
    arrays = d_sums, sections, it.weights["kernel"]
    d_images, d_kernel = depthwise_backward(*arrays, it.inputs_of(d_outputs), it.window)
    return d_images, {"kernel": d_kernel, **_bias_backward(d_sums, it.weights)}


def _dense(it: Pass, inputs: Array) -> Forward:
    outputs, memory = activate(it.layer.activation, _add_bias(dense(inputs, it.weights["kernel"]), it.weights))
    return outputs, (inputs, memory)


def _dense_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    inputs, of_activation = memory
    d_sums = activate_backward(it.layer.activation, d_outputs, of_activation)
    d_inputs, d_kernel = dense_backward(d_sums, inputs, it.weights["kernel"])
    return d_inputs, {"kernel": d_kernel, **_bias_backward(d_sums, it.weights)}


def _activation(it: Pass, inputs: Array) -> Forward:
    return activate(it.layer.activation, inputs)


def _activation_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return activate_backward(it.layer.activation, d_outputs, memory), {}


def _max_pooling(it: Pass, images: Array) -> Forward:
    return max_pooling(images, it.window)


def _max_pooling_backward(it: Pass, d_outputs: Array, winners: Memory) -> Backward:
    return max_pooling_backward(d_outputs, winners, it.inputs_of(d_outputs), it.window), {}


def _average_pooling(it: Pass, images: Array) -> Forward:
    return average_pooling(images, it.window), None


def _average_pooling_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return average_pooling_backward(d_outputs, it.inputs_of(d_outputs), it.window), {}


def _global_average_pooling(it: Pass, images: Array) -> Forward:
    return global_average_pooling(images), None


def _global_average_pooling_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return global_average_pooling_backward(d_outputs, it.inputs_of(d_outputs)), {}


def _global_max_pooling(it: Pass, images: Array) -> Forward:
    outputs, winners = max_pooling(images, it.window)
    return outputs[:, 0, 0], winners


def _global_max_pooling_backward(it: Pass, d_outputs: Array, winners: Memory) -> Backward:
    return max_pooling_backward(d_outputs[:, None, None], winners, it.inputs_of(d_outputs), it.window), {}


def _flatten(it: Pass, inputs: Array) -> Forward:
    return inputs.reshape(len(inputs), *it.placed.output_shape), None


def _flatten_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return d_outputs.reshape(it.inputs_of(d_outputs)), {}


def _dropout(it: Pass, inputs: Array) -> Forward:
    keep = None if it.masks is None else it.masks[it.placed.name]
    return inputs if keep is None else dropout(inputs, keep, it.layer.rate), keep


def _dropout_backward(it: Pass, d_outputs: Array, keep: Memory) -> Backward:
    return d_outputs if keep is None else dropout(d_outputs, keep, it.layer.rate), {}


def _normalization(it: Pass, inputs: Array) -> Forward:
    weights, fixed = it.weights, it.masks is None or not it.layer.trainable
    moving = weights["moving_mean"], weights["moving_variance"]
    mean, variance = moving if fixed else batch_statistics(inputs)
    gamma, beta = weights.get("gamma", np.ones_like(mean)), weights.get("beta", np.zeros_like(mean))
    outputs, normalized = batch_normalization(inputs, mean, variance, gamma, beta, it.layer.epsilon)
    return outputs, (normalized, mean, variance, fixed)


def _normalization_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    normalized, _, variance, fixed = memory
    function = fixed_normalization_backward if fixed else batch_normalization_backward
    gamma = it.weights.get("gamma", np.ones_like(variance))
    d_inputs, d_gamma, d_beta = function(d_outputs, normalized, variance, gamma, it.layer.epsilon)
    gradients = {"gamma": d_gamma, "beta": d_beta}
    return d_inputs, {name: gradients[name] for name in gradients.keys() & it.weights.keys()}


def _fixed_normalization(it: Pass, images: Array) -> Forward:
    mean, variance = it.weights["mean"], it.weights["variance"]
    arrays = images, mean, variance, np.ones_like(mean), np.zeros_like(mean)
    return batch_normalization(*arrays, it.layer.epsilon)[0], None


def _fixed_normalization_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return d_outputs / np.sqrt(it.weights["variance"] + it.layer.epsilon), {}


def _rescaling(it: Pass, inputs: Array) -> Forward:
    return inputs * it.layer.scale + it.layer.offset, None


def _rescaling_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return d_outputs * it.layer.scale, {}


def _normalization_averages(it: Pass, memory: Memory) -> Parameters:
    _, mean, variance, fixed = memory
    if fixed:
        return {}
    past, now = it.layer.momentum, 1 - it.layer.momentum
    return {
        "moving_mean": past * it.weights["moving_mean"] + now * mean,
        "moving_variance": past * it.weights["moving_variance"] + now * variance,
    }


def _residual(it: Pass, summed: Array) -> Forward:
    """The addition itself is the network's: whatever is given several values is given their sum."""
    return summed, None


def _residual_backward(it: Pass, d_outputs: Array, memory: Memory) -> Backward:
    return d_outputs, {}


def _add_bias(sums: Array, weights: Parameters) -> Array:
    return sums + weights["bias"] if "bias" in weights else sums


def _bias_backward(d_sums: Array, weights: Parameters) -> Parameters:
    return {"bias": d_sums.sum(axis=tuple(range(d_sums.ndim - 1)))} if "bias" in weights else {}


def _no_averages(it: Pass, memory: Memory) -> Parameters:
    return {}


class Kind(NamedTuple):
    """How one kind of layer is computed. `averages` is for a kind with parameters that are measured, not learnt."""

    forward: Callable[[Pass, Array], Forward]
    backward: Callable[[Pass, Array, Memory], Backward]
    averages: Callable[[Pass, Memory], Parameters] = _no_averages


KINDS: dict[type[Layer], Kind] = {
    Conv2D: Kind(_convolution, _convolution_backward),
    DepthwiseConv2D: Kind(_depthwise, _depthwise_backward),
    Dense: Kind(_dense, _dense_backward),
    Activation: Kind(_activation, _activation_backward),
    MaxPooling2D: Kind(_max_pooling, _max_pooling_backward),
    AveragePooling2D: Kind(_average_pooling, _average_pooling_backward),
    GlobalMaxPooling2D: Kind(_global_max_pooling, _global_max_pooling_backward),
    GlobalAveragePooling2D: Kind(_global_average_pooling, _global_average_pooling_backward),
    Flatten: Kind(_flatten, _flatten_backward),
    Dropout: Kind(_dropout, _dropout_backward),
    BatchNormalization: Kind(_normalization, _normalization_backward, _normalization_averages),
    Normalization: Kind(_fixed_normalization, _fixed_normalization_backward),
    Rescaling: Kind(_rescaling, _rescaling_backward),
    Residual: Kind(_residual, _residual_backward),
}
