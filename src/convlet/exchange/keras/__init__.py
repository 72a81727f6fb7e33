"""Networks from Keras: live models, with their weights. To Keras it is `run.to_keras()`, of the keras engine.

What it is not: a reader of files. A file of Keras's may run what its author wrote; load it yourself, if you trust it.
Nothing here is imported before it is asked for, nor is Keras.

    taking      a model as a run
    reading     from its output back to its input, as a graph
    kinds       Keras's layers in it
"""

from collections.abc import Sequence
from typing import Any

from convlet.exchange.library import library
from convlet.runs.run import Run

__all__ = ["from_keras"]


def from_keras(
    model: Any, *, classes: Sequence[str] | None = None, engine: str | None = None, threads: int | None = None
) -> Run:
    """A Keras model, Sequential or functional, as a run that has yet to take a step: with its weights.

    Its classes are `classes`, or numbers. The model is left as it is, and answers as the run does: that is tried on a
    few images. A softmax at its end is left out, since a network gives logits.

    Raises InputError where it has what no layer here does, naming the layer; EngineError where Keras is not installed,
    or the two answer differently.
    """
    library("keras", "from_keras")
    from convlet.exchange.keras.taking import taken

    return taken(model, classes=classes, engine=engine, threads=threads)
