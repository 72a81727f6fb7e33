"""Layers in a row: shapes, parameters, initial values and costs of a whole network. Still without arrays.

Every parameter of a network has one public name, `layer/parameter`, and one public layout: kernels (KH, KW, C, F),
dense weights (inputs, units). Engines may keep another inside; nobody outside sees it.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape, listed, nearest, whole_number
from convlet.descriptions.initializers import INITIALIZERS
from convlet.descriptions.layers import LAYERS, Dropout, Layer, Parameter
from convlet.descriptions.tables import Table, from_table, set_canonical, to_table
from convlet.errors import InputError, NetworkError, RecipeError
from convlet.randomness import generator, kept
from convlet.showing import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Parameters = dict[str, NDArray[Any]]
BYTES = 4  # of a float32, for estimates of memory
IMAGE = "@image"  # the name of the network's own input; no layer can have it


@dataclass(frozen=True)
class Placed:
    """A layer in its place in a network: what it is given and what it gives, for one image.

    `inputs` names the layers whose outputs it is given, before it in the network; or IMAGE.
    """

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    inputs: tuple[str, ...] = (IMAGE,)

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The layer's parameters by their public names; none is trainable where the layer is frozen."""
        parameters, frozen = self.layer.parameters(self.input_shape), not self.layer.trainable
        return {f"{self.name}/{p.name}": replace(p, trainable=False) if frozen else p for p in parameters}

    @property
    def learnt(self) -> dict[str, Parameter]:
        """Those that are learnt, now or, where the layer is frozen, before: all but the measured ones."""
        return {f"{self.name}/{p.name}": p for p in self.layer.parameters(self.input_shape) if p.trainable}

    @property
    def weights(self) -> int:
        """How many learnt numbers the layer has, frozen or not."""
        return sum(p.size for p in self.learnt.values())

    @property
    def multiply_adds(self) -> int:
        return self.layer.multiply_adds(self.input_shape)

    @property
    def uses_per_weight(self) -> int:
        """How many times each weight is used on one image."""
        return self.layer.uses_per_weight(self.input_shape)

    @property
    def output_bytes(self) -> int:
        """Bytes of one image's output, in float32."""
        return math.prod(self.output_shape) * BYTES


