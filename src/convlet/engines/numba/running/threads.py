"""A few threads of our own, which help with worklists.

Whoever runs a worklist posts it as often as there are threads to help, and starts to work. A helper that is free takes
the post and works beside it; one that comes late finds nothing to do. Helpers sleep in the queue otherwise.

Why not Numba's own: its `workqueue` aborts the process when two Python threads compute at once, and its `omp` spins
and does not survive a fork. Here any number of Python threads may run worklists at once, and a forked child
starts anew.
"""

import functools
import os
import threading
from queue import SimpleQueue

from numba import config

from convlet.checks import whole_number
from convlet.engines.numba.running.worklist import Worklist, compile, desert, finish, help, start
from convlet.environment import chosen_threads
from convlet.errors import EngineError


class _Helpers:
    """The threads beside the callers' own. They are started when they are first needed."""

    def __init__(self) -> None:
        self._posts: SimpleQueue[Worklist] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0

    def post(self, worklist: Worklist, helpers: int) -> None:
        if helpers > self._started:
            self._start(helpers)
        for _ in range(helpers):
            self._posts.put(worklist)

    def _start(self, helpers: int) -> None:
        with self._lock:
            while self._started < helpers:
                threading.Thread(target=_help, args=(self._posts,), daemon=True).start()
                self._started += 1  # afterwards: an interrupt in between costs a thread too many, not one too few


def _help(posts: SimpleQueue[Worklist]) -> None:
    while True:
        worklist = posts.get()
        help(worklist.counters, worklist.rows)
        del worklist  # not to hold its memory while waiting


_helpers = _Helpers()
_chosen: int | None = None


def threads() -> int:
    """How many threads work on a worklist, the caller's included: `set_threads`, or what the environment says."""
    return chosen_threads() if _chosen is None else _chosen


def set_threads(count: int | None) -> None:
    """From now on use this many threads; None for the environment's number. No result depends on it, to the bit."""
    global _chosen
    _chosen = None if count is None else whole_number("threads", count)


def run(worklist: Worklist) -> None:
    """Compute all of the worklist's jobs, in order. Raises EngineError if a kernel failed.

    An interrupt (control-C) is raised before the first job or after the last one.
    """
    if config.DISABLE_JIT:
        worklist.run_alone()
        return
    count = min(threads(), worklist.width)
    worklist.seat(count)
    prepare()
    if worklist.process != os.getpid():
        desert(worklist.counters)
        worklist.process = os.getpid()
    try:
        start(worklist.counters)
        _helpers.post(worklist, count - 1)
    finally:  # no call of a Python function, which could be interrupted, before all is done
        failed = finish(worklist.counters, worklist.rows)
    if failed:
        raise EngineError("a kernel failed, most likely for want of memory; try a smaller batch.")


@functools.cache
def prepare() -> None:
    """Compile what works on worklists. This can be interrupted, so it must not happen while one is open."""
    if not config.DISABLE_JIT:
        compile()


def _after_fork() -> None:
    """A child has none of its parent's threads."""
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
