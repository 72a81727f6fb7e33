"""What is measured: a network, a batch size, an optimizer and images.

The images are MNIST's first ones where the network takes their shape. Elsewhere they are made up, uniformly random:
dense arithmetic costs the same on any image, and sparse gradients are, if anything, less sparse on noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convlet import datasets
from convlet.checks import listed, nearest
from convlet.descriptions.initializers import HeNormal
from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.networks import air, resnet
from convlet.descriptions.optimizers import Adam, Optimizer
from convlet.errors import InputError
from convlet.randomness import generator
from convlet.runs import recipe

Array = NDArray[Any]
Task = Literal["training", "inference"]
IMAGES = 1000  # at least so many different ones are held, so that batches differ as they do in training
MADE_UP = 2**62  # the stream of random numbers of images that are made up; no run comes that far


@dataclass(frozen=True)
class Workload:
    """One thing to measure. `value` is its place in a sweep; `threads`, where given, replaces the benchmark's own."""

    name: str
    title: str
    network: Sequential
    batch_size: int
    task: Task = "training"
    optimizer: Optimizer = Adam(1e-3)
    value: int | None = None
    threads: int | None = None
    label_smoothing: float = 0.0

    @property
    def gflop(self) -> float:
        """Billion operations of a step (training) or a call (inference), dense count; a multiply-add is two."""
        training = self.task == "training"
        each = self.network.training_multiply_adds if training else self.network.multiply_adds
        return 2e-9 * each * self.batch_size

    @property
    def batches(self) -> int:
        """How many different batches are held."""
        return 1 if self.task == "inference" else max(2, -(-IMAGES // self.batch_size))

    def examples(self) -> tuple[Array, Array]:
        """All batches in a row: images float32 (batches × N, H, W, C) in [0, 1], labels (batches × N,)."""
        count = self.batches * self.batch_size
        mnist = datasets.mnist()
        if self.network.input_shape == mnist.image_shape and count <= len(mnist.train):
            return mnist.train.batch(np.arange(count))
        stream = generator(0, "shuffle", epoch=MADE_UP)
        images = stream.random((count, *self.network.input_shape), np.float32)
        return images, stream.integers(0, self.network.output_shape[0], count)


def of_recipe(name: str, task: Task = "training", batch_size: int | None = None, title: str = "") -> Workload:
    """A recipe's network and optimizer, by its name or its file, at its own batch size unless another is given.

    A file's is called as the file is: whoever copies a recipe to change it need not change the name inside it too.
    Where its learning rate changes, it is the first one throughout: that is the same work.
    """
    taken = recipe.load_recipe(name)
    size = batch_size or taken.training.batch_size
    optimizer = replace(taken.optimizer, learning_rate=taken.optimizer.rate(0, 1))
    smoothing = taken.training.label_smoothing
    called = Path(name).stem if name.endswith(".toml") else taken.name
    return Workload(
        called,
        title or f"{called}: a training step, batch {size}",
        taken.network,
        size,
        task,
        optimizer,
        label_smoothing=smoothing,
    )


def _first_kernels() -> Workload:
    return of_recipe("first-kernels")


def _vgg_small() -> Workload:
    """VGG's plan in small: pairs of 3 × 3 convolutions, then pooling (Simonyan and Zisserman, 2014)."""
    layers: list[Layer] = []
    for filters in (32, 64):
        layers += [convolution(filters, 3), convolution(filters, 3), MaxPooling2D()]
    layers += [Flatten(), Dense(128, "relu", kernel_initializer=HeNormal()), Dense(10)]
    return Workload("vgg-small", "vgg-small: a training step, batch 64", Sequential(layers, (32, 32, 3)), 64)


def _vgg_normalized() -> Workload:
    """The same plan, deeper, with batch normalisation (Ioffe and Szegedy, 2015) between convolution and ReLU."""
    layers: list[Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += _normalized(Conv2D(filters, 3, padding="same", **_BARE))
        layers.append(MaxPooling2D())
    layers += [Flatten(), Dense(128, "relu", kernel_initializer=HeNormal()), Dense(10)]
    title = "vgg-normalized: a training step, batch 64"
    return Workload("vgg-normalized", title, Sequential(layers, (32, 32, 3)), 64)


def _all_convolutional() -> Workload:
    """Strides in place of pooling (Springenberg and others, "Striving for simplicity", 2014)."""
    layers: list[Layer] = []
    for filters in (64, 128, 256):
        layers += [convolution(filters, 3), convolution(filters, 3, strides=2)]
    layers += [GlobalAveragePooling2D(), Dense(10)]
    title = "all-convolutional: a training step, batch 64"
    return Workload("all-convolutional", title, Sequential(layers, (32, 32, 3)), 64)


def _residual() -> Workload:
    """Blocks with shortcuts (He and others, "Deep residual learning", CVPR 2016): `networks.resnet`."""
    return Workload("resnet", "resnet: a training step, batch 64", resnet((32, 32, 3), 10), 64)


def _air_s() -> Workload:
    """The smallest of the networks that convlet recommends: `networks.air`."""
    return Workload("air-s", "air-s: a training step, batch 256", air("S", (28, 28, 1), 10), 256, optimizer=Adam(1e-4))


def _depthwise() -> Workload:
    """A depthwise convolution, then one of 1 × 1, in place of one of both (Howard and others, "MobileNets", 2017)."""
    layers: list[Layer] = [*_normalized(Conv2D(32, 3, padding="same", **_BARE))]
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2)):
        layers += _normalized(DepthwiseConv2D(3, strides, "same", **_BARE))
        layers += _normalized(Conv2D(filters, 1, **_BARE))
    network = Sequential([*layers, GlobalAveragePooling2D(), Dense(10)], (32, 32, 3))
    return Workload("depthwise", "depthwise: a training step, batch 64", network, 64)


def _network_in_network() -> Workload:
    """Two convolutions of 1 × 1 behind each other one (Lin and others, "Network in network", 2013)."""
    layers: list[Layer] = []
    for size in (5, 3):
        layers += [convolution(96, size), convolution(96, 1), convolution(64, 1), MaxPooling2D()]
    network = Sequential([*layers, GlobalAveragePooling2D(), Dense(10)], (32, 32, 3))
    return Workload("network-in-network", "network-in-network: a training step, batch 64", network, 64)


_BARE: dict[str, Any] = {"use_bias": False, "kernel_initializer": HeNormal()}


def _normalized(layer: Layer) -> list[Layer]:
    return [layer, BatchNormalization(), Activation("relu")]


def _dense() -> Workload:
    """Nothing but dense layers, without dropout."""
    layers = [Dense(1024, "relu", kernel_initializer=HeNormal()) for _ in range(2)]
    network = Sequential([Flatten(), *layers, Dense(10)], (28, 28, 1))
    return Workload("dense", "dense: a training step, batch 128", network, 128)


def convolution(filters: int, size: int, strides: int = 1) -> Conv2D:
    """One that keeps the image's size but for its strides, with ReLU."""
    return Conv2D(filters, size, strides, padding="same", activation="relu", kernel_initializer=HeNormal())


def _thousand_images() -> Workload:
    workload = of_recipe("deep-mnist", "inference", 1000, "deep-mnist: predicting 1,000 images")
    return replace(workload, name="deep-mnist-1000-images")


def _thousand_images_by_air() -> Workload:
    title = "air-s: predicting 1,000 images"
    return replace(_air_s(), name="air-s-1000-images", title=title, batch_size=1000, task="inference")


def _one_image() -> Workload:
    return replace(
        of_recipe("deep-mnist", "inference", 1, "deep-mnist: predicting one image"), name="deep-mnist-1-image"
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "deep-mnist": lambda: of_recipe("deep-mnist"),
    "lenet-5": lambda: of_recipe("lenet-5"),
    "vgg-small": _vgg_small,
    "vgg-normalized": _vgg_normalized,
    "all-convolutional": _all_convolutional,
    "resnet": _residual,
    "air-s": _air_s,
    "depthwise": _depthwise,
    "network-in-network": _network_in_network,
    "dense": _dense,
    "first-kernels": _first_kernels,
    "deep-mnist-1000-images": _thousand_images,
    "deep-mnist-1-image": _one_image,
    "air-s-1000-images": _thousand_images_by_air,
}


def workload(name: str) -> Workload:
    """The workload of that name, or a training step of a recipe: one that comes along, or a file.

    Raises InputError, and RecipeError where it is a file that is no recipe.
    """
    if name in WORKLOADS:
        return WORKLOADS[name]()
    if name in recipe.built_in() or name.endswith(".toml"):
        return of_recipe(name)
    raise InputError(
        f"workloads={name!r}: expected some of {listed(WORKLOADS)}, or recipes: a name or a .toml file."
        f"{nearest(name, WORKLOADS)}"
    )


def without_dropout(workload: Workload) -> Workload:
    """The same without its Dropout layers: what every competitor must agree on. Their weights have the same names."""
    kept = _without_dropout(workload.network.layers)
    return replace(workload, network=Sequential(kept, workload.network.input_shape))


def _without_dropout(layers: Sequence[Layer]) -> list[Layer]:
    kept = [layer for layer in layers if not isinstance(layer, Dropout)]
    return [layer.with_branches([_without_dropout(branch) for branch in layer.branches]) for layer in kept]
