"""Lowering: from a list of layers to a list of blocks, each of which one set of kernels computes in one go.

A block is one layer, or several that are fused: convolution + activation + pooling, or dense + activation + dropout.
Blocks are descriptions, like layers: frozen, printable, without arrays. `plan` shows them as rows of text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convlet.checks import Shape
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
from convlet.descriptions.network import Placed, Sequential
from convlet.descriptions.window import Window
from convlet.engines.checks import check_kinds
from convlet.engines.numba.buffers import padded

NARROW = 32  # floats in a row of a section: below, vectors run along the filters instead
WINOGRAD = 512  # channels × filters: below, transforming costs more than it saves

SMALLEST = 3  # outputs along an axis: below, tiles are mostly empty


@dataclass(frozen=True)
class Switches:
    """For tests: what a network is computed with. Results are the same, up to rounding, whatever they say."""

    fusion: bool = True
    sparse: bool = True
    winograd: bool = True


@dataclass(frozen=True)
class Block:
    """Layers that are computed together."""

    layers: tuple[Placed, ...]

    @property
    def input_shape(self) -> Shape:
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> Shape:
        return self.layers[-1].output_shape

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(placed.name for placed in self.layers)

    def explain(self) -> tuple[str, str, str]:
        """(what it computes, the kernels of its forward pass, those of its backward pass)."""
        return type(self).__name__, "general", "general"


def _bias(placed: Placed) -> str | None:
    return "bias" if f"{placed.name}/bias" in placed.parameters else None


@dataclass(frozen=True)
class ConvolutionBlock(Block):
    """Convolution + bias [+ activation] [+ 2×2 max pooling]."""

    convolution: Placed
    window: Window
    activation: str | None
    pooled: bool
    winograd: bool
    sparse: bool  # backward only where ReLU (and pooling) let gradient through
    narrow: bool  # kernel gradients with vectors along the filters
    first: bool  # no gradient of its inputs is wanted

    @property
    def winograd_gradients(self) -> bool:
        """Whether the backward pass is by Winograd: where it is not sparse, for pooling alone leaves fewer products."""
        return self.winograd and not self.sparse

    def explain(self) -> tuple[str, str, str]:
        kh, kw = self.window.size
        fused = ["convolution", _bias(self.convolution), self.activation, "2×2 max" if self.pooled else None]
        outputs = 7 - kh
        forward = f"Winograd F({outputs}×{outputs}, {kh}×{kw})" if self.winograd else "direct"
        how = "sparse" if self.sparse else "Winograd" if self.winograd_gradients else "dense"
        kernels = "dense (narrow rows)" if self.narrow else how
        images = "" if self.first else f"; inputs {how}"
        return " + ".join(filter(None, fused)), forward, f"kernels {kernels}{images}"


@dataclass(frozen=True)
class DenseBlock(Block):
    """[Flatten +] dense + bias [+ activation [+ dropout]]."""

    dense: Placed
    activation: str | None
    dropout: Placed | None
    sparse: bool
    first: bool

    def explain(self) -> tuple[str, str, str]:
        fused = [
            "dense",
            _bias(self.dense),
            self.activation,
            "dropout" if self.dropout else None,
        ]
        how = "sparse" if self.sparse and (self.activation == "relu" or self.dropout) else "dense"
        return (
            " + ".join(filter(None, fused)),
            "transposed inputs",
            f"{how}; gradient, optimizer and inputs in one pass",
        )


@dataclass(frozen=True)
class PoolingBlock(Block):
    """Maximum or mean of windows; of the whole image, where `window` is as large."""

    window: Window
    largest: bool

    def explain(self) -> tuple[str, str, str]:
        kh, kw = self.window.size
        return (
            f"{kh}×{kw} {'max' if self.largest else 'mean'} pooling",
            "general",
            "winners" if self.largest else "shares",
        )


@dataclass(frozen=True)
class NormalizationBlock(Block):
    """Batch normalisation [+ ReLU] [+ 2×2 max pooling]."""

    momentum: float
    epsilon: float
    activation: str | None
    pooled: bool

    def explain(self) -> tuple[str, str, str]:
        fused = ["batch normalisation", self.activation, "2×2 max" if self.pooled else None]
        return " + ".join(filter(None, fused)), "one pass, then one", "one pass, then one"


@dataclass(frozen=True)
class ActivationBlock(Block):
    """An activation that stands alone."""

    activation: str

    def explain(self) -> tuple[str, str, str]:
        return self.activation, "elementwise", "elementwise"


@dataclass(frozen=True)
class DropoutBlock(Block):
    """Dropout that stands alone."""

    dropout: Placed
    rate: float

    def explain(self) -> tuple[str, str, str]:
        return "dropout", "elementwise", "elementwise"


@dataclass(frozen=True)
class FlattenBlock(Block):
    """A copy without borders and padding channels: needed only where no dense layer follows."""

    def explain(self) -> tuple[str, str, str]:
        return "flatten", "copy", "copy"


def lower(network: Sequential, switches: Switches = Switches()) -> list[Block]:
    """The network's layers as blocks, in order. Raises EngineError for a kind of layer that this engine lacks."""
    check_kinds("numba", network, KINDS)
    layers, blocks = list(network), list[Block]()
    while layers:
        block = KINDS[type(layers[0].layer)](layers, switches, not blocks)
        blocks.append(block)
        del layers[: len(block.layers)]
    return blocks


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


