"""A file of ONNX as a run of ours, ready to predict, to be trained on, looked into and exported again."""

from pathlib import Path

from convlet.engines import default_engine
from convlet.environment import limit_threads
from convlet.exchange.graph.taking import checkpoint_of
from convlet.exchange.onnx.reading import read_model
from convlet.runs.run import Run, run_of


def load(path: str | Path, *, engine: str | None = None, threads: int | None = None) -> Run:
    """The network in a file of ONNX, with its weights, as a run that has yet to take a step.

    Images are (N, H, W, C) from 0 to 1, whatever order the file has them in; what it does to them itself is done. A
    softmax at its end is left out, since the network is to give logits. Classes are those that its metadata name.

    Raises StorageError where it cannot be read, FormatError where it is no model, InputError where it has what no layer
    here does, naming the node; EngineError where onnx is not installed.
    """
    if threads is not None:
        limit_threads(threads)
    return run_of(checkpoint_of(read_model(Path(path)), str(path)), engine or default_engine(), None)
