"""A network, its weights and images as the page reads them: one JSON description and one binary buffer.

The description holds words and whole numbers: each layer with what it reads from, its shapes and its window, so that
the page works out no geometry; and for each array its name, dtype, shape and place in the buffer. The buffer holds the
arrays, little-endian, each beginning at a multiple of eight bytes, as typed arrays want it. Nothing is pickled, and no
number of an array is written as text. Its reader is `page/network/wire.js`.

This is not how a run is kept: that is a checkpoint's matter.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import Layer
from convlet.descriptions.network import Parameters, Placed, Sequential
from convlet.errors import InputError

Array = NDArray[Any]
Table = dict[str, Any]

FORMAT = "convlet page 1"
DTYPES = ("uint8", "int32", "float16", "float32")
ALIGNMENT = 8  # bytes
# Fields of a layer that its own outputs do not depend on; the layers inside it are layers of the network.
UNSAID = ("name", "trainable", "kernel_initializer", "bias_initializer", "layers", "shortcut")


@dataclass(frozen=True)
class Packet:
    """What travels: `description` becomes JSON, `buffer` goes as it is."""

    description: Table
    buffer: bytes


def packet(network: Sequential, arrays: Mapping[str, Array], **further: Any) -> Packet:
    """A network and named arrays: its parameters by their public names, and any others, such as images (N, H, W, C).

    `further` goes into the description as it is, such as `classes`. Raises InputError for a dtype that has no place
    on the page.
    """
    places, buffer = pack(arrays)
    return Packet({"format": FORMAT, "network": describe(network), "arrays": places, **further}, buffer)


def weights(parameters: Parameters, *, half: bool = False) -> Parameters:
    """The parameters as they travel: float32, or with `half` float16 where no number is too large for that."""
    single = {name: array.astype(np.float32) for name, array in parameters.items()}
    return {name: _half(array) for name, array in single.items()} if half else single


def _half(array: Array) -> Array:
    fits = np.abs(array).max(initial=0) <= np.finfo(np.float16).max
    return array.astype(np.float16) if fits else array


def pack(arrays: Mapping[str, Array]) -> tuple[Table, bytes]:
    """Where each array stands, {name: {dtype, shape, offset}}, and the buffer they stand in. Raises InputError."""
    places, buffer = {}, bytearray()
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise InputError(f"arrays[{name!r}]: dtype {array.dtype}; expected one of {', '.join(DTYPES)}.")
        buffer.extend(bytes(-len(buffer) % ALIGNMENT))
        places[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": len(buffer)}
        buffer.extend(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return places, bytes(buffer)


def describe(network: Sequential) -> Table:
    """The network in words and whole numbers: the image's shape, and the layers in an order to compute them in."""
    return {"image": list(network.input_shape), "layers": [_layer(placed) for placed in network]}


def _layer(placed: Placed) -> Table:
    """One layer: what it reads from, shapes of one image, its parameters by their short names, and what it costs."""
    window = getattr(placed.layer, "window", None)
    return {
        "name": placed.name,
        "kind": type(placed.layer).__name__,
        "inputs": list(placed.inputs),
        "output_shape": list(placed.output_shape),
        "settings": _settings(placed.layer),
        "window": window and asdict(window(placed.input_shape)),
        "parameters": {name.rpartition("/")[2]: name for name in placed.parameters},
        "weights": placed.weights,
        "uses": placed.uses_per_weight,
        "multiply_adds": placed.multiply_adds,
    }


def _settings(layer: Layer) -> Table:
    """The layer's own fields, as it was described."""
    return {item.name: getattr(layer, item.name) for item in fields(layer) if item.name not in UNSAID}
