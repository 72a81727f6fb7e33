"""Any one layer, forward and backward: which functions a description stands for.

`forward` returns the layer's outputs, and a memory: what `backward` needs of this pass. `weights` holds the layer's
own parameters by their short names ("kernel", "bias"). `masks` says which values each Dropout keeps; it is None when
predicting, and then nothing is dropped and batch normalisation uses its moving averages.
"""

from typing import Any

from numpy.typing import NDArray

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
from convlet.descriptions.network import Parameters, Placed
from convlet.engines import Masks
from convlet.engines.numpy.activations import BACKWARD, FORWARD
from convlet.engines.numpy.convolution import convolution, convolution_backward
from convlet.engines.numpy.dense import dense, dense_backward, dropout
from convlet.engines.numpy.normalization import batch_normalization, batch_normalization_backward, batch_statistics
from convlet.engines.numpy.pooling import (
    average_pooling,
    average_pooling_backward,
    global_average_pooling,
    global_average_pooling_backward,
    max_pooling,
    max_pooling_backward,
)

Array = NDArray[Any]
Memory = Any  # each layer's own


def forward(placed: Placed, weights: Parameters, inputs: Array, masks: Masks | None) -> tuple[Array, Memory]:
    """Outputs (N, *output_shape) from inputs (N, *input_shape), and what backward needs."""
    match placed.layer:
        case Conv2D() as layer:
            sums, flattened_input = convolution(inputs, weights["kernel"], layer.window(placed.input_shape))
            outputs = _activate(layer.activation, _add_bias(sums, weights))
            return outputs, (flattened_input, outputs)
        case Dense() as layer:
            outputs = _activate(layer.activation, _add_bias(dense(inputs, weights["kernel"]), weights))
            return outputs, (inputs, outputs)
        case Activation() as layer:
            outputs = _activate(layer.activation, inputs)
            return outputs, outputs
        case MaxPooling2D() as layer:
            return max_pooling(inputs, layer.window(placed.input_shape))
        case AveragePooling2D() as layer:
            return average_pooling(inputs, layer.window(placed.input_shape)), None
        case GlobalAveragePooling2D():
            return global_average_pooling(inputs), None
        case Flatten():
            return inputs.reshape(len(inputs), *placed.output_shape), None
        case Dropout() as layer:
            keep = None if masks is None else masks[placed.name]
            return inputs if keep is None else dropout(inputs, keep, layer.rate), keep
        case BatchNormalization() as layer:
            moving = weights["moving_mean"], weights["moving_variance"]
            mean, variance = moving if masks is None else batch_statistics(inputs)
            gamma, beta = weights["gamma"], weights["beta"]
            outputs, normalized = batch_normalization(inputs, mean, variance, gamma, beta, layer.epsilon)
            return outputs, (normalized, mean, variance)
    raise TypeError(f"no forward pass for {type(placed.layer).__name__}")


def backward(placed: Placed, weights: Parameters, d_outputs: Array, memory: Memory) -> tuple[Array, Parameters]:
    """d_inputs (N, *input_shape), and the gradient of each trainable parameter by its short name."""
    image_shape = (len(d_outputs), *placed.input_shape)
    match placed.layer:
        case Conv2D() as layer:
            flattened_input, outputs = memory
            d_sums = _activate_backward(layer.activation, d_outputs, outputs)
            window = layer.window(placed.input_shape)
            d_inputs, d_kernel = convolution_backward(d_sums, flattened_input, weights["kernel"], image_shape, window)
            return d_inputs, {"kernel": d_kernel, **_bias_backward(d_sums, weights)}
        case Dense() as layer:
            inputs, outputs = memory
            d_sums = _activate_backward(layer.activation, d_outputs, outputs)
            d_inputs, d_kernel = dense_backward(d_sums, inputs, weights["kernel"])
            return d_inputs, {"kernel": d_kernel, **_bias_backward(d_sums, weights)}
        case Activation() as layer:
            return _activate_backward(layer.activation, d_outputs, memory), {}
        case MaxPooling2D() as layer:
            return max_pooling_backward(d_outputs, memory, image_shape, layer.window(placed.input_shape)), {}
        case AveragePooling2D() as layer:
            return average_pooling_backward(d_outputs, image_shape, layer.window(placed.input_shape)), {}
        case GlobalAveragePooling2D():
            return global_average_pooling_backward(d_outputs, image_shape), {}
        case Flatten():
            return d_outputs.reshape(image_shape), {}
        case Dropout() as layer:
            return dropout(d_outputs, memory, layer.rate), {}
        case BatchNormalization() as layer:
            normalized, _, variance = memory
            d_inputs, d_gamma, d_beta = batch_normalization_backward(
                d_outputs, normalized, variance, weights["gamma"], layer.epsilon
            )
            return d_inputs, {"gamma": d_gamma, "beta": d_beta}
    raise TypeError(f"no backward pass for {type(placed.layer).__name__}")


def moving_averages(placed: Placed, weights: Parameters, memory: Memory) -> Parameters:
    """What a step of training makes of the layer's parameters that are measured, not learnt."""
    if not isinstance(placed.layer, BatchNormalization):
        return {}
    _, mean, variance = memory
    past, now = placed.layer.momentum, 1 - placed.layer.momentum
    return {
        "moving_mean": past * weights["moving_mean"] + now * mean,
        "moving_variance": past * weights["moving_variance"] + now * variance,
    }


def _add_bias(sums: Array, weights: Parameters) -> Array:
    return sums + weights["bias"] if "bias" in weights else sums


def _bias_backward(d_sums: Array, weights: Parameters) -> Parameters:
    return {"bias": d_sums.sum(axis=tuple(range(d_sums.ndim - 1)))} if "bias" in weights else {}


def _activate(activation: str | None, inputs: Array) -> Array:
    return inputs if activation is None else FORWARD[activation](inputs)


def _activate_backward(activation: str | None, d_outputs: Array, outputs: Array) -> Array:
    return d_outputs if activation is None else BACKWARD[activation](d_outputs, outputs)
