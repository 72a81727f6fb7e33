"""How this engine compiles: two decorators with one set of options, and a cache on disk.

`kernel` is for functions that Python calls; `inlined` for the pieces that kernels are made of.

Options, and why
    nogil           kernels touch no Python object, so other threads may run beside them
    error_model     "numpy": x / 0 is infinite, as in NumPy, instead of a check and an exception
    boundscheck     off: every index is computed from shapes that were checked once, at compile()
    fastmath        "contract" (a·b + c rounded once), "reassoc" (sums in vector lanes), "nsz" and "arcp"
                    (−0 and reciprocals do not matter to us). Not "nnan" and "ninf": NaN and infinity must stay
                    detectable, or a diverging training would go unnoticed.

The cache
    Numba keeps machine code on disk, but takes it for fresh as long as *the file of that one function* is
    unchanged, and kernels are built from several files. So the folder's name holds a hash over every source file
    of this package, and the versions of Numba and Python; Numba itself adds the processor's name and features. The
    folder is in the user's cache, readable by nobody else (0700), for cached code is code. NUMBA_CACHE_DIR moves it.

    Processes that compile at the same time share the index of a function's variants, and each numbers the next variant
    by what it has seen of the index: two may give one name to the machine code of two different variants, and then
    the index of one leads to the code of the other. So the names of a process's files hold something of its own. What
    an index loses to another process's is compiled once more.

    A function inside a factory is cached with the values it closes over: `make(5)` and `make(3)` are two
    entries. Those values must be plain numbers: Numba's key for a closed-over function differs in every process.
"""

import functools
import hashlib
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba import config

FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})
MONTH = 30 * 24 * 3600.0
OURS = secrets.token_hex(8)  # the mark of this process and those it forks
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(FASTMATH), "boundscheck": False}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on its first call with each combination of argument types; keep the result on disk."""
    folder = cache_folder()
    if folder is None or config.DISABLE_JIT:
        return numba.njit(**OPTIONS)(function)
    # Numba reads this setting when a function is decorated. It is the user's, so it is put back.
    theirs, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        compiled = numba.njit(cache=True, **OPTIONS)(function)
    finally:
        config.CACHE_DIR = theirs
    file = compiled._cache._cache_file
    base = file._index_name.removesuffix(".nbi")
    file._data_name = lambda number: f"{base}.{OURS}-{os.getpid()}-{number}.nbc"
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` into every kernel that calls it: vectors stay in registers across the call.

    Python cannot call it: without the wrappers for that, a third of the compile time is saved.
    """
    options: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, **OPTIONS}
    return numba.njit(**options)(function)


@functools.cache
def cache_folder() -> Path | None:
    """The folder of compiled kernels, made if necessary; None where it is not, or cannot be made, private."""
    base = Path(config.CACHE_DIR) if config.CACHE_DIR else platformdirs.user_cache_path("convlet", appauthor=False)
    folder = base / "kernels" / f"{_source_hash()}-numba{numba.__version__}-python{platform.python_version()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid"):
            if folder.stat().st_uid != os.getuid():
                return None
            folder.chmod(0o700)  # mkdir's mode is subject to the umask
        _forget_old(folder.parent)
        folder.touch()
    except OSError:
        return None
    return folder


def _forget_old(kernels: Path) -> None:
    """Remove what no version of this package has used for a month."""
    for folder in kernels.iterdir():
        with suppress(OSError):  # another process may have removed it meanwhile
            if time.time() - folder.stat().st_mtime > MONTH:
                shutil.rmtree(folder, ignore_errors=True)


def _source_hash() -> str:
    """One hash over every source file of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
