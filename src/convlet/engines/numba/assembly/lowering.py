"""Lowering: from a list of layers to a list of blocks, each of which one set of kernels computes in one go.

A block is one layer, or several that are fused: convolution + activation + pooling, or dense + activation + dropout.
Fused are only layers of which each is given what the one before gives, and nobody else is.
`plan` shows the blocks as rows of text.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
from convlet.descriptions.network import IMAGE, Placed, Sequential
from convlet.descriptions.window import Window
from convlet.engines.checks import check_kinds
from convlet.engines.numba.assembly.blocks import (
    ActivationBlock,
    AdditionBlock,
    Block,
    ConvolutionBlock,
    DenseBlock,
    DepthwiseBlock,
    DropoutBlock,
    FlattenBlock,
    NormalizationBlock,
    PoolingBlock,
    RescalingBlock,
)
from convlet.engines.numba.buffers import padded
from convlet.engines.numba.kernels.activations import APART, CODES

NARROW = 32  # floats in a row of a section: below, vectors run along the filters instead
WINOGRAD = 256  # channels × filters: below, transforming costs more than it saves

SMALLEST = 3  # outputs along an axis: below, tiles are mostly empty


@dataclass(frozen=True)
class Switches:
    """For tests: what a network is computed with. Results are the same, up to rounding, whatever they say."""

    fusion: bool = True
    sparse: bool = True
    winograd: bool = True
    folding: bool = False  # normalisation into the convolution before it: to predict


class Ahead(NamedTuple):
    """What is to become the next block: layers of which each is given what the one before gives, and nobody else is.

    `shared`: what the first of them is given, others are given too.
    """

    layers: Sequence[Placed]
    switches: Switches
    shared: bool

    @property
    def first(self) -> bool:
        return self.layers[0].inputs == (IMAGE,)


def lower(network: Sequential, switches: Switches = Switches()) -> list[Block]:
    """The network's layers as blocks, in order. Raises EngineError for a kind of layer that this engine lacks."""
    check_kinds("numba", network, KINDS)
    layers, blocks = list(network), list[Block]()
    readers = Counter(name for placed in layers for name in placed.inputs)
    while layers:
        shared = any(readers[name] > 1 for name in layers[0].inputs)
        block = KINDS[type(layers[0].layer)](Ahead(_row(layers, readers), switches, shared))
        blocks.append(block)
        del layers[: len(block.layers)]
    return blocks


def _row(layers: Sequence[Placed], readers: Mapping[str, int]) -> list[Placed]:
    """The first layer, and those that follow it for as long as each is the only one to be given what is before it."""
    row = [layers[0]]
    for placed in layers[1:]:
        if placed.inputs != (row[-1].name,) or readers[row[-1].name] > 1:
            break
        row.append(placed)
    return row


def plan(network: Sequential, switches: Switches = Switches()) -> list[dict[str, str]]:
    """One row a block: its layers, what is fused, and the kernels of both passes with what is special about them."""
    columns = ("layers", "computes", "forward", "backward")
    return [
        dict(zip(columns, (" + ".join(block.names), *block.explain()), strict=True))
        for block in lower(network, switches)
    ]


def _activation(own: str | None, layers: Sequence[Placed], switches: Switches) -> tuple[str | None, int]:
    """The activation after a layer whose own is `own`, and how many of the layers that follow it takes."""
    if own is None and switches.fusion and layers and isinstance(layers[0].layer, Activation):
        return layers[0].layer.activation, 1
    return own, 0


def _convolution(ahead: Ahead) -> Block:
    layers, switches = ahead.layers, ahead.switches
    placed, layer = layers[0], layers[0].layer
    assert isinstance(layer, Conv2D)
    window = layer.window(placed.input_shape)
    folds = switches.folding and layer.activation is None and len(layers) > 1
    normalization = layers[1] if folds and isinstance(layers[1].layer, BatchNormalization) else None
    before = 1 + (normalization is not None)
    activation, taken = _activation(layer.activation, layers[before:], switches)
    count = before + taken
    fusing = switches.fusion and switches.sparse  # the backward pass of a fused pooling is sparse
    activation, pooled, taken = _pooled(activation, layers[count:] if fusing else ())
    winograd = switches.winograd and _suits_winograd(placed, layer, window, ahead.first)
    sparse = pooled or (switches.sparse and activation == "relu" and not winograd)
    return ConvolutionBlock(
        tuple(layers[: count + taken]),
        convolution=placed,
        window=window,
        activation=activation,
        pooled=pooled,
        winograd=winograd,
        sparse=sparse,
        narrow=sparse and window.size[1] * placed.input_shape[2] < NARROW,
        normalization=normalization,
    )


def _pooled(activation: str | None, layers: Sequence[Placed]) -> tuple[str | None, bool, int]:
    """The activation and pooling that a block takes, its own activation given, and how many of the layers that follow.

    The larger of two numbers is the same before and after ReLU, so pooling may come first.
    """
    if activation not in (None, "relu") or not layers or not _halves(layers[0]):
        return activation, False, 0
    late = activation is None and len(layers) > 1 and _is_relu(layers[1].layer)
    return ("relu", True, 2) if late else (activation, True, 1)


