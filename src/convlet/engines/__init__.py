"""The engines, behind one door: what each must answer (`program`), and how one is found (`lookup`)."""

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
    use_backend,
)
from convlet.engines.program import Engine, Masks, Preparing, Program, State, check_masks

__all__ = [
    "BACKENDS",
    "ENGINES",
    "EXTRAS",
    "PLANNED",
    "Engine",
    "Masks",
    "Preparing",
    "Program",
    "State",
    "check_masks",
    "default_engine",
    "engine",
    "group",
    "installed",
    "kept",
    "plan",
    "use_backend",
]
