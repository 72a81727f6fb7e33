"""How an engine is found: by its name, and imported only when it is asked for."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from convlet.checks import one_of
from convlet.descriptions.network import Sequential
from convlet.engines.program import Engine
from convlet.errors import EngineError, InputError
from convlet.processes.group import Group

ENGINES = ("numpy", "numba", "keras")
PLANNED = ("numba",)  # engines that compute several layers together, and can say which
BACKENDS = {"tensorflow": "tensorflow-cpu", "jax": "jax", "torch": "torch"}  # of the keras engine: what to install
EXTRAS = {"keras": f"pip install 'convlet[keras]' {BACKENDS['tensorflow']}"}  # engine (and module): what to type for it


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


def kept() -> bool:
    """Whether the next run will find what this process compiled, as far as is known now."""
    cache = sys.modules.get("convlet.engines.numba.cache")  # no other engine keeps anything
    return cache is not None and cache.kept()


def plan(name: str, network: Sequential) -> list[dict[str, str]]:
    """How the engine computes the network: one row for each group of layers that it computes together.

    Raises InputError for an engine that computes layer by layer, and so has no plan.
    """
    chosen = engine(name)
    if not hasattr(chosen, "plan"):
        raise InputError(f"engine={name!r}: it computes the layers one by one and has no plan; take 'numba'.")
    return cast(list[dict[str, str]], chosen.plan(network))


def resampling(name: str) -> Any:
    """What moves augmented pictures beside this engine, compiled; None beside numpy, and where Numba cannot run.

    It is a `convlet.datasets.augmentation.Resample`.
    """
    try:
        return None if name == "numpy" else import_module("convlet.engines.numba.kernels.resampling").resample
    except ImportError:
        return None


def use_backend(backend: str) -> None:
    """Choose what the keras engine computes with, before anything imports Keras. Raises EngineError, InputError."""
    import_module("convlet.engines.keras").use_backend(backend)


def group(hosts: Sequence[str] | None = None, process_id: int | None = None) -> Group:
    """The processes of a run, by one "host:port" each and this one's place; what is not given, schedulers have set.

    Nobody is waited for before `join`. Raises InputError where something is missing or wrong, EngineError where Keras
    or its backend, JAX, is.
    """
    return cast(Group, import_module("convlet.engines.keras").group(hosts, process_id))
