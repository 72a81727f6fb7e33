"""Small convolutional networks in plain Python: read every line, train fast on a CPU, look inside.

import convlet as cl

mnist = cl.datasets.mnist()
network = cl.Sequential([cl.Flatten(), cl.Dense(10)], input_shape=(28, 28, 1))
run = cl.fit(network, mnist, optimizer=cl.Adam(1e-3), steps=1000)
print(run.evaluate(mnist.test).accuracy)
"""

from importlib.metadata import version as _version

from convlet import datasets, errors
from convlet.evaluation import Evaluation
from convlet.history import History
from convlet.initializers import Constant, GlorotUniform, HeNormal, TruncatedNormal, Uniform
from convlet.layers import (
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
from convlet.network import Sequential
from convlet.optimizers import SGD, Adam
from convlet.run import Run, load
from convlet.schedules import Cosine, OneCycle, Steps
from convlet.training import fit

__version__ = _version("convlet")

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
