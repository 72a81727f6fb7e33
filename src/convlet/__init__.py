"""Small convolutional networks in plain Python: read every line, train fast on a CPU, look inside.

import convlet as cl

mnist = cl.datasets.mnist()
network = cl.Sequential([cl.Flatten(), cl.Dense(10)], input_shape=(28, 28, 1))
run = cl.fit(network, mnist, optimizer=cl.Adam(1e-3), steps=1000)
print(run.evaluate(mnist.test).accuracy)
"""

from typing import Any as _Any

from convlet import datasets, errors
from convlet.comparison import compare
from convlet.datasets import Dataset, Examples
from convlet.descriptions import augmentation, initializers, layers, networks, optimizers, schedules
from convlet.descriptions.initializers import GlorotUniform, HeNormal, TruncatedNormal
from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, SGD, Adam, AdamW, Lookahead, Muon
from convlet.descriptions.schedules import Cosine, OneCycle
from convlet.fitting import find_rate, fit
from convlet.runs.data_source import DataSource
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, Training, load_recipe
from convlet.runs.run import Run, load

__all__ = [
    "EMA",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Cosine",
    "DataSource",
    "Dataset",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Evaluation",
    "Examples",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "GlorotUniform",
    "HeNormal",
    "History",
    "Lookahead",
    "MaxPooling2D",
    "Muon",
    "Normalization",
    "OneCycle",
    "Recipe",
    "Rescaling",
    "Residual",
    "Run",
    "Sequential",
    "Training",
    "TruncatedNormal",
    "__version__",
    "augmentation",
    "compare",
    "datasets",
    "errors",
    "find_rate",
    "fit",
    "initializers",
    "layers",
    "load",
    "load_recipe",
    "networks",
    "optimizers",
    "read_picture",
    "schedules",
]
_ONLY_IN = {  # alone they could be anything
    **dict.fromkeys(["Constant", "Uniform", "Identity", "PatchWhitening"], "initializers"),
    "Steps": "schedules",
}


def __getattr__(name: str) -> _Any:
    """What takes long to import, when it is asked for; what a name that is in its room only is to be called.

    To look `__version__` up costs half as much as all that is imported here.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("convlet")
    if name == "read_picture":
        from convlet.datasets.readers.pictures import read_picture

        return read_picture
    hint = f": it is convlet.{_ONLY_IN[name]}.{name}" if name in _ONLY_IN else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
