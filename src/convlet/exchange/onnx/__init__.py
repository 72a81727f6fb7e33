"""Networks to and from ONNX, the format that other tools read and write.

What it is not: an engine. A model that comes in becomes a network of ours, and is computed by an engine of ours.

    kinds       each kind of layer as nodes
    writing     a network as a model
    running     a model in ONNX Runtime

    loading     a file as a run:
    wire        how much there is in it, before it is parsed
    reading     its nodes and arrays, made plain; what they become is in `graph`

    backend     our engines as ONNX's own tools ask for one
"""

from convlet.exchange.onnx.backend import backend
from convlet.exchange.onnx.loading import load
from convlet.exchange.onnx.writing import onnx_model

__all__ = ["backend", "load", "onnx_model"]
