"""The door between the library and its engines: what every engine must answer, and how one is found.

    program = engine("numpy").compile(network, parameters, optimizer)

An engine is a module with `compile`; a program is a network that can run and train. Nothing outside an engine sees
how it computes or how it lays its arrays out; everything that crosses the door is a NumPy array in the public layout:
images (N, H, W, C), kernels (KH, KW, C, F), dense weights (inputs, units). An engine is imported when it is asked for.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from convlet.checks import one_of
from convlet.errors import EngineError, InputError
from convlet.layers import Dropout
from convlet.network import Parameters, Sequential
from convlet.optimizers import Optimizer

Array = NDArray[Any]
Progress = Callable[[int, int, str], None]  # what is being prepared: (how many are done, how many in all, which)
Files = dict[str, bytes]  # of a run, by name
Accept = Callable[[Files], None]  # what is done with files that another process sends
Masks = Mapping[str, NDArray[np.bool_]]  # {dropout layer: which values it keeps, (N, *shape)}

ENGINES = ("numpy", "numba", "keras")
BACKENDS = {"tensorflow": "tensorflow-cpu", "jax": "jax", "torch": "torch"}  # of the keras engine: what to install
EXTRAS = {"keras": f"pip install 'convlet[keras]' {BACKENDS['tensorflow']}"}  # engine (and module): what to type for it


@dataclass(frozen=True)
class State:
    """All that a program remembers: plain arrays in the public layout, owned by whoever holds the State.

    `slots` are the optimizer's arrays, by parameter and slot: "conv2d_1/kernel/m". `step` counts steps taken.
    """

    parameters: Parameters
    slots: Parameters = field(default_factory=dict)
    step: int = 0


class Program(Protocol):
    """A network that can run and train, as an engine made it. Images are (N, H, W, C), labels (N,) whole numbers."""

    def prepare(self, batch_size: int, progress: Progress | None = None) -> None:
        """Do now what would make the first step of this batch size slow, such as compiling for the machine.

        `progress` is called before each part of it, and may raise to stop.
        """
        ...

    def predict(self, images: Array) -> Array:
        """Logits (N, classes), without dropout and with moving averages."""
        ...

    def activations(self, images: Array) -> dict[str, Array]:
        """Every layer's output when predicting, by the layer's name."""
        ...

    def gradients(self, images: Array, labels: Array, masks: Masks) -> tuple[float, Parameters]:
        """The mean loss when training, and its gradient by each trainable parameter. Changes nothing."""
        ...

    def step(self, images: Array, labels: Array, masks: Masks, learning_rate: float) -> tuple[float, int]:
        """One step of the optimizer. Returns the batch's mean loss and how many of it were right, before the step.

        Where that loss is NaN or infinite, an engine leaves the weights as they are if it can, so that the layer
        where the trouble began can still be named.
        """
        ...

    def state(self) -> State:
        """A copy of all that the program remembers."""
        ...

    def load(self, state: State) -> None:
        """Continue from a state."""
        ...


class Group(Protocol):
    """The processes that train one network together. Each runs the same program on the same batches.

    `place` is this one's, from 0 to `count` - 1.
    """

    @property
    def place(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files and prints: the first."""
        ...

    def join(self, alike: Mapping[str, str], files: Files | None = None, accept: Accept | None = None) -> None:
        """Become one of the group, before anything is compiled.

        `alike` is what all must have in common, by name. The main process's `files` are given to every other one's
        `accept`, which may raise a ConvletError. Raises InputError, in every process, where something differs;
        GroupError where somebody does not come, or cannot take part.
        """
        ...

    def refuse(self, reason: str) -> None:
        """Tell the others that this process cannot take part, in place of joining."""
        ...


class Engine(Protocol):
    """Turns a description into a program."""

    def compile(self, network: Sequential, parameters: Parameters, optimizer: Optimizer | None = None) -> Program:
        """A program with a copy of these parameters; without an optimizer it cannot `step`. dtype follows them."""
        ...


def engine(name: str) -> Engine:
    """The engine of that name. Raises InputError for an unknown name, EngineError where it cannot run."""
    one_of("engine", name, ENGINES)
    if name in EXTRAS and not installed(name):
        raise EngineError(f"engine={name!r}: {name} is not installed. Install it with: {EXTRAS[name]}")
    try:
        return cast(Engine, import_module(f"convlet.engines.{name}"))
    except ImportError as error:
        raise EngineError(f'engine={name!r}: it cannot run here ({error}). Take engine="numpy".') from error


def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it. (A mere folder of that name has no origin.)"""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def default_engine() -> str:
    """The fastest engine that runs here without anything to install. Warns where that is only the numpy engine."""
    try:
        engine("numba")
        return "numba"
    except EngineError as error:
        warnings.warn(f"{error} Going on with the numpy engine, which is slower.", stacklevel=2)
        return "numpy"


def check_masks(network: Sequential, masks: Masks, images: int) -> None:
    """Raise an InputError unless there is a mask for each Dropout of the network, of the right shape."""
    for placed in network:
        if isinstance(placed.layer, Dropout):
            expected, mask = (images, *placed.input_shape), masks.get(placed.name)
            if mask is None or mask.shape != expected:
                got = "missing" if mask is None else f"of shape {mask.shape}"
                raise InputError(f"masks[{placed.name!r}]: {got}; expected True or False for each value, {expected}.")


def plan(name: str, network: Sequential) -> list[dict[str, str]]:
    """How the engine computes the network: one row for each group of layers that it computes together.

    Raises InputError for an engine that computes layer by layer, and so has no plan.
    """
    chosen = engine(name)
    if not hasattr(chosen, "plan"):
        raise InputError(f"engine={name!r}: it computes the layers one by one and has no plan; take 'numba'.")
    return cast(list[dict[str, str]], chosen.plan(network))


def use_backend(backend: str) -> None:
    """Choose what the keras engine computes with, before anything imports Keras. Raises EngineError, InputError."""
    import_module("convlet.engines.keras").use_backend(backend)


def group(hosts: Sequence[str] | None = None, process_id: int | None = None) -> Group:
    """The processes of a run, by one "host:port" each and this one's place; what is not given, schedulers have set.

    Nobody is waited for before `join`. Raises InputError where something is missing or wrong, EngineError where Keras
    or its backend, JAX, is.
    """
    return cast(Group, import_module("convlet.engines.keras").group(hosts, process_id))
