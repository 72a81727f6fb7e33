"""Worklists: the kernels of a whole pass, written down once, which threads work through without Python.

A step of training is about twenty calls of kernels, each on parts of the work. Made from Python, each call would cost
each thread the interpreter's lock, the conversion of a dozen arguments and a wake-up. So the calls are written down
once, as a list of jobs, and one compiled function, `_work`, goes through it. A job's work is range(size), cut into a
fixed number of parts; the parts of all jobs are numbered in order. A part of a `Chain` is that part of all its jobs.

How threads share a worklist
    There are two counters. A thread takes the `NEXT` part, waits until as many parts are `DONE` as that part's job
    needs, computes it, and counts it as done. That is all. No thread ever waits for a thread, only for parts that
    some thread is computing at that moment: nobody can be missed at a barrier, and one thread alone gets through
    as well. A job that is `alongside` needs nothing of the one before it, so there is no barrier between the two.

    The caller opens the worklist, and threads that come while it is open take a seat, which is a number and memory of
    their own. When all parts are done the caller closes it, and waits until all have left.

Why results do not depend on the threads: parts are fixed by the work, no two parts write to the same place, and a
sum over parts is another job.

Waiting: a thread spins for some microseconds, then lets others have the core in between, then sleeps in between. One
that has no part leaves the worklist. So nothing spins for longer than the part it waits for takes.

Interrupts: Python raises them (control-C) between any two of its steps. `finish` is one compiled call, within which
there are none: whatever is raised before or after it, the worklist was worked through, closed and left.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import config

from convlet.engines.numba.buffers import LINE, buffer
from convlet.engines.numba.compiling import inlined, kernel
from convlet.engines.numba.running.entries import Kernel, Scratch, argument_words, entry
from convlet.engines.numba.simd.machine import (
    FLUSH,
    call,
    fetch_add,
    get_float_mode,
    let_others_run,
    nap,
    pause,
    peek,
    set_float_mode,
)

# Each counter on its own cache line: threads write them at once.
NEXT, DONE, SEATS, ACTIVE, OPEN, FAILED, STOPPED = range(0, 56, 8)
SPINS = 1000  # of about 20–40 ns each, before a waiting thread lets others run
PATIENCE = 200  # times that it lets others run, before it sleeps


Order = Literal["in turn", "image by image", "first", "second", "late", "total"]


@dataclass(frozen=True, eq=False)
class Job:
    """kernel(low, high, *arguments), on `parts` parts of range(size). `label` says whose work it is.

    A kernel that returns True ends the pass: nothing after it is computed. `alongside`: it needs nothing of the job
    before it, and that job nothing of it. In a chain parts begin at multiples of `together`. `order`: see `chains.py`.
    """

    kernel: Kernel
    size: int
    arguments: tuple[Any, ...]
    parts: int = 1
    alongside: bool = False
    label: str = ""
    together: int = 1
    order: Order = "in turn"

    @property
    def groups(self) -> int:
        """How many there are of what stays together."""
        return self.size // self.together

    def part(self, k: int, parts: int) -> tuple[int, int]:
        """Where the part begins and ends."""
        return self.groups * k // parts * self.together, self.groups * (k + 1) // parts * self.together


@dataclass(frozen=True, eq=False)
class Chain:
    """Jobs in a row, each cut into the same parts: whoever takes a part does all of them on it, one after the other.

    What a part of a job needs of the ones before it is what the same part of them leaves.
    """

    jobs: tuple[Job, ...]
    parts: int
    alongside: bool = False


class Rows(NamedTuple):
    """A worklist as compiled code reads it: int64 arrays, and memory for so many seats.

    A row is a chain, or a job alone: the first three have one element a row, the others one a job.
    """

    firsts: np.ndarray  # the number of its first part; and, one more element, how many parts there are in all
    needs: np.ndarray  # how many parts must be done before
    jobs: np.ndarray  # the number of its first job; and, one more element, how many jobs there are in all
    groups: np.ndarray
    together: np.ndarray
    entries: np.ndarray  # addresses
    starts: np.ndarray  # where its arguments begin, in `words`
    words: np.ndarray
    scratch: np.ndarray  # bytes, which `words` point into
    seats: int


@inlined
def _set(counters, which, value):
    """Give a counter that only the caller changes a value. Who sees it sees also what was written before."""
    fetch_add(counters, which, value - peek(counters, which))


@inlined
def _wait(counters, which, lowest, highest):
    """Wait until lowest <= the counter <= highest."""
    waits = 0
    while not lowest <= peek(counters, which) <= highest:
        waits += 1
        if waits % SPINS != 0:
            pause()
        elif waits < SPINS * PATIENCE:
            let_others_run()
        else:
            nap()


@inlined
def _work(seat, counters, rows):
    """Work on the worklist until no part is left."""
    mode = get_float_mode()
    set_float_mode(mode | FLUSH)
    row, parts = 0, rows.firsts[-1]
    while True:
        part = fetch_add(counters, NEXT, 1)
        if part >= parts:
            break
        while rows.firsts[row + 1] <= part:
            row += 1
        _wait(counters, DONE, rows.needs[row], parts)
        k, n = part - rows.firsts[row], rows.firsts[row + 1] - rows.firsts[row]
        for job in range(rows.jobs[row], rows.jobs[row + 1]):
            if peek(counters, FAILED) == 0 and peek(counters, STOPPED) == 0:
                groups, together = rows.groups[job], rows.together[job]
                low, high = groups * k // n * together, groups * (k + 1) // n * together
                outcome = call(rows.entries[job], low, high, seat, rows.words, rows.starts[job])
                if outcome != 0:
                    fetch_add(counters, FAILED if outcome == 1 else STOPPED, 1)
        fetch_add(counters, DONE, 1)
    set_float_mode(mode)


@kernel
def start(counters):
    """Open a worklist. The caller has seat 0."""
    for which in (NEXT, DONE, FAILED, STOPPED):
        _set(counters, which, 0)
    _set(counters, SEATS, 1)
    _set(counters, OPEN, 1)


@kernel
def finish(counters, rows):
    """As the caller, work until all parts are done, close the worklist, and wait until all have left it.

    Returns whether a kernel failed. Does nothing where the worklist is closed.
    """
    _work(0, counters, rows)
    _wait(counters, DONE, rows.firsts[-1], rows.firsts[-1])
    _set(counters, OPEN, 0)
    _wait(counters, ACTIVE, 0, 0)
    return peek(counters, FAILED) != 0


@kernel
def help(counters, rows):
    """As another thread, work on parts for as long as there are any. Does nothing where the worklist is closed."""
    fetch_add(counters, ACTIVE, 1)
    if peek(counters, OPEN) == 1 and peek(counters, NEXT) < rows.firsts[-1]:
        seat = fetch_add(counters, SEATS, 1)
        if seat < rows.seats:  # more may come than were asked: also those who were asked for an earlier pass
            _work(seat, counters, rows)
    fetch_add(counters, ACTIVE, -1)


@kernel
def desert(counters):
    """Close a worklist, in a forked child: whoever was at work in its parent is not here."""
    _set(counters, OPEN, 0)
    _set(counters, ACTIVE, 0)


class Worklist:
    """Jobs in order, for one caller at a time; see `threads.run`."""

    def __init__(self, jobs: Sequence[Job | Chain]) -> None:
        self.chains = tuple(_chain(each) for each in jobs if isinstance(each, Chain) or each.size > 0)
        self.jobs = tuple(job for chain in self.chains for job in chain.jobs)
        self.width = max((chain.parts for chain in self.chains), default=1)  # more threads have nothing to do
        if not config.DISABLE_JIT:
            self.process = os.getpid()
            self.rows, self.counters = _rows(self.chains), buffer(56, np.int64)
            self.counters[[NEXT, DONE]] = self.rows.firsts[-1]  # nothing to do until it is opened

    def seat(self, threads: int) -> None:
        """Have memory for so many threads: one piece for each scratch argument of the job that asks for most."""
        if threads <= self.rows.seats:
            return
        places = []  # (where the argument's words are, its offset in the thread's memory)
        stride = 0
        for job, first in zip(self.jobs, self.rows.starts, strict=True):
            offset, word = 0, int(first)
            for argument in job.arguments:
                if isinstance(argument, Scratch):
                    places.append((word, offset))
                    offset += -(-argument.size * np.dtype(argument.dtype).itemsize // LINE) * LINE
                word += len(argument_words(argument))
            stride = max(stride, offset)
        words, scratch = self.rows.words.copy(), buffer(stride * threads, np.int8)
        for word, offset in places:
            words[[word, word + 2]] = scratch.ctypes.data + offset, stride
        self.rows = self.rows._replace(words=words, scratch=scratch, seats=threads)  # at once, or not at all

    def run_alone(self) -> None:
        """Every job, called from Python: what the worklist means, and what happens where nothing is compiled."""
        for chain in self.chains:
            for part in range(chain.parts):
                for job in chain.jobs:
                    arguments = [np.empty(a.size, a.dtype) if isinstance(a, Scratch) else a for a in job.arguments]
                    if job.kernel(*job.part(part, chain.parts), *arguments):
                        return


def _chain(each: Job | Chain) -> Chain:
    return each if isinstance(each, Chain) else Chain((replace(each, together=1),), each.parts, each.alongside)


def _rows(chains: Sequence[Chain]) -> Rows:
    jobs = [job for chain in chains for job in chain.jobs]
    words = [[word for argument in job.arguments for word in argument_words(argument)] for job in jobs]
    firsts = np.cumsum([0, *(chain.parts for chain in chains)])
    needs = firsts[:-1].copy()
    for i, chain in enumerate(chains):
        if chain.alongside and i > 0:
            needs[i] = needs[i - 1]
    return Rows(
        firsts,
        needs,
        np.cumsum([0, *(len(chain.jobs) for chain in chains)]),
        np.array([job.groups for job in jobs], np.int64),
        np.array([job.together for job in jobs], np.int64),
        np.array([entry(job.kernel, job.arguments) for job in jobs], np.int64),
        np.cumsum([0, *map(len, words)])[:-1],
        np.array([word for row in words for word in row], np.int64),
        buffer(0, np.int8),
        0,
    )


def compile() -> None:
    """Compile what works on worklists; otherwise done when the first one is run."""
    worklist = Worklist([])
    worklist.seat(1)
    help(worklist.counters, worklist.rows)
    desert(worklist.counters)
    start(worklist.counters)
    finish(worklist.counters, worklist.rows)
