"""What engines are tested on: every kind of layer in many forms, small networks, and arrays to feed them.

An engine must be smooth where a derivative is measured, so inputs are drawn until they keep a distance from the
kinks: from 0 before a ReLU, and from ties under a pool.
"""

import itertools
from dataclasses import dataclass, replace

import naive
import numpy as np
from small_networks import FROZEN, NETWORKS

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
from convlet.descriptions.network import IMAGE, Sequential

PADDINGS = ("valid", "same")
ACTIVATIONS = (None, "relu", "tanh", "sigmoid", "softmax")
LIKE_RELU = ("leaky_relu", "elu", "silu", "gelu", "hard_swish")
BENDS = {"relu": (0,), "leaky_relu": (0,), "elu": (0,), "hard_swish": (-3, 3)}  # where a slope has a jump, or changes
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
    if bends := BENDS.get(getattr(layer, "activation", None)):
        bare = None if isinstance(layer, Activation) else replace(placed, layer=replace(layer, activation=None))
        sums = inputs if bare is None else naive_outputs(bare, weights, inputs, None)
        return min(np.abs(sums - bend).min() for bend in bends)
    if isinstance(layer, GlobalMaxPooling2D):
        return np.min(naive.pool(inputs.tolist(), inputs.shape[1:3], (1, 1), "valid", of=_gap))
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


def _depthwise(placed, w, x, masks):
    it = placed.layer
    return naive.activate(it.activation, naive.depthwise(x, w["kernel"], w.get("bias"), it.strides, it.padding))


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
    ones, zeros = [1.0] * len(mean), [0.0] * len(mean)
    scale, center = w.get("gamma", ones), w.get("beta", zeros)
    return naive.batch_normalization(x, mean, variance, scale, center, placed.layer.epsilon)


def _fixed_normalization(placed, w, x, masks):
    ones, zeros = [1.0] * len(w["mean"]), [0.0] * len(w["mean"])
    return naive.batch_normalization(x, w["mean"], w["variance"], ones, zeros, placed.layer.epsilon)


NAIVE = {  # (placed, weights by short name, inputs, masks) → outputs, all as lists
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    Activation: lambda placed, w, x, masks: naive.activate(placed.layer.activation, x),
    MaxPooling2D: _pool(max),
    AveragePooling2D: _pool(naive.mean),
    GlobalAveragePooling2D: lambda placed, w, x, masks: naive.global_average(x),
    GlobalMaxPooling2D: lambda placed, w, x, masks: naive.global_largest(x),
    Flatten: lambda placed, w, x, masks: naive.flatten(x) if len(placed.input_shape) == 3 else x,
    Dropout: _dropout,
    BatchNormalization: _normalization,
    Normalization: _fixed_normalization,
    Rescaling: lambda placed, w, x, masks: naive.rescaling(x, placed.layer.scale, placed.layer.offset),
    Residual: lambda placed, w, x, masks: x,  # what it adds is given to it as a sum, by `_given`
}


def _given(placed, values):
    """What a layer is given, of all values by name: the sum of its inputs."""
    first, *others = (values[name].tolist() for name in placed.inputs)
    for other in others:
        first = naive.add(first, other)
    return np.array(first, np.float64)


def naive_activations(network, parameters, images, masks=None):
    """Every layer's output by the naive loops, by the layer's name."""
    values = {IMAGE: images}
    for placed in network:
        weights = {name.split("/")[1]: parameters[name] for name in placed.parameters}
        values[placed.name] = naive_outputs(placed, weights, _given(placed, values), masks)
    del values[IMAGE]
    return values


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
    around = ((2, 0), (1, 2))
    yield Case("conv with pixels around", Conv2D(3, 3, (2, 1), around, "relu"), (5, 4, 2))
    yield Case("depthwise", DepthwiseConv2D(3, padding="same", activation="relu"), (5, 4, 9))
    yield Case("depthwise, strided", DepthwiseConv2D((2, 3), 2, "same"), (5, 6, 3))
    yield Case("depthwise, strides 1x2, same", DepthwiseConv2D(3, (1, 2), "same", "relu"), (4, 6, 3))
    yield Case("depthwise, strides 6x4, valid", DepthwiseConv2D((2, 3), (6, 4)), (9, 8, 2))
    yield Case("depthwise with pixels around", DepthwiseConv2D(3, 1, around, "silu"), (3, 4, 2))
    yield Case("depthwise without bias", DepthwiseConv2D(3, use_bias=False), (4, 4, 17))
    yield Case("conv kernel larger than the image", Conv2D(2, 5, 1, "same"), (2, 3, 1))
    yield Case("conv kernel as large as the image", Conv2D(3, (4, 3), 1, "valid", "relu"), (4, 3, 2))


def _pools():
    for kind, padding in itertools.product((MaxPooling2D, AveragePooling2D), PADDINGS):
        name = f"{kind.__name__} {padding}"
        yield Case(f"{name} 2, odd image", kind(2, padding=padding), (5, 7, 3))
        yield Case(f"{name} 3 overlapping by 2", kind(3, 1, padding), (5, 4, 2))
        yield Case(f"{name} 3 overlapping by 1", kind(3, 2, padding), (6, 7, 2))
        yield Case(f"{name} 2 with gaps", kind(2, 3, padding), (8, 7, 1), images=1)
        if padding == "same":
            yield Case(f"{kind.__name__} with pixels around", kind(3, 2, ((1, 2), (0, 2))), (5, 6, 9))
        yield Case(f"{name} 3x2, strides 1x2", kind((3, 2), (1, 2), padding), (4, 5, 2))
    yield Case("global average", GlobalAveragePooling2D(), (3, 4, 3))
    yield Case("global largest", GlobalMaxPooling2D(), (3, 4, 3))


