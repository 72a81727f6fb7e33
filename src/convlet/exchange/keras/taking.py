"""A Keras model as a run: it is read, and compared on noise."""

from collections.abc import Sequence
from typing import Any

import keras

from convlet.errors import InputError
from convlet.exchange.checking import Array
from convlet.exchange.graph.comparing import compared_run
from convlet.exchange.keras.kinds import numbers
from convlet.exchange.keras.reading import graph_of
from convlet.runs.run import Run


def taken(model: Any, *, classes: Sequence[str] | None, engine: str | None, threads: int | None) -> Run:
    """The run; see `from_keras`."""
    if not isinstance(model, keras.Model):
        raise InputError(
            f"model: {type(model).__name__}; expected a Keras model, such as a keras.Sequential. Of "
            "a file that you trust, keras.saving.load_model makes one."
        )

    def answer(images: Array) -> Array:
        given = images.reshape(len(images), *model.inputs[0].shape[1:])  # perhaps rows, of which it makes images itself
        rows = numbers(model(given, training=False))
        return rows.reshape(len(rows), -1)

    return compared_run(graph_of(model), model.name, answer, classes=classes, engine=engine, threads=threads)
