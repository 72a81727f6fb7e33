"""Small convolutional networks in plain Python: read every line, train fast on a CPU, look inside.

import convlet as cl

mnist = cl.datasets.mnist()
network = cl.Sequential([cl.Flatten(), cl.Dense(10)], input_shape=(28, 28, 1))
run = cl.fit(network, mnist, optimizer=cl.Adam(1e-3), steps=1000)
print(run.evaluate(mnist.test).accuracy)
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:  # for editors and type checkers; Python finds the same names by the table below, and a test compares
    from convlet import datasets as datasets
    from convlet import errors as errors
    from convlet.comparison import compare as compare
    from convlet.datasets import Dataset as Dataset
    from convlet.datasets import Examples as Examples
    from convlet.datasets.readers.pictures import read_picture as read_picture
    from convlet.descriptions import augmentation as augmentation
    from convlet.descriptions import initializers as initializers
    from convlet.descriptions import layers as layers
    from convlet.descriptions import networks as networks
    from convlet.descriptions import optimizers as optimizers
    from convlet.descriptions import schedules as schedules
    from convlet.descriptions.initializers import GlorotUniform as GlorotUniform
    from convlet.descriptions.initializers import HeNormal as HeNormal
    from convlet.descriptions.initializers import TruncatedNormal as TruncatedNormal
    from convlet.descriptions.layers import Activation as Activation
    from convlet.descriptions.layers import AveragePooling2D as AveragePooling2D
    from convlet.descriptions.layers import BatchNormalization as BatchNormalization
    from convlet.descriptions.layers import Conv2D as Conv2D
    from convlet.descriptions.layers import Dense as Dense
    from convlet.descriptions.layers import DepthwiseConv2D as DepthwiseConv2D
    from convlet.descriptions.layers import Dropout as Dropout
    from convlet.descriptions.layers import Flatten as Flatten
    from convlet.descriptions.layers import GlobalAveragePooling2D as GlobalAveragePooling2D
    from convlet.descriptions.layers import GlobalMaxPooling2D as GlobalMaxPooling2D
    from convlet.descriptions.layers import MaxPooling2D as MaxPooling2D
    from convlet.descriptions.layers import Normalization as Normalization
    from convlet.descriptions.layers import Rescaling as Rescaling
    from convlet.descriptions.layers import Residual as Residual
    from convlet.descriptions.network import Sequential as Sequential
    from convlet.descriptions.optimizers import EMA as EMA
    from convlet.descriptions.optimizers import SGD as SGD
    from convlet.descriptions.optimizers import Adam as Adam
    from convlet.descriptions.optimizers import AdamW as AdamW
    from convlet.descriptions.optimizers import Lookahead as Lookahead
    from convlet.descriptions.optimizers import Muon as Muon
    from convlet.descriptions.schedules import Cosine as Cosine
    from convlet.descriptions.schedules import OneCycle as OneCycle
    from convlet.exchange import onnx as onnx
    from convlet.exchange.keras import from_keras as from_keras
    from convlet.exchange.torch import from_torch as from_torch
    from convlet.fitting import find_rate as find_rate
    from convlet.fitting import fit as fit
    from convlet.inspection import Inspection as Inspection
    from convlet.inspection import inspect as inspect
    from convlet.runs.averaging import average as average
    from convlet.runs.data_source import DataSource as DataSource
    from convlet.runs.ensemble import Ensemble as Ensemble
    from convlet.runs.evaluation import Evaluation as Evaluation
    from convlet.runs.history import History as History
    from convlet.runs.recipe import Recipe as Recipe
    from convlet.runs.recipe import Training as Training
    from convlet.runs.recipe import load_recipe as load_recipe
    from convlet.runs.run import Run as Run
    from convlet.runs.run import load as load

_NAMES = {  # the module of convlet, and what of it is public here
    "comparison": "compare",
    "datasets": "Dataset Examples",
    "datasets.readers.pictures": "read_picture",
    "descriptions.initializers": "GlorotUniform HeNormal TruncatedNormal",
    "descriptions.layers": (
        "Activation AveragePooling2D BatchNormalization Conv2D Dense DepthwiseConv2D Dropout "
        "Flatten GlobalAveragePooling2D GlobalMaxPooling2D MaxPooling2D Normalization Rescaling Residual"
    ),
    "descriptions.network": "Sequential",
    "descriptions.optimizers": "Adam AdamW EMA Lookahead Muon SGD",
    "descriptions.schedules": "Cosine OneCycle",
    "exchange.keras": "from_keras",
    "exchange.torch": "from_torch",
    "fitting": "find_rate fit",
    "inspection": "Inspection inspect",
    "runs.averaging": "average",
    "runs.data_source": "DataSource",
    "runs.ensemble": "Ensemble",
    "runs.evaluation": "Evaluation",
    "runs.history": "History",
    "runs.recipe": "Recipe Training load_recipe",
    "runs.run": "Run load",
}
_WHERE = {name: f"convlet.{module}" for module, names in _NAMES.items() for name in names.split()}
_ROOMS = (
    {room: f"convlet.{room}" for room in ("datasets", "errors")}
    | {"onnx": "convlet.exchange.onnx"}
    | {
        room: f"convlet.descriptions.{room}"
        for room in ("augmentation", "initializers", "layers", "networks", "optimizers", "schedules")
    }
)
_ONLY_IN = {  # alone they could be anything
    **dict.fromkeys(["Constant", "Uniform", "Identity", "PatchWhitening"], "initializers"),
    "Steps": "schedules",
}
__all__ = sorted(["__version__", *_ROOMS, *_WHERE])


def __getattr__(name: str) -> _Any:
    """A public name, imported when it is first asked for: the command line's help waits for none of them.

    Raises AttributeError for others; it says of a name that is in its room only what it is to be called.
    """
    if name in _WHERE:
        globals()[name] = value = getattr(_import_module(_WHERE[name]), name)
        return value
    if name in _ROOMS:
        return _import_module(_ROOMS[name])
    if name == "__version__":
        from importlib.metadata import version

        return version("convlet")
    hint = f": it is convlet.{_ONLY_IN[name]}.{name}" if name in _ONLY_IN else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    """What there is, imported or not: for completion."""
    return sorted({*globals(), *__all__})
