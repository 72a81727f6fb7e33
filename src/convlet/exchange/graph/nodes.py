"""A graph as others have it, made plain: operators of ONNX in order, arrays by name, what goes in and what comes out.

What it is not: it does not know what an operator means (`operators.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
LEAKY_SLOPE = 0.2  # of ours
NEWEST = 25  # version of ONNX's operators


@dataclass(frozen=True)
class Node:
    """One operator: the names of the values that it is given and of the one that it gives, and how it works.

    `origin` is what it is where it comes from, such as "module 'conv1' (Conv2d)"; `trainable`, whether its weights are
    to be trained on.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]
    name: str = ""  # of the node, where its author gave it one
    origin: str = ""
    trainable: bool = True

    def __str__(self) -> str:
        """What it is, in words, for messages."""
        return self.origin or f"node {self.name or self.output!r} ({self.operator})"


@dataclass(frozen=True)
class Given:
    """A value that a graph is given: its name, its type by ONNX's number, and its axes, None where one is open.

    `channels_last` says of images in which order these are; None where that is to be seen from the graph.
    """

    name: str
    type: int
    dims: tuple[int | None, ...]
    channels_last: bool | None = None


@dataclass(frozen=True)
class Model:
    """A graph: nodes in the order in which they can be computed, arrays by name, what goes in, and what comes out.

    `classes` are their names, where it has any.
    """

    nodes: tuple[Node, ...]
    arrays: dict[str, Array]
    inputs: tuple[Given, ...]
    outputs: tuple[str, ...]
    opset: int = NEWEST
    classes: tuple[str, ...] = ()
