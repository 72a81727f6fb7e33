"""ONNX Runtime, for inference only. The model is built here from our description, in the runtime's own layout."""

import math
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from convlet.benchmarks.peers.peer import Array, Job, Peer, unknown
from convlet.descriptions.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Placed
from convlet.errors import EngineError

OPSET, IR_VERSION = 17, 9
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


class OnnxRuntime(Peer):
    """A session with every optimisation, channels first, as the runtime has it."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        if job.task == "training":
            raise EngineError("ONNX Runtime predicts; it does not train.")
        self.version = f"onnxruntime {onnxruntime.__version__}"
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = job.threads
        settings.inter_op_num_threads = 1
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        settings.add_session_config_entry("session.set_denormal_as_zero", "1")
        model = build(job).SerializeToString()
        self._session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])

    def hold(self, images: Array, labels: Array) -> Array:
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))

    def step(self, batch: Array) -> Any:
        raise EngineError("ONNX Runtime predicts; it does not train.")

    def predict(self, batch: Array) -> Array:
        return self._session.run(None, {"images": batch})[0]


def build(job: Job) -> Any:
    """The network as an ONNX model, images (N, C, H, W) → logits (N, classes)."""
    graph = _Graph(job)
    for placed in job.network:
        graph.add(placed)
    height, width, channels = job.network.input_shape
    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N", channels, height, width])
    logits = helper.make_tensor_value_info(graph.last, onnx.TensorProto.FLOAT, ["N", *job.network.output_shape])
    whole = helper.make_graph(graph.nodes, "network", [images], [logits], graph.weights)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes in a row, each fed by the one before."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.last = "images"
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._flattened: tuple[int, ...] = ()  # the image whose (C, H, W) rows the next dense layer is given

    def add(self, placed: Placed) -> None:
        match placed.layer:
            case Conv2D() as it if it.activation in (None, *ACTIVATIONS):
                kernel = self.job.parameters[f"{placed.name}/kernel"].transpose(3, 2, 0, 1)
                window = it.window(placed.input_shape)
                self._node("Conv", [self._weight(placed, "kernel", kernel), *self._bias(placed)], **_geometry(window))
                self._activate(it.activation)
            case Dense() as it if it.activation in (None, *ACTIVATIONS):
                kernel = self._rows(self.job.parameters[f"{placed.name}/kernel"])
                self._node("Gemm", [self._weight(placed, "kernel", kernel), *self._bias(placed)])
                self._activate(it.activation)
            case MaxPooling2D() as it:
                window = it.window(placed.input_shape)
                self._node("MaxPool", [], **_geometry(window))
            case Flatten():
                self._flattened = placed.input_shape
                self._node("Flatten", [])
            case Activation() as it if it.activation in ACTIVATIONS:
                self._activate(it.activation)
            case Dropout():
                pass
            case _:
                raise unknown(placed.layer)

    def _node(self, kind: str, more: list[str], **attributes: Any) -> None:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.last, *more], [output], **attributes))
        self.last = output

    def _activate(self, name: str | None) -> None:
        if name:
            self._node(ACTIVATIONS[name], [])

    def _weight(self, placed: Placed, name: str, array: Array) -> str:
        full = f"{placed.name}/{name}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), full))
        return full

    def _bias(self, placed: Placed) -> list[str]:
        bias = self.job.parameters.get(f"{placed.name}/bias")
        return [] if bias is None else [self._weight(placed, "bias", bias)]

    def _rows(self, kernel: Array) -> Array:
        """A dense kernel (inputs, units), its rows in (C, H, W) order where its inputs are a flattened image."""
        image, self._flattened = self._flattened, ()
        if len(image) != 3 or math.prod(image) != len(kernel):
            return kernel
        return kernel.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)


def _geometry(window: Any) -> dict[str, Any]:
    (top, bottom), (left, right) = window.padding
    return {"kernel_shape": window.size, "strides": window.strides, "pads": [top, left, bottom, right]}