def _convolution(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    placed, layer = layers[0], layers[0].layer
    assert isinstance(layer, Conv2D)
    window = layer.window(placed.input_shape)
    activation, taken = _activation(layer.activation, layers[1:], switches)
    count = 1 + taken
    fusing = switches.fusion and switches.sparse  # the backward pass of a fused pooling is sparse
    activation, pooled, taken = _pooled(activation, layers[count:] if fusing else ())
    winograd = switches.winograd and _suits_winograd(placed, layer, window, first)
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
        first=first,
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


def _flatten(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    if len(layers) > 1 and isinstance(layers[1].layer, Dense):
        return _dense(layers[1:], switches, first, before=tuple(layers[:1]))
    return FlattenBlock((layers[0],))


def _dense(layers: Sequence[Placed], switches: Switches, first: bool, before: tuple[Placed, ...] = ()) -> Block:
    dense = layers[0]
    assert isinstance(dense.layer, Dense)
    activation, taken = _activation(dense.layer.activation, layers[1:], switches)
    count, dropout = 1 + taken, None
    # Softmax needs its whole row, before anything is dropped.
    if switches.fusion and activation != "softmax" and count < len(layers):
        dropout = layers[count] if isinstance(layers[count].layer, Dropout) else None
    taking = layers[: count + (dropout is not None)]
    return DenseBlock((*before, *taking), dense, activation, dropout, sparse=switches.sparse, first=first)


def _pooling(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    placed, layer = layers[0], layers[0].layer
    assert isinstance(layer, MaxPooling2D | AveragePooling2D)
    return PoolingBlock((placed,), layer.window(placed.input_shape), largest=isinstance(layer, MaxPooling2D))


def _global_pooling(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    placed, size = layers[0], (layers[0].input_shape[0], layers[0].input_shape[1])
    return PoolingBlock((placed,), Window.over(placed.input_shape, size, (1, 1), "valid"), largest=False)


def _normalization(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    layer = layers[0].layer
    assert isinstance(layer, BatchNormalization)
    relu = switches.fusion and len(layers) > 1 and _is_relu(layers[1].layer)
    follow = layers[1 + relu :] if switches.fusion and not first else ()  # a first one's channels are not padded
    activation, pooled, taken = _pooled("relu" if relu else None, follow)
    return NormalizationBlock(tuple(layers[: 1 + relu + taken]), layer.momentum, layer.epsilon, activation, pooled)


def _lone_activation(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    placed, layer = layers[0], layers[0].layer
    assert isinstance(layer, Activation)
    return ActivationBlock((placed,), layer.activation)


def _lone_dropout(layers: Sequence[Placed], switches: Switches, first: bool) -> Block:
    placed, layer = layers[0], layers[0].layer
    assert isinstance(layer, Dropout)
    return DropoutBlock((placed,), placed, layer.rate)


# Of the layers that are left, beginning with this kind: the next block. `first`: there is none before it.
KINDS: dict[type[Layer], Callable[[Sequence[Placed], Switches, bool], Block]] = {
    Conv2D: _convolution,
    Dense: _dense,
    Flatten: _flatten,
    MaxPooling2D: _pooling,
    AveragePooling2D: _pooling,
    GlobalAveragePooling2D: _global_pooling,
    BatchNormalization: _normalization,
    Activation: _lone_activation,
    Dropout: _lone_dropout,
}
