"""Networks to and from ONNX, the format that other tools read and write.

What it is not: an engine. A model that comes in becomes a network of ours, and is computed by an engine of ours.

    kinds      each kind of layer as nodes
    writing    a network as a model
    running    a model in ONNX Runtime
"""

from convlet.exchange.onnx.writing import onnx_model

__all__ = ["onnx_model"]
