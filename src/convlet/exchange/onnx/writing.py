"""A network of ours as an ONNX model, for whatever reads these: one file, with what its user must know in it.

The graph takes images (N, H, W, C), as everything in convlet does, of float32 from 0 to 1, or of bytes; one Transpose
brings their channels first. N is whatever comes. Opset 17 and version 8 of the format are what readers of 2023 know.
The metadata say what goes in and what comes out, and the classes' names.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convlet.descriptions.network import IMAGE, Parameters, Placed, Sequential
from convlet.exchange.graph.nodes import Array, Node
from convlet.exchange.library import library
from convlet.exchange.onnx.kinds import KINDS, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, Site

OPSET, FORMAT = 17, 8
IMAGES = "images"  # the name of what goes in
OWN = (IMAGES, "logits", "probabilities", "outputs", "white")  # the graph's own names, which a layer may have too


def onnx_model(
    network: Sequential,
    parameters: Parameters,
    *,
    classes: Sequence[str] = (),
    softmax: bool = False,
    uint8: bool = False,
) -> Any:
    """The network with its weights as an ONNX ModelProto, checked by ONNX's own checker.

    It gives what the network gives, such as "logits" (N, classes); with `softmax`, "probabilities". With `uint8` it
    takes bytes, and divides them by 255 itself. Raises EngineError where onnx is not installed.
    """
    from importlib.metadata import version  # here, for `import convlet` need not wait for it

    onnx = library("onnx", "a model for ONNX")
    graph = _Graph(network, parameters)
    graph.begin(uint8)
    for placed in network:
        graph.add(placed)
    name = graph.end(softmax)
    float32, uint = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    given = onnx.helper.make_tensor_value_info(IMAGES, uint if uint8 else float32, ["N", *network.input_shape])
    made = onnx.helper.make_tensor_value_info(name, float32, ["N", *network.output_shape])
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    nodes = [onnx.helper.make_node(n.operator, n.inputs, [n.output], n.output, **n.attributes) for n in graph.nodes]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "network", [given], [made], arrays),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
        producer_name="convlet",
        producer_version=version("convlet"),
    )
    onnx.helper.set_model_props(model, _facts(network, classes, name, uint8))
    onnx.checker.check_model(model, full_check=True)
    return model


def _facts(network: Sequential, classes: Sequence[str], output: str, uint8: bool) -> dict[str, str]:
    """What whoever uses the model must know, as texts."""
    facts = {"input": f"(N, {', '.join(map(str, network.input_shape))})", "output": output}
    if len(network.input_shape) == 3:
        facts["layout"] = "NHWC"
        facts["image_size"] = "x".join(map(str, network.input_shape[:2]))
        facts["channels"] = str(network.input_shape[2])
        facts["preprocessing"] = "none: bytes from 0 to 255" if uint8 else "bytes / 255: pixels from 0 to 1"
    return facts | ({"classes": json.dumps(list(classes), ensure_ascii=False)} if classes else {})


class _Graph:
    """Nodes in a row, and by a layer's name the value that holds its output."""

    def __init__(self, network: Sequential, parameters: Parameters) -> None:
        self._network, self._parameters = network, parameters
        self.nodes: list[Node] = []
        self.arrays: dict[str, Array] = {}
        self._values = {IMAGE: IMAGES}

    def begin(self, uint8: bool) -> None:
        """From images as they are given to what the first layer takes."""
        value = IMAGES
        if uint8:
            value = self._node("Cast", value, to=1)  # ONNX's number for float32
            self.arrays["white"] = np.array(255, np.float32)
            value = self._node("Div", value, "white")
        if len(self._network.input_shape) == 3:
            value = self._node("Transpose", value, perm=TO_CHANNELS_FIRST)
        self._values[IMAGE] = value

    def add(self, placed: Placed) -> None:
        """One layer more: its last node's output has the layer's own name."""
        weights = {name.rpartition("/")[2]: self._parameters[name] for name in placed.parameters}
        site = Site(placed, tuple(self._values[name] for name in placed.inputs), weights)
        KINDS[type(placed.layer)](placed.layer, site)
        own = f"{placed.name}/output" if placed.name in OWN else placed.name
        self._values[placed.name] = own if site.nodes else site.given[0]
        self.nodes += site.nodes[:-1] + [replace(node, output=own) for node in site.nodes[-1:]]
        self.arrays |= site.arrays

    def end(self, softmax: bool) -> str:
        """The name of what comes out, behind the last node."""
        value = self._values[self._network.layers[-1].name]
        image = len(self._network.output_shape) == 3
        if image:
            value = self._node("Transpose", value, perm=TO_CHANNELS_LAST)
        if softmax:
            value = self._node("Softmax", value, axis=-1)
        name = "outputs" if image else "probabilities" if softmax else "logits"
        if not self.nodes or self.nodes[-1].output != value or value == self._values[IMAGE]:
            self._node("Identity", value)
        self.nodes[-1] = replace(self.nodes[-1], output=name)
        return name

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"@{operator.lower()}_{len(self.nodes)}"  # no layer's name
        self.nodes.append(Node(operator, inputs, output, attributes))
        return output
