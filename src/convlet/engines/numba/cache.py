"""Compiled kernels, kept on disk: one file for each kernel and combination of argument types.

The cache is optional. Whatever goes wrong with it, reading or writing, is a miss: the kernel is compiled, and a damaged
file is replaced by a good one. What cannot be written is said once, with what to set. A folder that can only be read
is used as it is.

Where
    In the user's cache, or where NUMBA_CACHE_DIR says. Cached code is code, so the folder is readable by nobody else
    (0700), and one that another user could have written is not trusted. Its name holds a hash over every source file
    of this engine, for kernels are built from several files, and the versions of Numba and Python. The files are
    hashed when they are imported: what is compiled later is what they were then, whoever edits them meanwhile.

What
    A file's name holds a hash over all that its machine code depends on beside that: the kernel, its source file, what
    it closes over, the types of its arguments, the processor. So processes that compile the same at the same time
    write the same, whole or not at all. It begins with a hash of the rest, which is a pickle, as Numba makes them: no
    damaged byte is ever read further, or run.

What this is not: Numba's own cache. There, an index shared by all variants of a function leads to their code; processes
that compile at the same time get hold of each other's, a damaged index ends the program, and so does a full disk.
"""

import functools
import hashlib
import os
import pickle
import platform
import shutil
import stat
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

DAY = 24 * 3600.0
MONTH = 30 * DAY
DIGEST = 32  # bytes of SHA-256, before what it is of
PLAIN = (int, float, str, bool, type(None))

outcomes = Counter[str]()  # of this process: how many kernels were "found" on disk, and "compiled"


class KernelCache(_Cache):
    """What Numba asks for, and gives, the machine code of one kernel.

    A kernel that closes over anything but plain numbers, words and inlined functions is not kept: such things differ in
    every process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self._source = function, _file_hash(function.__code__.co_filename)

    @property
    def cache_path(self) -> str | None:
        """The folder, for Numba's statistics."""
        with suppress(Exception):
            return str(folder())
        return None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel for these types; None where it was not kept, or not whole."""
        try:
            content = self._path(sig, target_context.codegen()).read_bytes()
            if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
                return None
            payload = pickle.loads(content[DIGEST:])
            target_context.refresh()
            kept = CompileResult._rebuild(target_context, *payload)
            outcomes["found"] += 1
            return kept
        except Exception:  # whatever it is, the kernel can be compiled
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel; warn, once, where that cannot be done."""
        outcomes["compiled"] += 1
        try:
            if data.lifted or data.library.has_dynamic_globals:
                raise TypeError(f"kernel {self._function.__qualname__} holds what is in this process only")
            content = dumps(data._reduce())
            _write(self._path(sig, data.codegen), hashlib.sha256(content).digest() + content)
        except Exception as error:  # whatever it is, the kernel is there
            _warn(_reason(error))

    def _path(self, sig: Any, codegen: Any) -> Path:
        function = self._function
        cells = closed_over(function)
        if not all(map(is_plain, cells)):
            raise TypeError(f"kernel {function.__qualname__} closes over {cells}; expected plain numbers")
        if self._source is None:
            raise FileNotFoundError(f"the source file of kernel {function.__qualname__} cannot be read")
        key = (function.__module__, function.__qualname__, self._source, cells, str(sig), codegen.magic_tuple())
        return folder() / f"{function.__name__}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.kernel"

    def enable(self) -> None:
        """Not needed: Numba asks for it at nobody's wish but its caller's."""

    def disable(self) -> None:
        """Not needed, likewise."""

    def flush(self) -> None:
        """Not needed: a file is replaced by whoever compiles it anew."""


def closed_over(function: Callable[..., Any]) -> list[Any]:
    """What a function made inside a factory has from there; of an inlined one, its module and name, and what it has."""
    return [_named(cell.cell_contents) for cell in function.__closure__ or ()]


def _named(value: Any) -> Any:
    inlined = getattr(value, "py_func", None)
    return value if inlined is None else (inlined.__module__, inlined.__qualname__, *closed_over(inlined))


def is_plain(value: Any) -> bool:
    """Whether it is the same in every process: a number, a word, or an inlined function of such."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


def kept() -> bool:
    """Whether the next run will find what this one compiles, as far as is known now."""
    try:
        return not _warned and os.access(folder(), os.W_OK)
    except Exception:
        return False


def folder() -> Path:
    """The folder of compiled kernels, made if necessary. Raises OSError where it cannot be used."""
    base = Path(config.CACHE_DIR) if config.CACHE_DIR else platformdirs.user_cache_path("convlet", appauthor=False)
    if not config.CACHE_DIR and not base.is_absolute():
        raise FileNotFoundError("this user has no home")
    if _SOURCES is None:
        raise FileNotFoundError("the source files of convlet cannot be read")
    place = base / "kernels" / f"{_SOURCES}-numba{numba.__version__}-python{platform.python_version()}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        _make_private(place)
    _begin_to_use(place)
    return place


def _make_private(place: Path) -> None:
    """Raise a PermissionError where somebody else, but for the system itself, might have written into a folder."""
    status = place.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) != 0o700:
        with suppress(OSError):  # a disk that can only be read
            place.chmod(0o700)
            status = place.stat()
    if status.st_uid not in (0, os.getuid()):
        raise PermissionError(f"{place} belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{place} can be written by other users")


@functools.cache
def _begin_to_use(place: Path) -> None:
    """Once a process: mark it as used; remove what a killed process left half written, and what is a month old."""
    with suppress(OSError):
        place.touch()
        for leftover in place.glob("*.kernel.*"):
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > DAY:
                    leftover.unlink()
        for other in place.parent.iterdir():
            with suppress(OSError):  # another process may have removed it meanwhile
                if time.time() - other.stat().st_mtime > MONTH:
                    shutil.rmtree(other, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    """Write a whole file, or none. Raises an OSError that names the folder."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _source_hash() -> str | None:
    """One hash over every source file of this engine; None where they cannot be read."""
    root = Path(__file__).parent
    digest, paths = hashlib.sha256(), sorted(root.rglob("*.py"))
    with suppress(OSError):
        for path in paths:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:16] if paths else None
    return None


_SOURCES = _source_hash()


@functools.cache
def _file_hash(path: str) -> str | None:
    with suppress(OSError):
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return None


_warned: list[str] = []  # the reason, after the first warning


def _warn(reason: str) -> None:
    if not _warned:
        _warned.append(reason)
        warnings.warn(
            f"compiled kernels cannot be kept: {reason}. Every run compiles them anew; "
            "set NUMBA_CACHE_DIR to a folder of yours that can be written.",
            stacklevel=2,
        )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
