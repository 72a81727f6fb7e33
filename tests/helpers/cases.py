"""What engines are tested on: every kind of layer in many forms, three small networks, and arrays to feed them.

An engine must be smooth where a derivative is measured, so inputs are drawn until they keep a distance from the
kinks: from 0 before a ReLU, and from ties under a pool.
"""

import itertools
from dataclasses import dataclass, replace

import naive
import numpy as np

from convlet.descriptions.initializers import Uniform
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
from convlet.descriptions.network import Sequential

PADDINGS = ("valid", "same")
ACTIVATIONS = (None, "relu", "tanh", "sigmoid", "softmax")
FAR = 1e-4  # from a kink; central differences move a sum by about 1e-5 at most


@dataclass(frozen=True)
class Case:
    """One layer in its place, with a batch size."""

    title: str
    layer: Layer
    input_shape: tuple[int, ...]
    images: int = 2

    @property
    def placed(self):
        return next(iter(Sequential([self.layer], self.input_shape)))

    def arrays(self, seed=0, dtype=np.float64):
        """(weights by short name, inputs, masks): drawn anew until they are far from every kink."""
        for attempt in itertools.count():
            generator = np.random.default_rng([seed, attempt])
            weights = draw_weights(self.placed, generator)
            inputs = draw_inputs((self.images, *self.input_shape), generator)
            masks = {self.placed.name: generator.random(inputs.shape) >= getattr(self.layer, "rate", 0)}
            if distance_to_kinks(self.placed, weights, inputs) > FAR:
                return {name: array.astype(dtype) for name, array in weights.items()}, inputs.astype(dtype), masks
        raise AssertionError("unreachable")


def draw_inputs(shape, generator):
    """Numbers in [−1, 1], all different and evenly spaced: no ties."""
    return generator.permutation(np.linspace(-1, 1, int(np.prod(shape)))).reshape(shape)


def draw_weights(placed, generator):
    """Parameters by short name, away from the special values 0 and 1; variances are positive."""
    return {
        name.removeprefix(f"{placed.name}/"): generator.uniform(
            *((0.5, 1.5) if "variance" in name else (-1, 1)), p.shape
        )
        for name, p in placed.parameters.items()
    }


def distance_to_kinks(placed, weights, inputs):
    """How far the nearest value stands from a ReLU's 0, or the winner of a pool from its runner-up."""
    layer = placed.layer
    if getattr(layer, "activation", None) == "relu":
        if isinstance(layer, Activation):
            return np.abs(inputs).min()
        sums = naive_outputs(replace(placed, layer=replace(layer, activation=None)), weights, inputs, None)
        return np.abs(sums).min()
    if isinstance(layer, MaxPooling2D):
        gaps = naive.pool(inputs.tolist(), layer.pool_size, layer.strides or layer.pool_size, layer.padding, of=_gap)
        return np.min(gaps)
    return np.inf


def _gap(values):
    """From the largest to the second; two zeros are as flat as can be (a ReLU made them)."""
    first, second = [*sorted(values, reverse=True), -np.inf][:2]
    return np.inf if first == second == 0 else first - second


def naive_outputs(placed, weights, inputs, masks):
    """The layer's outputs by the naive loops, as an array; with masks, as when training."""
    w, x = {name: array.tolist() for name, array in weights.items()}, inputs.tolist()
    return np.array(NAIVE[type(placed.layer)](placed, w, x, masks), np.float64)


def _conv2d(placed, w, x, masks):
    it = placed.layer
    return naive.activate(it.activation, naive.conv2d(x, w["kernel"], w.get("bias"), it.strides, it.padding))


def _dense(placed, w, x, masks):
    return naive.activate(placed.layer.activation, naive.dense(x, w["kernel"], w.get("bias")))


def _pool(of):
    def pool(placed, w, x, masks):
        it = placed.layer
        return naive.pool(x, it.pool_size, it.strides or it.pool_size, it.padding, of=of)

    return pool


def _dropout(placed, w, x, masks):
    return x if masks is None else naive.dropout(x, masks[placed.name].tolist(), placed.layer.rate)


