"""What a layer is: its shapes, its weights, its cost. Frozen descriptions, without arrays; engines do the work.

Letters, here and in every engine: N images, H rows, W columns, C channels, F filters, KH × KW the kernel or pool,
SH, SW its strides, OH × OW the positions it visits. Images are channels-last, (N, H, W, C), without N in this file.
"""

import math
from dataclasses import KW_ONLY, dataclass

from convlet.checks import Pair, number, one_of, pair, true_or_false, whole_number
from convlet.descriptions import kinds, settle
from convlet.errors import InputError, NetworkError
from convlet.initializers import Constant, GlorotUniform, Initializer, Shape

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softmax")
PADDINGS = ("valid", "same")


@dataclass(frozen=True)
class Parameter:
    """One array of a layer. `trainable` is False for what is measured rather than learnt (moving averages)."""

    name: str
    shape: Shape
    initializer: Initializer
    trainable: bool = True

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Window:
    """Where a kernel or a pool goes on an image: everything about its geometry, worked out once.

    "same" padding visits every SH-th row, and pads evenly, the odd one at the bottom (or right), as TensorFlow does;
    "valid" visits only where the window lies wholly inside the image.

    >>> Window.over((28, 28, 1), (5, 5), (1, 1), "same")
    Window(size=(5, 5), strides=(1, 1), positions=(28, 28), padding=((2, 2), (2, 2)))
    """

    size: Pair  # (KH, KW)
    strides: Pair  # (SH, SW)
    positions: Pair  # (OH, OW)
    padding: tuple[Pair, Pair]  # ((top, bottom), (left, right))

    @classmethod
    def over(cls, image: Shape, size: Pair, strides: Pair, padding: str) -> "Window":
        """The window over an image (H, W, C). Raises NetworkError where it does not fit."""
        (height, kh, sh), (width, kw, sw) = zip(image, size, strides, strict=False)
        if padding == "same":
            oh, ow = -(-height // sh), -(-width // sw)
            rows, columns = max((oh - 1) * sh + kh - height, 0), max((ow - 1) * sw + kw - width, 0)
            return cls(size, strides, (oh, ow), ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))
        if kh > height or kw > width:
            raise NetworkError(
                f"a window of {kh} × {kw} does not fit in {height} × {width} pixels; "
                "make it smaller, pool less before it, or use padding='same'."
            )
        return cls(size, strides, ((height - kh) // sh + 1, (width - kw) // sw + 1), ((0, 0), (0, 0)))


@dataclass(frozen=True)
class Layer:
    """The questions every layer answers. `name` is given by the network where it is left empty."""

    _: KW_ONLY
    name: str = ""

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one image's output. Raises NetworkError where the input does not suit."""
        return input_shape

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        """The arrays this layer owns, in a fixed order."""
        return ()

    def multiply_adds(self, input_shape: Shape) -> int:
        """Multiply-adds of one image's forward pass, dense count; 0 where there is no product."""
        return 0

    def uses(self, input_shape: Shape) -> int:
        """How many times each weight is used on one image: the seed's "reusing weights in multiple places"."""
        return 0


def _image(input_shape: Shape) -> Shape:
    if len(input_shape) != 3:
        raise NetworkError("expected images (H, W, C); put this layer before Flatten.")
    return input_shape


def _vector(input_shape: Shape) -> int:
    if len(input_shape) != 1:
        raise NetworkError("expected one row of numbers an image; put Flatten() before this layer.")
    return input_shape[0]


def _check_initializers(layer: "Conv2D | Dense") -> None:
    for name in ("kernel_initializer", "bias_initializer"):
        value = getattr(layer, name)
        if isinstance(value, type) or not callable(getattr(value, "draw", None)):
            raise InputError(f"{name}={value!r}: expected an initialiser, such as HeNormal() or Constant(0.1).")


@dataclass(frozen=True)
class Conv2D(Layer):
    """Each filter is one small linear layer, used at every position: the seed's "baby linear layer".

    Weights: kernel (KH, KW, C, filters) and, with `use_bias`, bias (filters,). Input (H, W, C), output
    (OH, OW, filters).
    """

    filters: int
    kernel_size: int | Pair
    strides: int | Pair = 1
    padding: str = "valid"
    activation: str | None = None
    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        one_of("padding", self.padding, PADDINGS)
        one_of("activation", self.activation, (None, *ACTIVATIONS))
        _check_initializers(self)
        settle(self, use_bias=true_or_false("use_bias", self.use_bias))
        settle(self, filters=whole_number("filters", self.filters))
        settle(self, kernel_size=pair("kernel_size", self.kernel_size), strides=pair("strides", self.strides))

    def window(self, input_shape: Shape) -> Window:
        size, strides = pair("kernel_size", self.kernel_size), pair("strides", self.strides)
        return Window.over(_image(input_shape), size, strides, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, self.filters)

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        size, channels = self.window(input_shape).size, input_shape[2]
        kernel = Parameter("kernel", (*size, channels, self.filters), self.kernel_initializer)
        return (kernel, *_bias(self.use_bias, self.filters, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        section = math.prod(self.window(input_shape).size) * input_shape[2]
        return self.uses(input_shape) * section * self.filters

    def uses(self, input_shape: Shape) -> int:
        return math.prod(self.window(input_shape).positions)


def _bias(use_bias: bool, size: int, initializer: Initializer) -> tuple[Parameter, ...]:
    return (Parameter("bias", (size,), initializer),) if use_bias else ()


@dataclass(frozen=True)
class _Pooling(Layer):
    pool_size: int | Pair = 2
    strides: int | Pair | None = None
    padding: str = "valid"

    def __post_init__(self) -> None:
        one_of("padding", self.padding, PADDINGS)
        settle(self, pool_size=pair("pool_size", self.pool_size))
        if self.strides is not None:
            settle(self, strides=pair("strides", self.strides))

    def window(self, input_shape: Shape) -> Window:
        size = pair("pool_size", self.pool_size)
        strides = size if self.strides is None else pair("strides", self.strides)
        return Window.over(_image(input_shape), size, strides, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self.window(input_shape).positions, input_shape[2])


@dataclass(frozen=True)
class MaxPooling2D(_Pooling):
    """The largest of each window, channel by channel; of equal ones the first in reading order. Padding never wins.

    `strides` is the pool's own size unless it is given. Input (H, W, C), output (OH, OW, C).
    """


@dataclass(frozen=True)
class AveragePooling2D(_Pooling):
    """The mean of each window, channel by channel; padded pixels do not count.

    `strides` is the pool's own size unless it is given. Input (H, W, C), output (OH, OW, C).
    """


@dataclass(frozen=True)
class GlobalAveragePooling2D(Layer):
    """The mean of each channel over the whole image. Input (H, W, C), output (C,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (_image(input_shape)[2],)


@dataclass(frozen=True)
class Flatten(Layer):
    """One row of numbers an image, in (H, W, C) order. Input any shape, output (size,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)


@dataclass(frozen=True)
class Dense(Layer):
    """Every output looks at every input. Weights: kernel (inputs, units) and, with `use_bias`, bias (units,)."""

    units: int
    activation: str | None = None
    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        settle(self, units=whole_number("units", self.units))
        settle(self, use_bias=true_or_false("use_bias", self.use_bias))
        one_of("activation", self.activation, (None, *ACTIVATIONS))
        _check_initializers(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        _vector(input_shape)
        return (self.units,)

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        kernel = Parameter("kernel", (_vector(input_shape), self.units), self.kernel_initializer)
        return (kernel, *_bias(self.use_bias, self.units, self.bias_initializer))

    def multiply_adds(self, input_shape: Shape) -> int:
        return _vector(input_shape) * self.units

    def uses(self, input_shape: Shape) -> int:
        return 1


@dataclass(frozen=True)
class Dropout(Layer):
    """While training, each value becomes 0 with probability `rate`, and the others are divided by 1 − rate.

    Source: Srivastava et al., "Dropout", JMLR 2014, section 10 (the scaling while training).
    """

    rate: float

    def __post_init__(self) -> None:
        settle(self, rate=number("rate", self.rate, low=0, high=1))


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Each channel shifted and scaled to mean 0 and variance 1 over the batch, then to a learnt mean and scale.

    Weights: gamma, beta (C,), learnt; moving_mean, moving_variance (C,), averages of the batches' with weight
    `momentum` on the past, which take the batch's place when predicting. The variance is the biased one throughout.
    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1; section 3.2 for images.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        settle(self, momentum=number("momentum", self.momentum, low=0, high=1))
        settle(self, epsilon=number("epsilon", self.epsilon, low=0, open_low=True))

    def parameters(self, input_shape: Shape) -> tuple[Parameter, ...]:
        channels = input_shape[-1:]
        return (
            Parameter("gamma", channels, Constant(1.0)),
            Parameter("beta", channels, Constant(0.0)),
            Parameter("moving_mean", channels, Constant(0.0), trainable=False),
            Parameter("moving_variance", channels, Constant(1.0), trainable=False),
        )

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def uses(self, input_shape: Shape) -> int:
        return math.prod(input_shape[:-1])


@dataclass(frozen=True)
class Activation(Layer):
    """relu, tanh, sigmoid (each number by itself) or softmax (over the last axis)."""

    activation: str

    def __post_init__(self) -> None:
        one_of("activation", self.activation, ACTIVATIONS)


LAYERS = kinds(
    Conv2D,
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    Flatten,
    Dense,
    Dropout,
    BatchNormalization,
    Activation,
)