def _others():
    for activation in ACTIVATIONS:
        yield Case(f"dense {activation}", Dense(4, activation), (5,), images=3)
        if activation:
            yield Case(f"activation {activation} on images", Activation(activation), (2, 3, 4))
            yield Case(f"activation {activation} on vectors", Activation(activation), (5,))
    for activation in LIKE_RELU:
        yield Case(f"conv {activation}", Conv2D(9, 3, 1, "same", activation), (4, 3, 2))
        yield Case(f"dense {activation}", Dense(9, activation), (5,), images=3)
        yield Case(f"activation {activation}", Activation(activation), (2, 3, 9))
    yield Case("dense without bias", Dense(3, "relu", use_bias=False), (4,), images=1)
    yield Case("flatten images", Flatten(), (2, 3, 2))
    yield Case("flatten vectors", Flatten(), (4,))
    yield Case("dropout on images", Dropout(0.3), (3, 2, 4))
    yield Case("dropout on vectors", Dropout(0.75), (9,))
    yield Case("dropout 0", Dropout(0.0), (4,))
    yield Case("rescaling of images", Rescaling(-1.5, 0.25), (3, 2, 9))
    yield Case("rescaling of vectors", Rescaling(0.5), (4,))
    yield Case("batch normalisation of images", BatchNormalization(), (3, 2, 3))
    yield Case("batch normalisation of vectors", BatchNormalization(epsilon=0.1), (4,), images=5)
    yield Case("batch normalisation without scale", BatchNormalization(scale=False), (3, 2, 3))
    yield Case("batch normalisation without center", BatchNormalization(center=False), (4,), images=5)
    yield Case("batch normalisation without either", BatchNormalization(scale=False, center=False), (3, 2, 3))
    yield Case("batch normalisation of one image", BatchNormalization(), (3, 3, 2), images=1)


FIRST = [  # layers that are given the image alone
    Case("normalisation of images", Normalization(), (3, 4, 3)),
    Case("normalisation of vectors", Normalization(epsilon=0.1), (5,), images=3),
]

LAYERS = [*_convolutions(), *_pools(), *_others()]


def _blocks():
    body = [Conv2D(8, 3, padding="same", activation="relu"), BatchNormalization(), Conv2D(3, 3, padding="same")]
    yield Case("residual", Residual([Conv2D(3, 3, padding="same", activation="relu")]), (4, 5, 3))
    yield Case("residual of several layers", Residual(body), (4, 5, 3))
    yield Case("residual of vectors", Residual([Dense(6, "tanh"), Dense(5)]), (5,))
    yield Case("residual, both ends wider", Residual([Conv2D(9, 3)], shortcut=[Conv2D(9, (3, 3))]), (4, 5, 3))
    strided = [Conv2D(4, 3, 2, "same"), BatchNormalization()]
    yield Case("residual, projected", Residual(strided, shortcut=[Conv2D(4, 1, 2)]), (5, 6, 3))
    pooled = [AveragePooling2D(2), Conv2D(4, 1, use_bias=False)]
    yield Case("residual, pooled", Residual([Conv2D(4, 5, 2, "same")], shortcut=pooled), (4, 6, 3))
    wide, narrow = Conv2D(9, 3, padding=((4, 0), (0, 5))), Conv2D(9, 1, padding=((2, 0), (0, 3)))
    yield Case("residual with more pixels around than it has", Residual([wide], shortcut=[narrow]), (4, 5, 9))
    inner = Residual([Conv2D(3, 5, padding="same")], shortcut=[Conv2D(3, 3, padding="same")])
    yield Case("residual in residual", Residual([inner, Dropout(0.25), Residual([inner])]), (4, 5, 3))
    flat = Residual([Flatten(), Dense(5)], shortcut=[Conv2D(2, 3, padding="same"), Flatten(), Dense(5)])
    yield Case("residual, flattened on both ways", flat, (4, 3, 9))


BLOCKS = list(_blocks())  # layers that hold others: each is several layers in a network


def network_arrays(network, images=3, seed=0):
    """(parameters, images, labels, masks) in float64: drawn anew until they are far from every kink."""
    for attempt in itertools.count():
        generator = np.random.default_rng([seed, attempt])
        parameters = network.initial_parameters(seed * 1000 + attempt, np.float64)
        parameters |= {  # what starts at 0 or 1, a number for each channel, would hide mistakes
            name: array + generator.uniform(0.1, 0.3, array.shape)
            for name, array in parameters.items()
            if array.ndim == 1 and not name.endswith("/bias")
        }
        inputs = draw_inputs((images, *network.input_shape), generator)
        labels = generator.integers(network.output_shape[0], size=images)
        masks = network.dropout_masks(images, seed, attempt)
        if _network_distance(network, parameters, inputs, masks) > FAR:
            return parameters, inputs, labels, masks
    raise AssertionError("unreachable")


def _network_distance(network, parameters, images, masks):
    values, distances = {IMAGE: images}, []
    for placed in network:
        weights, inputs = {name.split("/")[1]: parameters[name] for name in placed.parameters}, _given(placed, values)
        distances.append(distance_to_kinks(placed, weights, inputs))
        values[placed.name] = naive_outputs(placed, weights, inputs, masks)
    return min(distances)


def ids(case):
    """A case's title, for pytest."""
    return case.title


__all__ = [
    "BLOCKS",
    "FIRST",
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