def _normalization(placed, w, x, masks):
    fixed = masks is None or not placed.layer.trainable
    mean, variance = (w["moving_mean"], w["moving_variance"]) if fixed else naive.batch_statistics(x)
    return naive.batch_normalization(x, mean, variance, w["gamma"], w["beta"], placed.layer.epsilon)


NAIVE = {  # (placed, weights by short name, inputs, masks) → outputs, all as lists
    Conv2D: _conv2d,
    Dense: _dense,
    Activation: lambda placed, w, x, masks: naive.activate(placed.layer.activation, x),
    MaxPooling2D: _pool(max),
    AveragePooling2D: _pool(naive.mean),
    GlobalAveragePooling2D: lambda placed, w, x, masks: naive.global_average(x),
    Flatten: lambda placed, w, x, masks: naive.flatten(x) if len(placed.input_shape) == 3 else x,
    Dropout: _dropout,
    BatchNormalization: _normalization,
}


def naive_activations(network, parameters, images, masks=None):
    """Every layer's output by the naive loops, by the layer's name."""
    outputs, values = {}, images
    for placed in network:
        weights = {name.split("/")[1]: parameters[name] for name in placed.parameters}
        values = outputs[placed.name] = naive_outputs(placed, weights, values, masks)
    return outputs


def _convolutions():
    for activation, stride, padding in itertools.product(ACTIVATIONS, (1, 2, 3), PADDINGS):
        layer = Conv2D(3, 3, stride, padding, activation)
        yield Case(f"conv {activation} stride {stride} {padding}", layer, (7, 6, 2))
    for padding in PADDINGS:
        yield Case(f"conv 3x2 kernel, strides 2x1, {padding}", Conv2D(2, (3, 2), (2, 1), padding), (6, 5, 3))
        yield Case(f"conv 1x4 kernel, strides 1x3, {padding}", Conv2D(2, (1, 4), (1, 3), padding), (3, 8, 2))
        yield Case(f"conv 1x1 kernel, stride 2, {padding}", Conv2D(4, 1, 2, padding), (5, 4, 5))
        yield Case(f"conv stride 3 beyond a 2x2 kernel, {padding}", Conv2D(2, 2, 3, padding), (8, 7, 1), images=1)
        yield Case(f"conv without bias, {padding}", Conv2D(2, 3, 1, padding, "tanh", use_bias=False), (4, 4, 2))
    yield Case("conv kernel larger than the image", Conv2D(2, 5, 1, "same"), (2, 3, 1))
    yield Case("conv kernel as large as the image", Conv2D(3, (4, 3), 1, "valid", "relu"), (4, 3, 2))


def _pools():
    for kind, padding in itertools.product((MaxPooling2D, AveragePooling2D), PADDINGS):
        name = f"{kind.__name__} {padding}"
        yield Case(f"{name} 2, odd image", kind(2, padding=padding), (5, 7, 3))
        yield Case(f"{name} 3 overlapping by 2", kind(3, 1, padding), (5, 4, 2))
        yield Case(f"{name} 3 overlapping by 1", kind(3, 2, padding), (6, 7, 2))
        yield Case(f"{name} 2 with gaps", kind(2, 3, padding), (8, 7, 1), images=1)
        yield Case(f"{name} 3x2, strides 1x2", kind((3, 2), (1, 2), padding), (4, 5, 2))
    yield Case("global average", GlobalAveragePooling2D(), (3, 4, 3))


def _others():
    for activation in ACTIVATIONS:
        yield Case(f"dense {activation}", Dense(4, activation), (5,), images=3)
        if activation:
            yield Case(f"activation {activation} on images", Activation(activation), (2, 3, 4))
            yield Case(f"activation {activation} on vectors", Activation(activation), (5,))
    yield Case("dense without bias", Dense(3, "relu", use_bias=False), (4,), images=1)
    yield Case("flatten images", Flatten(), (2, 3, 2))
    yield Case("flatten vectors", Flatten(), (4,))
    yield Case("dropout on images", Dropout(0.3), (3, 2, 4))
    yield Case("dropout on vectors", Dropout(0.75), (9,))
    yield Case("dropout 0", Dropout(0.0), (4,))
    yield Case("batch normalisation of images", BatchNormalization(), (3, 2, 3))
    yield Case("batch normalisation of vectors", BatchNormalization(epsilon=0.1), (4,), images=5)
    yield Case("batch normalisation of one image", BatchNormalization(), (3, 3, 2), images=1)


