"""Forks beside threads: no child inherits a lock that is held, nor what a lock guards while it is being changed.

Of all threads, a forked child has only the one that forked. What another thread had locked at that moment would stay
locked in it for ever. So a fork waits until our locks, Numba's and LLVM's are free, takes them, and both sides give
them back: beside a thread that compiles, it waits for the kernel of the moment; beside a step, for its end.

The order is that in which a thread takes them: a program's, then the compiler's, then LLVM's.
"""

import os
import threading
import weakref
from contextlib import ExitStack
from typing import Any

from llvmlite.binding import ffi
from numba.core.compiler_lock import global_compiler_lock

_known = threading.RLock()  # guards the set
_locks: "weakref.WeakSet[Any]" = weakref.WeakSet()
_held = ExitStack()


def lock() -> "threading.RLock":
    """A new lock, which one thread may take several times, and which a fork waits for."""
    new = threading.RLock()
    with _known:
        _locks.add(new)
    return new


def _before() -> None:
    _held.enter_context(_known)
    for each in (*_locks, global_compiler_lock, ffi.lib._lock):
        _held.enter_context(each)


def _after() -> None:
    _held.pop_all().close()  # at once: when the last is free, another thread may begin to fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
