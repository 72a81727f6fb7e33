"""Networks of today, small enough for a CPU, for images of any size: the family "air", and a residual network.

Functions that write down what one could write down oneself: each gives a Sequential.
Source of "air": Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, whose ReLU and pooling are put where
the backward pass becomes sparse; of the other: He et al., "Deep residual learning for image recognition", CVPR 2016.
"""

from collections.abc import Sequence

from convlet.checks import Shape, one_of, whole_number
from convlet.descriptions.initializers import HeNormal, Identity, PatchWhitening
from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling2D,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import Sequential
from convlet.errors import NetworkError

__all__ = ["air", "resnet"]

SIZES = {"S": (16, 64, 64), "M": (24, 96, 96), "L": (32, 128, 128), "XL": (64, 256, 256)}  # filters of each group
SEEN = 30  # pixels a side that the first group is to see, more or less
WHITENED = 24  # filters of the first layer, at most: those of 2 × 2 pixels in colour
MOMENTUM = 0.6  # of batch normalisation: few steps are taken, and averages must keep up
COOLING = 1 / 9  # of the logits


def air(size: str, input_shape: Shape, classes: int) -> Sequential:
    """A network of the family "air", of size "S", "M", "L" or "XL", for images (H, W, C) of at least 9 pixels a side.

    A frozen first convolution whitens patches; then three groups of convolution, pooling, convolution; the largest of
    each map; a dense layer. Raises NetworkError for smaller images.
    """
    one_of("size", size, tuple(SIZES))
    height, width, channels = _image(input_shape, at_least=9)
    strides = max(1, round(height / SEEN)), max(1, round(width / SEEN))
    kernel = 2 * strides[0], 2 * strides[1]
    layers: list[Layer] = [
        Conv2D(
            min(2 * kernel[0] * kernel[1] * channels, WHITENED),
            kernel,
            strides,
            activation="relu",
            use_bias=False,
            kernel_initializer=PatchWhitening(),
            trainable=False,
        )
    ]
    for filters in SIZES[size]:
        layers += [_convolution(filters), MaxPooling2D(2), *_normalized(), _convolution(filters), *_normalized()]
    return Sequential([*layers, GlobalMaxPooling2D(), Dense(classes, use_bias=False), Rescaling(COOLING)], input_shape)


def _convolution(filters: int) -> Layer:
    return Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=Identity())


def _normalized() -> list[Layer]:
    return [BatchNormalization(MOMENTUM, scale=False), Activation("relu")]


def resnet(input_shape: Shape, classes: int, *, filters: Sequence[int] = (16, 32, 64), blocks: int = 1) -> Sequential:
    """A residual network for images (H, W, C): a stage for each number of filters, of so many blocks.

    With `blocks=3` it is ResNet-20. Each stage but the first halves the image; its first block's shortcut is a 1 × 1
    convolution. Raises NetworkError for images that cannot be halved so often.
    """
    _image(input_shape, at_least=2 ** (len(filters) - 1))
    whole_number("blocks", blocks)
    layers, channels = [_step(filters[0]), BatchNormalization(), Activation("relu")], filters[0]
    for stage, count in enumerate(filters):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            shortcut = [] if (count, stride) == (channels, 1) else [_step(count, stride, 1), BatchNormalization()]
            body = [_step(count, stride), BatchNormalization(), Activation("relu"), _step(count), BatchNormalization()]
            layers += [Residual(body, shortcut), Activation("relu")]
            channels = count
    return Sequential([*layers, GlobalAveragePooling2D(), Dense(classes)], input_shape)


def _step(filters: int, stride: int = 1, size: int = 3) -> Layer:
    return Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer=HeNormal())


def _image(shape: Shape, at_least: int) -> Shape:
    if not isinstance(shape, tuple | list) or len(shape) != 3 or min(shape[:2]) < at_least:
        raise NetworkError(f"input_shape={shape!r}: expected (H, W, C), of at least {at_least} × {at_least} pixels.")
    return tuple(shape)