LAYERS = [*_convolutions(), *_pools(), *_others()]

_start = {"kernel_initializer": Uniform(-0.6, 0.6), "bias_initializer": Uniform(-0.3, 0.3)}

NETWORKS = {
    "the seed's deep network in small": Sequential(
        [
            Conv2D(3, 3, padding="same", activation="relu", **_start),
            MaxPooling2D(2),
            Conv2D(4, 3, padding="same", activation="relu", **_start),
            MaxPooling2D(2),
            Flatten(),
            Dense(6, activation="relu", **_start),
            Dropout(0.5),
            Dense(3, **_start),
        ],
        (8, 8, 1),
    ),
    "the seed's first kernels in small": Sequential(
        [Conv2D(4, 3, activation="tanh", **_start), Dropout(0.5), Flatten(), Dense(5, use_bias=False, **_start)],
        (6, 5, 1),
    ),
    "normalised, strided, averaged": Sequential(
        [
            Conv2D(4, (3, 2), 2, "same", use_bias=False, **_start),
            BatchNormalization(momentum=0.9),
            Activation("relu"),
            AveragePooling2D(3, 2, "same"),
            Conv2D(5, 2, activation="sigmoid", **_start),
            MaxPooling2D(2, 1),
            GlobalAveragePooling2D(),
            Dense(4, "tanh", **_start),
            BatchNormalization(),
            Dense(3, **_start),
        ],
        (12, 11, 2),
    ),
}

_convolution, _pooling, _connected = (
    Conv2D(4, 3, padding="same", activation="relu", **_start),
    MaxPooling2D(2),
    Flatten(),
)
_dense, _last = Dense(5, "relu", **_start), Dense(3, **_start)

FROZEN = {  # each kind of layer with weights, frozen: behind layers that learn, and with none before it
    "frozen behind what learns": Sequential(
        [
            Conv2D(3, 3, use_bias=False, **_start),
            BatchNormalization(),
            replace(_convolution, trainable=False),
            _pooling,
            BatchNormalization(trainable=False),
            _connected,
            replace(_dense, trainable=False),
            Dropout(0.5),
            _last,
        ],
        (8, 8, 1),
    ),
    "frozen from the image on": Sequential(
        [
            replace(_convolution, trainable=False),
            _pooling,
            BatchNormalization(trainable=False),
            Conv2D(2, 2, activation="tanh", trainable=False, **_start),
            _connected,
            replace(_dense, use_bias=False, trainable=False),
            _dense,
            _last,
        ],
        (8, 8, 1),
    ),
    "frozen at the end": Sequential(
        [BatchNormalization(), _convolution, _pooling, _connected, replace(_last, trainable=False)], (8, 8, 1)
    ),
}


def network_arrays(network, images=3, seed=0):
    """(parameters, images, labels, masks) in float64: drawn anew until they are far from every kink."""
    for attempt in itertools.count():
        generator = np.random.default_rng([seed, attempt])
        parameters = network.initial_parameters(seed * 1000 + attempt, np.float64)
        parameters |= {  # what starts at 0 or 1 would hide mistakes
            name: array + generator.uniform(0.1, 0.3, array.shape)
            for name, array in parameters.items()
            if name.split("/")[1] in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        inputs = draw_inputs((images, *network.input_shape), generator)
        labels = generator.integers(network.output_shape[0], size=images)
        masks = network.dropout_masks(images, seed, attempt)
        if _network_distance(network, parameters, inputs, masks) > FAR:
            return parameters, inputs, labels, masks
    raise AssertionError("unreachable")


def _network_distance(network, parameters, images, masks):
    values, distances = images, []
    for placed in network:
        weights = {name.split("/")[1]: parameters[name] for name in placed.parameters}
        distances.append(distance_to_kinks(placed, weights, values))
        values = naive_outputs(placed, weights, values, masks)
    return min(distances)


def ids(case):
    """A case's title, for pytest."""
    return case.title


__all__ = [
    "FROZEN",
    "LAYERS",
    "NAIVE",
    "NETWORKS",
    "Case",
    "ids",
    "naive_activations",
    "naive_outputs",
    "network_arrays",
]
