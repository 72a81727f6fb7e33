"""A model as it stands in a file, made plain: nodes in order, arrays, what goes in and what comes out.

What it is not: it does not know what an operator means (`graph`). Whatever is refused is refused by name.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from convlet.errors import FormatError, InputError, StorageError
from convlet.exchange.graph.nodes import NEWEST, Array, Given, Model, Node
from convlet.exchange.library import library
from convlet.exchange.onnx.wire import MOST_BYTES, check_size

OPSETS = range(9, NEWEST + 1)
MOST_NODES = 10_000
TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def read_model(path: Path) -> Model:
    """The model in a file. Raises StorageError where it cannot be read, and as `parsed` does."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FormatError(f"{path}: {path.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no path has a NUL in it
        raise StorageError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}.") from None
    return parsed(content, str(path))


def parsed(content: bytes, where: str) -> Model:
    """The model in these bytes; `where` names them in messages.

    Raises FormatError where it is no ONNX model, InputError where it is one that convlet does not take, EngineError
    where onnx is not installed.
    """
    onnx = library("onnx", "reading a model")
    check_size(content, where)
    try:
        return plain(onnx.load_model_from_string(content), where)
    except InputError:
        raise
    except Exception as error:  # the parser's own kinds, and what damaged arrays come to in NumPy
        raise FormatError(f"{where}: not an ONNX model: {type(error).__name__}: {str(error)[:200]}") from None


def plain(proto: Any, where: str) -> Model:
    """A ModelProto made plain. Raises InputError where convlet does not take it."""
    graph = proto.graph
    opset = _opset(proto, where)
    if len(graph.node) > MOST_NODES:
        raise InputError(f"{where}: {len(graph.node):,} nodes; expected at most {MOST_NODES:,}.")
    arrays = {tensor.name: _array(tensor, where) for tensor in graph.initializer}
    nodes = tuple(_node(node, where) for node in graph.node)
    inputs = tuple(_given(value) for value in graph.input if value.name not in arrays)
    outputs = tuple(value.name for value in graph.output)
    return Model(nodes, arrays, inputs, outputs, opset, _classes(proto))


def _classes(proto: Any) -> tuple[str, ...]:
    """The classes' names where the metadata have them, as convlet writes them; else none."""
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        names = json.loads(facts.get("classes", "[]"))
    except (ValueError, RecursionError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _opset(proto: Any, where: str) -> int:
    """The version of ONNX's own operators. Raises InputError for one that is too old or new, or where it has others."""
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    version = versions.get("", versions.get("ai.onnx"))
    if version is None or version not in OPSETS:
        raise InputError(
            f"{where}: opset {version}; expected {OPSETS[0]} to {OPSETS[-1]}. onnx.version_converter brings it there."
        )
    if proto.functions or proto.graph.sparse_initializer:
        what = "functions of its own" if proto.functions else "sparse weights"
        raise InputError(f"{where}: it has {what}; expected plain operators. onnx.inliner inlines functions.")
    return int(version)


def _node(node: Any, where: str) -> Node:
    """A node. What it gives beside its first output (of training, mostly) is nothing that another may ask for."""
    if node.domain not in ("", "ai.onnx"):
        raise InputError(f"{where}: node {node.name!r}: {node.domain}.{node.op_type} is no operator of ONNX's own.")
    attributes = {attribute.name: _attribute(attribute, node, where) for attribute in node.attribute}
    return Node(node.op_type, tuple(node.input), node.output[0] if node.output else "", attributes, node.name)


def _attribute(attribute: Any, node: Any, where: str) -> Any:
    """A number, a text, some of these, or an array."""
    onnx = library("onnx", "reading a model")
    kinds = onnx.AttributeProto
    if attribute.type == kinds.TENSOR:
        return _array(attribute.t, where)
    if attribute.type not in (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS, kinds.STRINGS):
        raise InputError(f"{where}: node {node.name!r} ({node.op_type}): its {attribute.name} is a graph or the like.")
    value = onnx.helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _array(tensor: Any, where: str) -> Array:
    """The numbers of a tensor. Raises InputError for numbers in another file, or of a type that no network here has."""
    if tensor.external_data or tensor.data_location == 1:
        raise InputError(
            f"{where}: the numbers of {tensor.name!r} are in a file of their own, which is not opened: it could be any "
            "file of this machine. Save the model as one file: torch.onnx.export(…, external_data=False), or "
            "onnx.save(onnx.load(model), one_file)."
        )
    if tensor.data_type not in TYPES:
        raise InputError(f"{where}: {tensor.name!r} is of ONNX's type {tensor.data_type}; expected floats or integers.")
    return np.asarray(library("onnx", "reading a model").numpy_helper.to_array(tensor))


def _given(value: Any) -> Given:
    tensor = value.type.tensor_type
    dims = tuple(dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim)
    return Given(value.name, tensor.elem_type, dims)
