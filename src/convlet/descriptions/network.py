"""A network: shapes, parameters, initial values and costs of a whole network. Still without arrays.

Every parameter of a network has one public name, `layer/parameter`, and one public layout: kernels (KH, KW, C, F),
dense weights (inputs, units). Engines may keep another inside; nobody outside sees it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape, listed, nearest, whole_number
from convlet.descriptions.initializers import INITIALIZERS
from convlet.descriptions.layers import LAYERS, Dropout, Layer, Parameter
from convlet.descriptions.layers.layer import check_layers
from convlet.descriptions.measured import Measured
from convlet.descriptions.placing import BYTES, IMAGE, Placed, named, places, unnamed
from convlet.descriptions.tables import Table, from_table, set_canonical, to_table
from convlet.errors import InputError, NetworkError, RecipeError
from convlet.randomness import generator, kept
from convlet.showing import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BYTES", "IMAGE", "Parameters", "Placed", "Sequential"]

Parameters = dict[str, NDArray[Any]]
INSIDE = {"kernel_initializer": INITIALIZERS, "bias_initializer": INITIALIZERS, "layers": LAYERS, "shortcut": LAYERS}


@dataclass(frozen=True, repr=False)
class Sequential:
    """Layers in a row, each fed by the one before; a layer of the row may hold rows of its own (`Residual`).

    `input_shape` is one image, (H, W, C). Iterating gives every layer in its place, those inside others too. Layers
    without a name get one: `conv2d_1`, `max_pooling2d_1`, `conv2d_2`, …
    Raises NetworkError, naming the layer, where a layer cannot take what the one before gives.

    >>> from convlet.descriptions.layers import Conv2D, Dense, Flatten
    >>> network = Sequential([Conv2D(16, 3, activation="tanh"), Flatten(), Dense(10)], input_shape=(28, 28, 1))
    >>> network.output_shape, network.weights
    ((10,), 108330)
    """

    layers: Sequence[Layer]
    input_shape: Shape

    def __post_init__(self) -> None:
        if not (layers := check_layers("layers", self.layers)):
            raise InputError("layers=[]: expected at least one layer.")
        if not isinstance(self.input_shape, tuple | list) or len(self.input_shape) not in (1, 3):
            raise InputError(f"input_shape={self.input_shape!r}: expected (H, W, C), such as (28, 28, 1), or (size,).")
        shape = tuple(whole_number("input_shape", size) for size in self.input_shape)
        layers = named(layers)
        set_canonical(self, layers=layers, input_shape=shape, _placed=tuple(places(layers, shape)))

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
        """The layers in their places, each after those that it is given the outputs of."""
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
        total, trained = 0, {IMAGE: False}  # by a value's name, whether it depends on what is trained
        for placed in self:
            before, learns = any(trained[name] for name in placed.inputs), placed.layer.trainable
            total += placed.multiply_adds * (1 + learns + before) if placed.weights else 0
            trained[placed.name] = before or (learns and placed.weights > 0)
        return total

    def freeze(self, *names: str) -> "Sequential":
        """The same network with the layers of these names frozen, and no others: without names, all are trained.

        Raises InputError for a name that no layer has.
        """
        known = [placed.name for placed in self]
        for name in names:
            if name not in known:
                raise InputError(
                    f"freeze={name!r}: expected the name of a layer, {listed(known)}.{nearest(name, known)}"
                )
        return Sequential([_frozen(layer, names) for layer in self.layers], self.input_shape)

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

    @property
    def measures(self) -> bool:
        """Whether some initial values are measured from the training images."""
        return any(isinstance(parameter.initializer, Measured) for parameter in self.parameters.values())

    def initial_parameters(
        self, seed: int, dtype: Any = np.float32, *, images: NDArray[np.float32] | None = None
    ) -> Parameters:
        """Every parameter's initial value. Each draws from its own stream, so adding a layer changes no other one's.

        `images` (N, *input_shape), of the training images, are what some are measured from; without them these are as
        for images of white noise. Raises InputError where they are too few.
        """
        values = {}
        for name, parameter in self.parameters.items():
            stream = generator(seed, "initial values", step=_stream(name))
            try:
                values[name] = _initial(parameter, stream, images).astype(dtype)
            except InputError:
                raise
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
        return {"input_shape": list(self.input_shape), "layers": [to_table(layer) for layer in unnamed(self.layers)]}

    @classmethod
    def from_table(cls, table: Table, where: str = "network") -> "Sequential":
        """The network that a table stands for. Raises RecipeError."""
        keys = ["input_shape", "layers"]
        if not isinstance(table, Mapping):
            raise RecipeError(f"{where}: expected a table with 'input_shape' and 'layers', not {table!r}.")
        if unknown := [key for key in table if key not in keys]:
            hint = nearest(unknown[0], keys)
            raise RecipeError(f"{where}: unknown key {unknown[0]!r}; expected 'input_shape' and 'layers'.{hint}")
        if not all(isinstance(table.get(key), list) for key in keys):
            raise RecipeError(f"{where}: expected 'input_shape' = [rows, columns, channels] and a list of 'layers'.")
        layers = [from_table(row, LAYERS, f"{where}.layers[{i}]", INSIDE) for i, row in enumerate(table["layers"])]
        try:
            return cls(layers, tuple(table["input_shape"]))
        except RecipeError:
            raise
        except InputError as error:
            raise RecipeError(f"{where}: {error}") from None


def _initial(parameter: Parameter, stream: "np.random.Generator", images: NDArray[np.float32] | None) -> NDArray[Any]:
    if images is not None and isinstance(parameter.initializer, Measured):
        return parameter.initializer.measure(parameter.shape, images)
    return parameter.initializer.draw(parameter.shape, stream)


def _frozen(layer: Layer, names: Collection[str]) -> Layer:
    """The layer, frozen where it has one of these names, and so for all that it holds."""
    inside = [[_frozen(each, names) for each in branch] for branch in layer.branches]
    return replace(layer, trainable=layer.name not in names).with_branches(inside)


def _stream(name: str) -> int:
    """A parameter's own number, from its name (FNV-1a, 64 bits)."""
    number = 0xCBF29CE484222325
    for byte in name.encode():
        number = ((number ^ byte) * 0x100000001B3) % 2**64
    return number
