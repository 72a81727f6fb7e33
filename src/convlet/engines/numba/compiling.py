"""How this engine compiles: two decorators with one set of options.

`kernel` is for functions that Python calls; `inlined` for the pieces that kernels are made of. `exact` and
`exact_inlined` are the same without fastmath, for what must give NumPy's numbers to the bit.

Options, and why
    nogil           kernels touch no Python object, so other threads may run beside them
    error_model     "numpy": x / 0 is infinite, as in NumPy, instead of a check and an exception
    boundscheck     off: every index is computed from shapes that were checked once, at compile()
    fastmath        "contract" (a·b + c rounded once), "reassoc" (sums in vector lanes), "nsz" and "arcp"
                    (−0 and reciprocals do not matter to us). Not "nnan" and "ninf": NaN and infinity must stay
                    detectable, or a diverging training would go unnoticed.
    _nrt            off: kernels allocate nothing, so nobody counts who refers to an array. Where the compiler could not
                    prove these counts idle, each was a call, with all vectors taken out of their registers for it.
                    A private option of Numba's: a Numba without it counts, and all the rest holds

A kernel is compiled when it is first needed, and kept on disk (`cache.py`). One made inside a factory is kept with the
values it closes over: `make(5)` and `make(3)` are two. Those values must be plain numbers.
"""

from collections.abc import Callable
from typing import Any

import numba
from numba import config
from numba.core.cpu import CPUTargetOptions

from convlet.engines.numba.cache import KernelCache, closed_over, is_plain

FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})


def _counting(counts: bool, known: type = CPUTargetOptions) -> dict[str, Any]:
    """The option that says whether references are counted; none where this Numba would refuse it."""
    return {"_nrt": counts} if hasattr(known, "_nrt") else {}


OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": set(FASTMATH),
    "boundscheck": False,
    **_counting(False),
}
EXACT: dict[str, Any] = {**OPTIONS, "fastmath": False, **_counting(True)}
_INLINED: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on its first call with each combination of argument types; keep the result on disk."""
    return _kept(OPTIONS, function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` into every kernel that calls it: vectors stay in registers across the call.

    Python cannot call it: without the wrappers for that, a third of the compile time is saved.
    """
    return numba.njit(**_INLINED, **OPTIONS)(function)


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, with every operation rounded as it is written. It may make arrays."""
    return _kept(EXACT, function)


def exact_inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `inlined`, for what is `exact`."""
    return numba.njit(**_INLINED, **EXACT)(function)


def _kept(options: dict[str, Any], function: Callable[..., Any]) -> Any:
    """The function compiled, and kept, under a name that tells it from all others that its factory makes.

    Machine code is found by its name. Numba tells such functions apart by a number that it counts in each process, so
    two that were kept by two processes could have one name in a third, and one be called in the other's place.
    """
    function.__qualname__ += "".join(f" {value!r}" for value in closed_over(function) if is_plain(value))
    compiled = numba.njit(**options)(function)
    if not config.DISABLE_JIT:
        compiled._cache = KernelCache(function)
    return compiled
