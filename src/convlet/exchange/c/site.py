"""A layer of a simplified network in its place, as what asks C for it sees it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from convlet.descriptions.network import IMAGE, Parameters, Placed, Sequential
from convlet.exchange.c.calls import Array, Call, Struct
from convlet.exchange.c.text import identifiers
from convlet.exchange.c.windows import window_of, window_struct

Made = TypeVar("Made")
PIXELS = "@pixels"  # the name of the image as numbers to compute with, where these are not what is given


@dataclass(frozen=True)
class Site:
    """A layer of a simplified network in its place: what C calls it, what it is given, by name, and all parameters."""

    placed: Placed
    identifier: str
    given: tuple[str, ...]
    parameters: Parameters

    @property
    def image(self) -> tuple[int, ...]:
        """The shape of what it is given, as an image (H, W, C); a row of numbers is one pixel."""
        shape = self.placed.input_shape
        return shape if len(shape) == 3 else (1, 1, *shape)

    @property
    def kernel(self) -> Array:
        return self.parameters[f"{self.placed.name}/kernel"]

    def bias(self, outputs: int) -> tuple[str, Array]:
        """Its bias, as an argument; zeros where it has none, so that a function need not ask."""
        return "bias", self.parameters.get(f"{self.placed.name}/bias", np.zeros(outputs, np.float32))

    def call(self, function: str, *more: Any, in_place: bool = False, beside: Sequence[tuple[str, Array]] = ()) -> Call:
        """A call with these arguments behind the values: whole numbers, and pairs of a name and what is defined so.

        Arrays `beside` these are defined before them, for a struct to name.
        """
        arguments, arrays = [], {f"{self.identifier}_{name}": array for name, array in beside}
        for argument in more:
            if isinstance(argument, tuple):
                name, value = f"{self.identifier}_{argument[0]}", argument[1]
                arrays[name] = value
                argument = f"&NAME_{name}" if isinstance(value, Struct) else f"NAME_{name}"
            arguments.append(str(argument))
        size = math.prod(self.placed.output_shape)
        return Call(function, self.given, self.placed.name, size, tuple(arguments), arrays, in_place)

    def window(self, channels: int | None = None) -> tuple[str, Struct]:
        """Its window, as an argument."""
        window = window_of(self.placed.layer, self.image)
        return "window", window_struct(window, self.image, channels or self.image[2])


def walk(
    network: Sequential, parameters: Parameters, image: str, make: Callable[[Site], Made | None]
) -> Iterator[Made]:
    """What `make` makes of each layer of a simplified network, one after the other; `image` is the image's name.

    Where it makes None, nothing is computed: what is given that layer is given those behind it.
    """
    values, names = {IMAGE: image}, identifiers([placed.name for placed in network])
    for placed in network:
        given = tuple(values[name] for name in placed.inputs)
        made = make(Site(placed, names[placed.name], given, parameters))
        values[placed.name] = given[0] if made is None else placed.name
        if made is not None:
            yield made
