"""The questions every layer answers, and what several kinds of them check alike."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Pair, Shape, true_or_false
from convlet.descriptions.initializers import Initializer
from convlet.descriptions.tables import set_canonical
from convlet.descriptions.window import Padding
from convlet.errors import InputError, NetworkError

ACTIVATIONS = ("relu", "leaky_relu", "elu", "silu", "gelu", "hard_swish", "tanh", "sigmoid", "softmax")


@dataclass(frozen=True)
class Parameter:
    """One array of a layer. `trainable` is False for what training does not learn: what is measured
    (moving averages), and all that a frozen layer has.
    """

    name: str
    shape: Shape
    initializer: Initializer
    trainable: bool = True

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layer:
    """The questions every layer answers. `name` is given by the network where it is left empty.

    A layer with `trainable=False` is frozen: training leaves its parameters as they are, and sends gradients through it
    to the layers before.
    """

    _: KW_ONLY
    name: str = ""
    trainable: bool = True

    def __post_init__(self) -> None:
        set_canonical(self, trainable=true_or_false("trainable", self.trainable))

    @property
    def branches(self) -> tuple[tuple["Layer", ...], ...]:
        """Of a layer that holds others, its rows of them, each of which is given what the layer is given."""
        return ()

    def with_branches(self, branches: Sequence[Sequence["Layer"]]) -> "Layer":
        """The same layer with others in the place of those that it holds."""
        return self

    def joined_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Of a layer that holds others, the shape of what its branches' outputs, of these shapes, are together.

        Raises NetworkError where they do not fit.
        """
        return shapes[0]

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one image's output. Raises NetworkError where the input does not suit."""
        return input_shape

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        """The arrays this layer owns, in a fixed order."""
        return ()

    def multiply_adds(self, input_shape: Shape) -> int:
        """Multiply-adds of one image's forward pass, dense count; 0 where there is no product."""
        return 0

    def uses_per_weight(self, input_shape: Shape) -> int:
        """How many times each weight is used on one image: the seed's "reusing weights in multiple places"."""
        return 0

    def unshared_weights(self, input_shape: Shape) -> int | None:
        """Of a layer that shares weights among positions, how many a dense layer in its place would have; else None."""
        return None

    @property
    def passes_on(self) -> bool:
        """Whether a prediction has the same numbers behind the layer as before it, perhaps in another shape."""
        return False

    def describe(self) -> str:
        """What the layer is, in a few words, such as 'Conv2D 32 × 5×5 same relu'."""
        return described(self)


def described(layer: Layer, *words: str | None) -> str:
    """The layer's kind, whichever of the words there are, and whether it is frozen.

    >>> described(Layer(), "same", None)
    'Layer same'
    """
    frozen = None if layer.trainable else "frozen"
    return " ".join([type(layer).__name__, *(word for word in (*words, frozen) if word)])


def window_words(size: Pair, strides: Pair, usual: Pair, padding: Padding) -> tuple[str | None, ...]:
    """A window in a few words: strides where they are not the usual ones, padding where there is any.

    >>> window_words((5, 5), (2, 2), (1, 1), "same")
    ('5×5', 'stride 2', 'same')
    """
    steps = str(strides[0]) if strides[0] == strides[1] else "×".join(map(str, strides))
    around = f"padding {' '.join('+'.join(map(str, side)) for side in padding)}"
    return (
        "×".join(map(str, size)),
        None if strides == usual else f"stride {steps}",
        around if isinstance(padding, tuple) else padding if padding == "same" else None,
    )


def check_layers(name: str, value: object) -> tuple[Layer, ...]:
    """The value as a tuple of layers, perhaps an empty one; an InputError where it is none."""
    layers = tuple(value) if isinstance(value, Iterable) else (None,)
    if not all(isinstance(layer, Layer) for layer in layers):
        raise InputError(f"{name}={value!r}: expected a list of layers, such as [Flatten(), Dense(10)].")
    return layers


def check_image(input_shape: Shape) -> Shape:
    """The shape itself, where it is an image's, (H, W, C); else a NetworkError."""
    if len(input_shape) != 3:
        raise NetworkError("expected images (H, W, C); put this layer before Flatten.")
    return input_shape


def check_vector(input_shape: Shape) -> int:
    """How many numbers an input of one row has; a NetworkError where it is of another shape."""
    if len(input_shape) != 1:
        raise NetworkError("expected one row of numbers an image; put Flatten() before this layer.")
    return input_shape[0]


def check_initializers(layer: Layer) -> None:
    """Raise an InputError unless both of a layer's initialisers can draw."""
    for name in ("kernel_initializer", "bias_initializer"):
        value = getattr(layer, name)
        if isinstance(value, type) or not callable(getattr(value, "draw", None)):
            raise InputError(f"{name}={value!r}: expected an initialiser, such as HeNormal() or Constant(0.1).")


def bias_parameter(use_bias: bool, size: int, initializer: Initializer) -> tuple[Parameter, ...]:
    """A layer's bias, where it has one: none or one parameter."""
    return (Parameter("bias", (size,), initializer),) if use_bias else ()