def _is_relu(layer: Layer) -> bool:
    return isinstance(layer, Activation) and layer.activation == "relu"


def _halves(placed: Placed) -> bool:
    """Whether this is 2×2 max pooling, in steps of 2, without padding."""
    if not isinstance(placed.layer, MaxPooling2D):
        return False
    window = placed.layer.window(placed.input_shape)
    return (window.size, window.strides, window.padding) == ((2, 2), (2, 2), ((0, 0), (0, 0)))


def _suits_winograd(placed: Placed, layer: Conv2D, window: Window, first: bool) -> bool:
    channels = placed.input_shape[2] if first else padded(placed.input_shape[2])
    fits = window.size in ((3, 3), (5, 5)) and window.strides == (1, 1) and channels % 8 == 0
    return fits and channels * layer.filters >= WINOGRAD and min(window.positions) >= SMALLEST


def _flatten(ahead: Ahead) -> Block:
    layers = ahead.layers
    if len(layers) > 1 and isinstance(layers[1].layer, Dense) and not ahead.shared:
        # The kernels read the value as it is stored, which must then be as they want it, without borders.
        return _dense(ahead._replace(layers=layers[1:]), before=tuple(layers[:1]))
    return FlattenBlock((layers[0],))


def _dense(ahead: Ahead, before: tuple[Placed, ...] = ()) -> Block:
    layers, switches = ahead.layers, ahead.switches
    dense = layers[0]
    assert isinstance(dense.layer, Dense)
    activation, taken = _activation(dense.layer.activation, layers[1:], switches)
    count, dropout = 1 + taken, None
    # What needs more than a number's own output, such as softmax its whole row, comes before anything is dropped.
    if switches.fusion and CODES[activation] not in APART and count < len(layers):
        dropout = layers[count] if isinstance(layers[count].layer, Dropout) else None
    taking = layers[: count + (dropout is not None)]
    return DenseBlock((*before, *taking), dense, activation, dropout, sparse=switches.sparse)


def _depthwise(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, DepthwiseConv2D)
    activation, taken = _activation(layer.activation, ahead.layers[1:], ahead.switches)
    return DepthwiseBlock(tuple(ahead.layers[: 1 + taken]), layer.window(placed.input_shape), activation)


def _pooling(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, MaxPooling2D | AveragePooling2D)
    return PoolingBlock((placed,), layer.window(placed.input_shape), largest=isinstance(layer, MaxPooling2D))


def _global_pooling(ahead: Ahead) -> Block:
    placed, largest = ahead.layers[0], isinstance(ahead.layers[0].layer, GlobalMaxPooling2D)
    size = placed.input_shape[0], placed.input_shape[1]
    return PoolingBlock((placed,), Window.over(placed.input_shape, size, (1, 1), "valid"), largest)


def _normalization(ahead: Ahead) -> Block:
    layers, switches, layer = ahead.layers, ahead.switches, ahead.layers[0].layer
    assert isinstance(layer, BatchNormalization)
    relu = switches.fusion and len(layers) > 1 and _is_relu(layers[1].layer)
    follow = layers[1 + relu :] if switches.fusion and not ahead.first else ()  # a first one's channels are not padded
    activation, pooled, taken = _pooled("relu" if relu else None, follow)
    taking = tuple(layers[: 1 + relu + taken])
    return NormalizationBlock(taking, layer.momentum, layer.epsilon, activation, pooled, moving=layer.trainable)


def _fixed_normalization(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, Normalization)
    return NormalizationBlock((placed,), 0.0, layer.epsilon, None, pooled=False, moving=False)


def _rescaling(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, Rescaling)
    return RescalingBlock((placed,), layer.scale, layer.offset)


def _lone_activation(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, Activation)
    return ActivationBlock((placed,), layer.activation)


def _lone_dropout(ahead: Ahead) -> Block:
    placed, layer = ahead.layers[0], ahead.layers[0].layer
    assert isinstance(layer, Dropout)
    return DropoutBlock((placed,), placed, layer.rate)


def _addition(ahead: Ahead) -> Block:
    layers = ahead.layers
    relu = ahead.switches.fusion and len(layers) > 1 and _is_relu(layers[1].layer)
    return AdditionBlock(tuple(layers[: 1 + relu]), relu)


# Of the layers that are left, beginning with this kind: the next block.
KINDS: dict[type[Layer], Callable[[Ahead], Block]] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _depthwise,
    Dense: _dense,
    Flatten: _flatten,
    MaxPooling2D: _pooling,
    AveragePooling2D: _pooling,
    GlobalAveragePooling2D: _global_pooling,
    GlobalMaxPooling2D: _global_pooling,
    BatchNormalization: _normalization,
    Activation: _lone_activation,
    Dropout: _lone_dropout,
    Normalization: _fixed_normalization,
    Rescaling: _rescaling,
    Residual: _addition,
}
