"""Networks of today, small enough for a CPU, for images of any size: the family "air", and a residual network.

Functions that write down what one could write down oneself: each gives a Sequential. `chosen` picks one for a data set.
Source of "air": Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, whose ReLU and pooling are put where
the backward pass becomes sparse; of the other: He et al., "Deep residual learning for image recognition", CVPR 2016.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Sized
from inspect import signature
from numbers import Integral
from typing import Protocol

from convlet.checks import Shape, listed, nearest, number, one_of, true_or_false, whole_number
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
from convlet.descriptions.tables import Table
from convlet.errors import InputError, NetworkError, RecipeError

__all__ = ["air", "chosen", "resnet"]

SIZES = {"S": (16, 64, 64), "M": (24, 96, 96), "L": (32, 128, 128), "XL": (64, 256, 256)}  # filters of each group
SEEN = 30  # pixels a side that the first group is to see, more or less
WHITENED = 24  # filters of the first layer, at most: those of 2 × 2 pixels in colour
MOMENTUM = 0.6  # of batch normalisation: few steps are taken, and averages must keep up
COOLING = 1 / 9  # of the logits
FEW = 2000  # training images: below them a larger network only remembers more
SEEN_TIMES, SEEN_IN_ALL = 8, 250_000  # each image so often, and so many images in all, at least
SEEN_AT_MOST = 1000  # times an image
GFLOP_A_SECOND = 150  # what two cores with AVX2 train these networks at, in the dense count: 190 on a quiet machine


class Labelled(Protocol):
    """What a choice needs to know of a data set."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def train(self) -> Sized:
        """The training images."""
        ...


def chosen(data: Labelled, *, minutes: float = 5) -> Sequential:
    """The network of the family "air" that fits a data set: the largest that two cores train in so many minutes.

    Training sees each image eight times, and 250,000 images at least, but none more than a thousand times. Below 2,000
    images it is the smallest.

    >>> from convlet.datasets import mnist
    >>> chosen(mnist()) == air("M", (28, 28, 1), 10), chosen(mnist(), minutes=15) == air("L", (28, 28, 1), 10)
    (True, True)
    """
    number("minutes", minutes, low=0, open_low=True)
    (height, width, channels), images = data.image_shape, len(data.train)
    kernel, _ = _first(height, width)
    whitened = images >= math.prod(kernel) * channels  # as many as PatchWhitening asks for
    sizes = [air(size, data.image_shape, len(data.classes), whitened=whitened) for size in SIZES]
    if images < FEW:
        return sizes[0]
    return [sizes[0], *(each for each in sizes if able(each, minutes) >= sights(images))][-1]


def able(network: Sequential, minutes: float) -> float:
    """How many images two cores train a network of this family on in so many minutes, more or less."""
    return 60e9 * minutes * GFLOP_A_SECOND / (2 * network.training_multiply_adds)


def sights(images: int) -> int:
    """How many images training is to see, of so many different ones.

    >>> sights(55_000), sights(1000), sights(8)
    (440000, 250000, 8000)
    """
    return min(max(SEEN_TIMES * images, SEEN_IN_ALL), SEEN_AT_MOST * images)


def size_of(network: Sequential) -> str:
    """Which size a network of the family "air" has, by its filters."""
    filters = [placed.layer.filters for placed in network if isinstance(placed.layer, Conv2D)]
    return next(size for size, of_size in SIZES.items() if tuple(filters[1::2]) == of_size)


def air(size: str, input_shape: Shape, classes: int, *, whitened: bool = True) -> Sequential:
    """A network of the family "air", of size "S", "M", "L" or "XL", for images (H, W, C) of at least 2 pixels a side.

    A frozen first convolution whitens patches, or where it is not `whitened`, for it takes some images to measure that,
    is learnt as all others are; then three groups of convolution, pooling, convolution; the largest of each map; a
    dense layer. Images below 9 pixels are pooled only as often as there is something to pool. Raises NetworkError for
    smaller images.
    """
    one_of("size", size, tuple(SIZES))
    true_or_false("whitened", whitened)
    height, width, channels = input_shape = _image(input_shape, at_least=2)
    kernel, strides = _first(height, width)
    first = Conv2D(
        min(2 * kernel[0] * kernel[1] * channels, WHITENED),
        kernel,
        strides,
        activation="relu",
        use_bias=False,
        kernel_initializer=PatchWhitening() if whitened else HeNormal(),
        trainable=not whitened,
    )
    groups, pools = SIZES[size], int(math.log2(min(height // strides[0], width // strides[1]) - 1 or 1))
    layers: list[Layer] = [first]
    for left, filters in zip(reversed(range(len(groups))), groups, strict=True):
        pooled = [MaxPooling2D(2)] if left < pools else []
        layers += [_convolution(filters), *pooled, *_normalized(), _convolution(filters), *_normalized()]
    return Sequential([*layers, GlobalMaxPooling2D(), Dense(classes, use_bias=False), Rescaling(COOLING)], input_shape)


def _first(height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and strides of the first convolution, so that what comes behind it sees about `SEEN` pixels a side."""
    strides = max(1, round(height / SEEN)), max(1, round(width / SEEN))
    return (2 * strides[0], 2 * strides[1]), strides


def _convolution(filters: int) -> Layer:
    return Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=Identity())


def _normalized() -> list[Layer]:
    return [BatchNormalization(MOMENTUM, scale=False), Activation("relu")]


def resnet(input_shape: Shape, classes: int, *, filters: Sequence[int] = (16, 32, 64), blocks: int = 1) -> Sequential:
    """A residual network for images (H, W, C): a stage for each number of filters, of so many blocks.

    With `blocks=3` it is ResNet-20. Each stage but the first halves the image; its first block's shortcut is a 1 × 1
    convolution. Raises NetworkError for images that cannot be halved so often.
    """
    if not isinstance(filters, tuple | list) or not filters:
        raise NetworkError(f"filters={filters!r}: expected a list of them, one for each stage, such as [16, 32, 64].")
    input_shape = _image(input_shape, at_least=2 ** (len(filters) - 1))
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
    known = isinstance(shape, tuple | list) and len(shape) == 3 and all(isinstance(side, Integral) for side in shape)
    if not known or min(shape[:2]) < at_least:
        raise NetworkError(f"input_shape={shape!r}: expected (H, W, C), of at least {at_least} × {at_least} pixels.")
    return tuple(shape)


FAMILIES: dict[str, Callable[..., Sequential]] = {"air": air, "resnet": resnet}


def network_from_table(table: Table, where: str = "network") -> Sequential:
    """The network that a table of a recipe stands for: a list of layers, or one of the FAMILIES by its name.

    >>> table = {"family": "air", "size": "S", "input_shape": [28, 28, 1], "classes": 10}
    >>> network_from_table(table) == air("S", (28, 28, 1), 10)
    True
    """
    if not isinstance(table, Mapping) or "family" not in table:
        return Sequential.from_table(table, where)
    given = {key: value for key, value in table.items() if key != "family"}
    if (family := table["family"]) not in list(FAMILIES):
        hint = nearest(family, FAMILIES)
        raise RecipeError(f"{where}: family={family!r}: expected one of {listed(FAMILIES)}.{hint}")
    try:
        signature(FAMILIES[family]).bind(**given)
        return FAMILIES[family](**given)
    except TypeError as error:  # a word too few, or one too many
        words = listed([*signature(FAMILIES[family]).parameters])
        raise RecipeError(f"{where}: {error}; a network of the family {family!r} is said by {words}.") from None
    except InputError as error:
        raise RecipeError(f"{where}: {error}") from None
