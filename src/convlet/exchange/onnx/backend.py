"""Our engines as a backend of ONNX's own: what its test suite, and its other tools, can run a model on.

A model's first input is the images, or rows of numbers; what else it is given are its weights.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convlet.engines import engine as find_engine
from convlet.errors import InputError
from convlet.exchange.graph.nodes import Array, Model
from convlet.exchange.graph.taking import Imported, imported
from convlet.exchange.library import library
from convlet.exchange.onnx.reading import TYPES, plain

WHERE = "model"


def backend(engine: str) -> Any:
    """An `onnx.backend.base.Backend` that computes with an engine of ours.

    Its `prepare` and `run` raise InputError for what no layer of ours does. Raises EngineError where onnx is not
    installed.
    """
    library("onnx", "a backend of ONNX")
    from onnx.backend import base

    class Prepared(base.BackendRep):  # type: ignore[misc]
        """A model, ready to run."""

        def __init__(self, proto: Any) -> None:
            self._model = plain(proto, WHERE)
            self._type = TYPES.get(proto.graph.output[0].type.tensor_type.elem_type)

        def run(self, inputs: Sequence[Array], **options: Any) -> tuple[Array, ...]:
            if self._type is None:
                raise InputError(f"{WHERE}: its output is of another type than floats and common integers.")
            return (computed(self._model, inputs, engine).astype(self._type),)

    class Convlet(base.Backend):  # type: ignore[misc]
        """ONNX's door to an engine of ours."""

        @classmethod
        def prepare(cls, model: Any, device: str = "CPU", **options: Any) -> Prepared:
            return Prepared(model)

        @classmethod
        def supports_device(cls, device: str) -> bool:
            return device == "CPU"

    return Convlet


def computed(model: Model, inputs: Sequence[Array], engine: str) -> Array:
    """What a model gives for its inputs, the first of them images, on an engine. Raises as `imported` does."""
    images, *weights = (np.asarray(each) for each in inputs)
    first, *others = model.inputs
    known = {value.name: array for value, array in zip(others, weights, strict=True)}
    found = imported(replace(model, inputs=(first,), arrays=model.arrays | known), WHERE)
    program = find_engine(engine).compile(found.network, found.parameters)
    return _theirs(found, program.predict(_ours(found, images)))


def _ours(found: Imported, images: Array) -> Array:
    """A model's input as our engines take it: (N, H, W, C) or (N, size) of float32, bytes divided by 255."""
    values, given = images.astype(np.float32) / np.float32(255 if images.dtype == np.uint8 else 1), found.images
    if given.image:  # perhaps as the model itself makes one of what it is given
        values = values.reshape(len(images), *given.dims).transpose([given.axes.index(axis) for axis in "NHWC"])
    return np.ascontiguousarray(values.reshape(len(images), *given.step.shape))


def _theirs(found: Imported, outputs: Array) -> Array:
    """Our engines' output as the model gives it."""
    value = found.output
    if value.image:
        return outputs.transpose(["NHWC".index(axis) for axis in value.axes])
    ordered = outputs if value.order is None else outputs[:, value.order]
    return ordered.reshape(len(outputs), *value.view)
