"""A Keras model as a graph: from its output back to its input, each layer in the words of ONNX's operators.

Keras keeps how a model was put together in its tensors' history. A model inside a model is followed into. Images come
(N, H, W, C), and go from layer to layer (N, C, H, W), as the operators have them.
"""

from typing import Any

import keras

from convlet.errors import InputError
from convlet.exchange.graph.drafting import Draft
from convlet.exchange.graph.nodes import Model
from convlet.exchange.keras.kinds import TO_CHANNELS_FIRST, TO_CHANNELS_LAST, Site, put_layer

Tensor = Any  # a KerasTensor: a value of a model, without numbers
IMAGES = "images"  # the name of what goes in


def graph_of(model: keras.Model) -> Model:
    """What a model does, as a graph. Raises InputError, with its name in front, for what no layer here does."""
    draft = Draft()
    try:
        given = _single(model)
        shape, dtype = tuple(given.shape[1:]), keras.backend.standardize_dtype(given.dtype)
        if len(shape) not in (1, 3) or None in shape:
            raise InputError(f"input of shape {given.shape}: expected (None, H, W, C), or (None, size), all known.")
        if "float" not in dtype:
            raise InputError(f"input of dtype {dtype!r}: expected floats from 0 to 1.")
        first = draft.node("Transpose", IMAGES, perm=TO_CHANNELS_FIRST) if len(shape) == 3 else IMAGES
        made = _followed(draft, model, first, "")
        if len(model.outputs[0].shape) == 4:
            made = draft.node("Transpose", made, perm=TO_CHANNELS_LAST)
        return draft.model(IMAGES, shape, made, channels_last=True)
    except InputError as error:
        raise InputError(": ".join(filter(None, (model.name, draft.origin, str(error))))) from None


def _single(model: keras.Model) -> Tensor:
    """What a model is given. Raises InputError where it is no row of layers that is known, or has several ends."""
    if not getattr(model, "inputs", None):
        remedy = (
            "build it: model.build((None, H, W, C))" if isinstance(model, keras.Sequential) else "export it as ONNX"
        )
        raise InputError(
            f"its layers have no order that Keras knows: expected a Sequential or functional model; {remedy}."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(f"{len(model.inputs)} inputs, {len(model.outputs)} outputs; expected one of each.")
    return model.inputs[0]


def _followed(draft: Draft, model: keras.Model, given: str, within: str) -> str:
    """Put down all that a model's output depends on, from the value `given` on; the output's name there."""
    values = {id(_single(model)): given}
    waiting = [model.outputs[0]]
    while waiting:
        tensor = waiting[-1]
        operation, place, _ = tensor._keras_history
        node = operation._inbound_nodes[place]
        missing = [each for each in node.input_tensors if id(each) not in values]
        if missing:
            waiting += missing
        elif id(tensor) not in values:
            values[id(tensor)] = _put(draft, operation, node, values, within)
        else:
            waiting.pop()
    return values[id(model.outputs[0])]


def _put(draft: Draft, operation: Any, node: Any, values: dict[int, str], within: str) -> str:
    """Put down a layer, or a model as all its layers; the name of its output."""
    names = [values[id(each)] for each in node.input_tensors]
    path = f"{within}{operation.name}"
    draft.origin = f"layer {path!r} ({type(operation).__name__})"
    draft.trainable = getattr(operation, "trainable", True)
    if not names:
        raise InputError("another input beside the images; expected one.")
    if isinstance(operation, keras.Model):
        return _followed(draft, operation, names[0], f"{path}/")
    ranks = [len(each.shape) for each in node.input_tensors]
    arguments = [values.get(id(each), each) for each in node.arguments.args]
    site = Site(draft, path, names, ranks[0], tuple(node.output_tensors[0].shape), arguments)
    return draft.call(put_layer(operation, site), path)
