"""Blocks: layers that are computed together, one kind of them a class.

Blocks are descriptions, like layers: frozen, printable, without arrays. `lowering.py` makes them.
"""

from dataclasses import dataclass

from convlet.checks import Shape
from convlet.descriptions.network import IMAGE, Placed
from convlet.descriptions.window import Window


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
    def inputs(self) -> tuple[str, ...]:
        """The names of the layers whose outputs it is given; or IMAGE."""
        return self.layers[0].inputs

    @property
    def gives(self) -> str:
        """The name of its output: its last layer's."""
        return self.layers[-1].name

    @property
    def first(self) -> bool:
        """Whether it is given the image alone, whose channels are not padded."""
        return self.inputs == (IMAGE,)

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
    normalization: Placed | None = None  # by moving averages, folded into the weights

    @property
    def winograd_gradients(self) -> bool:
        """Whether the backward pass is by Winograd: where it is not sparse, for pooling alone leaves fewer products."""
        return self.winograd and not self.sparse

    def explain(self) -> tuple[str, str, str]:
        kh, kw = self.window.size
        folded = "normalisation" if self.normalization else None
        fused = ["convolution", _bias(self.convolution), folded, self.activation, "2×2 max" if self.pooled else None]
        outputs = 7 - kh
        forward = f"Winograd F({outputs}×{outputs}, {kh}×{kw})" if self.winograd else "direct"
        how = "sparse" if self.sparse else "Winograd" if self.winograd_gradients else "dense"
        kernels = "dense (narrow rows)" if self.narrow else how
        images = "" if self.first else f"; inputs {how}"
        return " + ".join(filter(None, fused)), forward, f"kernels {kernels}{images}"


@dataclass(frozen=True)
class DepthwiseBlock(Block):
    """A kernel of its own for each channel + bias [+ activation]."""

    window: Window
    activation: str | None

    def explain(self) -> tuple[str, str, str]:
        fused = ["depthwise convolution", _bias(self.layers[0]), self.activation]
        return " + ".join(filter(None, fused)), "direct", "dense"


@dataclass(frozen=True)
class DenseBlock(Block):
    """[Flatten +] dense + bias [+ activation [+ dropout]]."""

    dense: Placed
    activation: str | None
    dropout: Placed | None
    sparse: bool

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
    """Batch normalisation [+ ReLU] [+ 2×2 max pooling]; or, where none is `moving`, by numbers that no batch moves."""

    momentum: float
    epsilon: float
    activation: str | None
    pooled: bool
    moving: bool

    def explain(self) -> tuple[str, str, str]:
        fused = ["batch normalisation", self.activation, "2×2 max" if self.pooled else None]
        return " + ".join(filter(None, fused)), "one pass, then one", "one pass, then one"


@dataclass(frozen=True)
class RescalingBlock(Block):
    """Every number times one number, plus another."""

    scale: float
    offset: float

    def explain(self) -> tuple[str, str, str]:
        return "rescaling", "elementwise", "elementwise"


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


@dataclass(frozen=True)
class AdditionBlock(Block):
    """The sum of two values [+ ReLU]: the end of a residual block."""

    relu: bool

    def explain(self) -> tuple[str, str, str]:
        return f"addition{' + relu' if self.relu else ''}", "elementwise", "elementwise"
