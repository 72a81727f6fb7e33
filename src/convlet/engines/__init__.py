"""The engines, behind one door: what each answers (`program`) and refuses (`checks`), how one is found (`lookup`)."""

from convlet.engines.lookup import (
    BACKENDS,
    ENGINES,
    EXTRAS,
    PLANNED,
    default_engine,
    engine,
    group,
    installed,
    kept,
    plan,
    resampling,
    use_backend,
)
from convlet.engines.program import Batch, Engine, Masks, Preparing, Program, State

__all__ = [
    "BACKENDS",
    "ENGINES",
    "EXTRAS",
    "PLANNED",
    "Batch",
    "Engine",
    "Masks",
    "Preparing",
    "Program",
    "State",
    "default_engine",
    "engine",
    "group",
    "installed",
    "kept",
    "plan",
    "resampling",
    "use_backend",
]
