"""Small convolutional networks in plain Python: read every line, train fast on a CPU, look inside.

import convlet as cl

mnist = cl.datasets.mnist()
network = cl.Sequential([cl.Flatten(), cl.Dense(10)], input_shape=(28, 28, 1))
run = cl.fit(network, mnist, optimizer=cl.Adam(1e-3), steps=1000)
print(run.evaluate(mnist.test).accuracy)
"""

from convlet import datasets, errors
from convlet.descriptions.initializers import Constant, GlorotUniform, HeNormal, TruncatedNormal, Uniform
from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import Cosine, OneCycle, Steps
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import History
from convlet.runs.run import Run, load
from convlet.training.fit import fit

__all__ = [
    "SGD",
    "Activation",
    "Adam",
    "AveragePooling2D",
    "BatchNormalization",
    "Constant",
    "Conv2D",
    "Cosine",
    "Dense",
    "Dropout",
    "Evaluation",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlorotUniform",
    "HeNormal",
    "History",
    "MaxPooling2D",
    "OneCycle",
    "Run",
    "Sequential",
    "Steps",
    "TruncatedNormal",
    "Uniform",
    "__version__",
    "datasets",
    "errors",
    "fit",
    "load",
]


def __getattr__(name: str) -> str:
    """`__version__`, as it was installed: to look it up costs half as much as all that is imported here."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("convlet")
