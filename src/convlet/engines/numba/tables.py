"""Tables: the kernels of a whole pass, written down once, which threads work through without Python.

A step of training is about twenty calls of kernels, each on parts of the work. Made from Python, each call would cost
each thread the interpreter's lock, the conversion of a dozen arguments and a wake-up. So the calls are written down
once, as a table of jobs, and one compiled function, `_work`, goes through it. A job's work is range(size), cut into a
fixed number of parts; the parts of all jobs are numbered in order.

How threads share a table
    There are two counters. A thread takes the `NEXT` part, waits until as many parts are `DONE` as that part's job
    needs, computes it, and counts it as done. That is all. No thread ever waits for a thread, only for parts that
    some thread is computing at that moment: nobody can be missed at a barrier, and one thread alone gets through
    as well. A job that is `alongside` needs nothing of the one before it, so there is no barrier between the two.

Why results do not depend on the threads: parts are fixed by the work, no two parts write to the same place, and a
sum over parts is another job.

Waiting: a thread spins for some microseconds; then it returns to Python, lets others run, and comes back. One that
has no part leaves the table. So nothing spins for longer than the part it waits for takes.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import config

from convlet.engines.numba.buffers import LINE, buffer
from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.entries import Kernel, Scratch, argument_words, entry
from convlet.engines.numba.machine import FLUSH, call, cycles, fetch_add, get_float_mode, pause, peek, set_float_mode
from convlet.errors import EngineError

NEXT, DONE, ACTIVE, OPEN, FAILED, STOPPED = range(
    0, 48, 8
)  # each counter on its own cache line: threads write them at once
FINISHED = -1
SPINS = 1000  # of about 20–40 ns each
PATIENCE = 200  # times that a waiting thread lets others run before it sleeps


@dataclass(frozen=True, eq=False)
class Job:
    """kernel(low, high, *arguments), on `parts` parts of range(size). `label` says whose work it is.

    A kernel that returns True ends the pass: nothing after it is computed. `alongside`: it needs nothing of the job
    before it, and that job nothing of it.
    """

    kernel: Kernel
    size: int
    arguments: tuple[Any, ...]
    parts: int = 1
    alongside: bool = False
    label: str = ""


class Rows(NamedTuple):
    """A table as compiled code reads it: int64 arrays, one element a job."""

    firsts: np.ndarray  # the number of its first part; and, one more element, how many parts there are in all
    needs: np.ndarray  # how many parts must be done before
    sizes: np.ndarray
    entries: np.ndarray  # addresses
    starts: np.ndarray  # where its arguments begin, in `words`
    words: np.ndarray
    clocks: np.ndarray  # cycles spent on it by all threads, since the table was made


@kernel
def _work(thread, part, counters, rows, spins):
    """Work on the table until no part is left (FINISHED); or return the part that has been waited for too long."""
    mode = get_float_mode()
    set_float_mode(mode | FLUSH)
    row, parts = 0, rows.firsts[-1]
    while True:
        if part < 0:
            part = fetch_add(counters, NEXT, 1)
        if part >= parts:
            part = FINISHED
            break
        while rows.firsts[row + 1] <= part:
            row += 1
        spun = 0
        while peek(counters, DONE) < rows.needs[row] and spun < spins:
            pause()
            spun += 1
        if spun >= spins:
            break
        if peek(counters, FAILED) == 0 and peek(counters, STOPPED) == 0:
            before = cycles()
            k, n, size = part - rows.firsts[row], rows.firsts[row + 1] - rows.firsts[row], rows.sizes[row]
            low, high = size * k // n, size * (k + 1) // n
            outcome = call(rows.entries[row], low, high, thread, rows.words, rows.starts[row])
            if outcome != 0:
                fetch_add(counters, FAILED if outcome == 1 else STOPPED, 1)
            fetch_add(rows.clocks, row, cycles() - before)
        fetch_add(counters, DONE, 1)
        part = -1
    set_float_mode(mode)
    return part


@kernel
def _enter(counters, needed):
    """Count this thread in; but not on a table that is closed or has no part left."""
    fetch_add(counters, ACTIVE, 1)
    if peek(counters, OPEN) == 1 and peek(counters, NEXT) < needed:
        return True
    fetch_add(counters, ACTIVE, -1)
    return False


@kernel
def _add(counters, which, amount):
    """Add to a counter. What this thread wrote before is visible to whoever sees the new value."""
    fetch_add(counters, which, amount)


@kernel
def _read(counters, which):
    return peek(counters, which)


class Table:
    """Jobs in order. One caller at a time may `run` it; other threads may `help` meanwhile."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = tuple(job for job in jobs if job.size > 0)
        self.width = max((job.parts for job in self.jobs), default=1)  # more threads than this have nothing to do
        self._threads, self._process = 0, os.getpid()
        if not config.DISABLE_JIT:
            self._rows, self._counters = _rows(self.jobs), buffer(48, np.int64)

    def start(self, threads: int) -> None:
        """Open the table to `threads` threads, numbered from 0."""
        if threads > self._threads:
            self._give_scratch(threads)
        if self._process != os.getpid():  # a forked child: whoever was at work in its parent is not here
            self._process = os.getpid()
            self._counters[[ACTIVE, OPEN]] = 0
        self._counters[[NEXT, DONE, FAILED, STOPPED]] = 0
        _add(self._counters, OPEN, 1)

    def work(self) -> None:
        """As thread 0, work until all parts are done. Raises EngineError if a kernel failed."""
        interrupt = self._until_left(0)
        parts = self._rows.firsts[-1]
        while _read(self._counters, DONE) < parts:
            interrupt = _let_others_run(0) or interrupt
        _add(self._counters, OPEN, -1)
        while _read(self._counters, ACTIVE) > 0:
            interrupt = _let_others_run(0) or interrupt
        if interrupt is not None:
            raise interrupt
        if self._counters[FAILED]:
            raise EngineError("a kernel failed, most likely for want of memory; try a smaller batch.")

    def help(self, thread: int) -> None:
        """As another thread, work on parts for as long as there are any. Does nothing where the table is closed."""
        if thread < self._threads and _enter(self._counters, self._rows.firsts[-1]):
            try:
                self._until_left(thread)
            finally:
                _add(self._counters, ACTIVE, -1)

    def run_alone(self) -> None:
        """Every job, called from Python: what the table means, and what happens where nothing is compiled."""
        for job in self.jobs:
            arguments = [np.empty(a.size, a.dtype) if isinstance(a, Scratch) else a for a in job.arguments]
            for part in range(job.parts):
                if job.kernel(job.size * part // job.parts, job.size * (part + 1) // job.parts, *arguments):
                    return

    def cycles(self) -> list[tuple[str, int]]:
        """Each job's label and the cycles that all threads together have spent on it."""
        return [(job.label, int(n)) for job, n in zip(self.jobs, self._rows.clocks, strict=True)]

    def _until_left(self, thread: int) -> BaseException | None:
        part, waits, interrupt = -1, 0, None
        while True:
            now = _work(thread, part, self._counters, self._rows, SPINS)
            if now == FINISHED:
                return interrupt
            waits = waits + 1 if now == part else 0
            part = now
            interrupt = _let_others_run(waits) or interrupt

    def _give_scratch(self, threads: int) -> None:
        """Memory for each thread: one piece for each scratch argument of the job that asks for most."""
        places = []  # (where the argument's words are, its offset in the thread's memory)
        stride = 0
        for job, start in zip(self.jobs, self._rows.starts, strict=True):
            offset, word = 0, int(start)
            for argument in job.arguments:
                if isinstance(argument, Scratch):
                    places.append((word, offset))
                    offset += -(-argument.size * np.dtype(argument.dtype).itemsize // LINE) * LINE
                word += len(argument_words(argument))
            stride = max(stride, offset)
        self._scratch, self._threads = buffer(stride * threads, np.int8), threads
        for word, offset in places:
            self._rows.words[[word, word + 2]] = self._scratch.ctypes.data + offset, stride


def _rows(jobs: Sequence[Job]) -> Rows:
    words = [[word for argument in job.arguments for word in argument_words(argument)] for job in jobs]
    firsts = np.cumsum([0, *(job.parts for job in jobs)])
    needs = firsts[:-1].copy()
    for i, job in enumerate(jobs):
        if job.alongside and i > 0:
            needs[i] = needs[i - 1]
    return Rows(
        firsts,
        needs,
        np.array([job.size for job in jobs], np.int64),
        np.array([entry(job.kernel, job.arguments) for job in jobs], np.int64),
        np.cumsum([0, *map(len, words)])[:-1],
        np.array([word for row in words for word in row], np.int64),
        np.zeros(len(jobs), np.int64),
    )


def _let_others_run(waits: int) -> BaseException | None:
    """Give the core away for a moment. An interrupt (control-C) is returned: the table must be finished first."""
    try:
        if waits > PATIENCE or not hasattr(os, "sched_yield"):
            time.sleep(0.0005 if waits > PATIENCE else 0)
        else:
            os.sched_yield()
    except BaseException as error:
        return error
    return None
