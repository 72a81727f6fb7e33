"""A graph as it is put down, from a live model of another tool's: part by part, in the words of ONNX's operators."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convlet.checks import Shape
from convlet.exchange.graph.nodes import Array, Given, Model, Node

FLOAT = 1  # float32, by ONNX's number


@dataclass
class Draft:
    """Nodes and arrays so far. `origin` and `trainable` are of the part at hand, and go into each of its nodes."""

    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    origin: str = ""
    trainable: bool = True

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Put down a node; the name of its output."""
        output = f"::{len(self.nodes)}"  # no name of a layer, as ONNX's exporters write one
        self.nodes.append(Node(operator, inputs, output, attributes, "", self.origin, self.trainable))
        return output

    def array(self, values: Any, name: str = "") -> str:
        """Put down numbers; their name, `name` where they have one of their own."""
        name, array = name or f"::array_{len(self.arrays)}", np.asarray(values)
        self.arrays[name] = array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array
        return name

    def call(self, value: str, name: str) -> str:
        """Give the value of the last node, where it is that one, a name: a layer will have it."""
        if not self.nodes or self.nodes[-1].output != value:
            return value
        self.nodes[-1] = replace(self.nodes[-1], output=name)
        return name

    def model(self, given: str, shape: Shape, output: str, *, channels_last: bool) -> Model:
        """The whole, of images of one shape, (H, W, C), or rows of numbers, (size,)."""
        dims = shape if channels_last else (*shape[-1:], *shape[:-1])
        images = Given(given, FLOAT, (None, *dims), channels_last)
        return Model(tuple(self.nodes), self.arrays, (images,), (output,))