@dataclass(frozen=True, repr=False)
class Sequential:
    """Layers in a row, each fed by the one before.

    `input_shape` is one image, (H, W, C). Layers without a name get one: `conv2d_1`, `max_pooling2d_1`, `conv2d_2`, …
    Raises NetworkError, naming the layer, where a layer cannot take what the one before gives.

    >>> from convlet.descriptions.layers import Conv2D, Dense, Flatten
    >>> network = Sequential([Conv2D(16, 3, activation="tanh"), Flatten(), Dense(10)], input_shape=(28, 28, 1))
    >>> network.output_shape, network.weights
    ((10,), 108330)
    """

    layers: Sequence[Layer]
    input_shape: Shape

    def __post_init__(self) -> None:
        layers = tuple(self.layers) if isinstance(self.layers, Iterable) else (None,)
        if not all(isinstance(layer, Layer) for layer in layers):
            raise InputError(f"layers={self.layers!r}: expected a list of layers, such as [Flatten(), Dense(10)].")
        if not layers:
            raise InputError("layers=[]: expected at least one layer.")
        if not isinstance(self.input_shape, tuple | list) or len(self.input_shape) not in (1, 3):
            raise InputError(f"input_shape={self.input_shape!r}: expected (H, W, C), such as (28, 28, 1), or (size,).")
        shape = tuple(whole_number("input_shape", size) for size in self.input_shape)
        named = _named(layers)
        set_canonical(self, layers=named, input_shape=shape, _placed=tuple(_place(named, shape)))

    def __repr__(self) -> str:
        """What goes in, what comes out, and how much is between: `summary()` shows the layers."""
        inside = f"{len(self.layers)} layers, {self.weights:,} weights"
        return f"<Sequential of {inside}: {self.input_shape} → {self.output_shape}>"

    def summary(self, training_images: int | None = None) -> None:
        """Print, layer by layer: shapes, weights, how often each is used, costs.

        With `training_images` it also says how many weights there are for each of them.
        """
        if training_images is not None:
            whole_number("training_images", training_images)
        shown("terminal.network", "print_summary", self, training_images)

    def plot(self) -> "Figure":
        """A drawing of the network, its layers with shapes and weights: a matplotlib Figure."""
        return shown("figures.network", "network_figure", self)

    def __iter__(self) -> Iterator[Placed]:
        """The layers in their places, first to last."""
        return iter(self._placed)  # type: ignore[attr-defined]

    @property
    def output_shape(self) -> Shape:
        return list(self)[-1].output_shape

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its public name, in order."""
        return {name: parameter for placed in self for name, parameter in placed.parameters.items()}

    @property
    def weights(self) -> int:
        """How many learnt numbers the network has, frozen or not."""
        return sum(placed.weights for placed in self)

    @property
    def trained_weights(self) -> int:
        """How many of them training moves: all but those of frozen layers."""
        return sum(placed.weights for placed in self if placed.layer.trainable)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image's forward pass."""
        return sum(placed.multiply_adds for placed in self)

    @property
    def training_multiply_adds(self) -> int:
        """Multiply-adds of one image's forward and backward pass, dense count: each layer's products once forward,
        once for its weights unless it is frozen, and once for its inputs where a layer before it is trained.
        """
        total, trained_before = 0, False
        for placed in (placed for placed in self if placed.weights):
            total += placed.multiply_adds * (1 + placed.layer.trainable + trained_before)
            trained_before |= placed.layer.trainable
        return total

    def freeze(self, *names: str) -> "Sequential":
        """The same network with the layers of these names frozen, and no others: without names, all are trained.

        Raises InputError for a name that no layer has.
        """
        known = [layer.name for layer in self.layers]
        for name in names:
            if name not in known:
                raise InputError(
                    f"freeze={name!r}: expected the name of a layer, {listed(known)}.{nearest(name, known)}"
                )
        return Sequential(
            [replace(layer, trainable=layer.name not in names) for layer in self.layers], self.input_shape
        )

    def check_classifier(self) -> int:
        """The number of classes, where the network ends in one logit a class; else a NetworkError."""
        last = list(self)[-1]
        if len(last.output_shape) != 1:
            raise NetworkError(
                f"layer {last.name!r} gives {last.output_shape} an image; to classify, "
                "a network must end in one number a class: end it with Flatten() and Dense(classes)."
            )
        if getattr(last.layer, "activation", None) == "softmax":
            raise NetworkError(
                f"layer {last.name!r} ends in softmax; expected logits, since the loss applies softmax itself "
                "(more exactly). Leave that activation out: predictions are probabilities all the same."
            )
        return last.output_shape[0]

    def initial_parameters(self, seed: int, dtype: Any = np.float32) -> Parameters:
        """Every parameter's initial value. Each draws from its own stream, so adding a layer changes no other one's."""
        values = {}
        for name, parameter in self.parameters.items():
            stream = generator(seed, "initial values", step=_stream(name))
            try:
                values[name] = parameter.initializer.draw(parameter.shape, stream).astype(dtype)
            except (MemoryError, ValueError):
                raise NetworkError(f"{name} of shape {parameter.shape}: too large for this machine's memory.") from None
        return values

    def check_parameters(self, parameters: Parameters) -> None:
        """Raise an InputError unless these are this network's parameters: the same names and shapes, one float type."""
        expected = {name: parameter.shape for name, parameter in self.parameters.items()}
        if expected.keys() != parameters.keys():
            missing, unknown = sorted(expected.keys() - parameters.keys()), sorted(parameters.keys() - expected.keys())
            raise InputError(f"parameters: missing {missing}, unknown {unknown}; expected the network's own names.")
        for name, shape in expected.items():
            if parameters[name].shape != shape:
                raise InputError(f"parameters[{name!r}]: shape {parameters[name].shape}; expected {shape}.")
        kinds = sorted({str(array.dtype) for array in parameters.values()})
        if kinds not in (["float32"], ["float64"], []):
            raise InputError(f"parameters: dtype {', '.join(kinds)}; expected all float32 or all float64.")

    def dropout_masks(self, images: int, seed: int, step: int) -> dict[str, NDArray[np.bool_]]:
        """Which values each Dropout keeps in this step: {layer name: bool (images, *shape)}."""
        stream = generator(seed, "dropout", step=step)
        return {
            placed.name: kept(stream, (images, *placed.input_shape), placed.layer.rate)
            for placed in self
            if isinstance(placed.layer, Dropout)
        }

    def to_table(self) -> Table:
        """The network as plain text and numbers, for TOML and JSON. Names that the network gave are left out."""
        unnamed = [replace(layer, name="") for layer in self.layers]
        rows = [
            to_table(bare if automatic == layer else layer)
            for layer, bare, automatic in zip(self.layers, unnamed, _named(unnamed), strict=True)
        ]
        return {"input_shape": list(self.input_shape), "layers": rows}

    @classmethod
    def from_table(cls, table: Table, where: str = "network") -> "Sequential":
        """The network that a table stands for. Raises RecipeError."""
        inside = {"kernel_initializer": INITIALIZERS, "bias_initializer": INITIALIZERS}
        keys = ["input_shape", "layers"]
        if not isinstance(table, Mapping):
            raise RecipeError(f"{where}: expected a table with 'input_shape' and 'layers', not {table!r}.")
        if unknown := [key for key in table if key not in keys]:
            hint = nearest(unknown[0], keys)
            raise RecipeError(f"{where}: unknown key {unknown[0]!r}; expected 'input_shape' and 'layers'.{hint}")
        if not all(isinstance(table.get(key), list) for key in keys):
            raise RecipeError(f"{where}: expected 'input_shape' = [rows, columns, channels] and a list of 'layers'.")
        layers = [from_table(row, LAYERS, f"{where}.layers[{i}]", inside) for i, row in enumerate(table["layers"])]
        try:
            return cls(layers, tuple(table["input_shape"]))
        except RecipeError:
            raise
        except InputError as error:
            raise RecipeError(f"{where}: {error}") from None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("2_d", "2d")


def _named(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with a name each: their own, or their kind's and a number."""
    counts: dict[str, int] = {}
    named = []
    for layer in layers:
        kind = _snake(type(layer).__name__)
        counts[kind] = counts.get(kind, 0) + 1
        named.append(layer if layer.name != "" else replace(layer, name=f"{kind}_{counts[kind]}"))
    names = [layer.name for layer in named]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name) or names.count(name) > 1:
            raise InputError(f"name={name!r}: expected a name of letters, digits, - and _ that no other layer has.")
    return tuple(named)


def _place(layers: Sequence[Layer], shape: Shape) -> Iterator[Placed]:
    before = IMAGE
    for layer in layers:
        try:
            after = layer.output_shape(shape)
            layer.parameters(shape)
        except NetworkError as error:
            raise NetworkError(f"layer {layer.name!r} cannot take an input of shape {shape}: {error}") from None
        yield Placed(layer, shape, after, (before,))
        shape, before = after, layer.name


def _stream(name: str) -> int:
    """A parameter's own number, from its name (FNV-1a, 64 bits)."""
    number = 0xCBF29CE484222325
    for byte in name.encode():
        number = ((number ^ byte) * 0x100000001B3) % 2**64
    return number
