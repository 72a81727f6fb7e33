"""Worklists and threads: every part once, in order, with any number of threads, from any thread, and after a fork."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from interrupting import control_c, needs_alarm

from convlet.engines.numba.buffers import Frame, buffer
from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.running import entries, threads, worklist
from convlet.engines.numba.running.entries import Scratch, entry
from convlet.engines.numba.running.worklist import Job, Worklist
from convlet.engines.numba.simd.machine import fetch_add, nap, peek
from convlet.environment import cores
from convlet.errors import EngineError, InputError


@pytest.fixture(autouse=True)
def _all_threads_again():
    yield
    threads.set_threads(None)


@kernel
def double_and_add(low, high, x, y, amount, frame, scratch):
    for i in range(low, high):
        scratch[0] = x[i] * np.float32(2)
        y[i] = scratch[0] + amount + frame.channels


@kernel
def count_up(low, high, x):
    for i in range(low, high):
        x[i] += np.float32(1)


@kernel
def add_one_in_reverse(low, high, x, y):
    """y[i] = x[size − 1 − i] + 1: a part needs what another part made. The last ones take longest."""
    for i in range(low, high):
        for _ in range(1 + i // 50):
            y[i] = x[len(x) - 1 - i] + np.float32(1)


@kernel
def stop_if_negative(low, high, x):
    return x[0] < 0


@kernel
def fail(low, high, x):
    if x[0] >= 0:
        raise MemoryError("as if an allocation had failed")


@kernel
def multiply(low, high, x, y):
    for i in range(low, high):
        y[i] = x[i] * np.float32(0.5)


def chain(x, y, rows=20, parts=7):
    jobs = [Job(count_up, len(x), (x,), parts) for _ in range(rows)]
    return Worklist([*jobs, Job(double_and_add, len(x), (x, y, np.float32(0.5), Frame(1, 1, 3), Scratch(1)), parts)])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_part_is_computed_once_and_in_order(count):
    x, y = buffer(1000), buffer(1000)
    table = chain(x, y)
    threads.set_threads(count)
    for run in range(1, 201):
        threads.run(table)
        assert (x == 20 * run).all() and (y == 40 * run + 3.5).all()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_job_waits_for_all_parts_of_the_one_before(count):
    x, y = buffer(2000), buffer(2000)
    pairs = [(x, y) if row % 2 == 0 else (y, x) for row in range(20)]
    table = Worklist([Job(add_one_in_reverse, 2000, pair, parts=8) for pair in pairs])
    threads.set_threads(count)
    for run in range(1, 201):
        threads.run(table)
        assert (x == 20 * run).all()


def test_a_job_alongside_does_not_wait_but_the_next_one_does():
    x, y, z = buffer(2000), buffer(2000), buffer(2000)
    jobs = [Job(count_up, 2000, (x,), 8), Job(count_up, 2000, (y,), 8, alongside=True)]
    table = Worklist([*jobs, Job(add_one_in_reverse, 2000, (y, z), 8), Job(add_one_in_reverse, 2000, (x, y), 8)])
    threads.set_threads(4)
    for run in range(1, 51):
        threads.run(table)
        assert (x == run).all() and (y == run + 1).all() and (z == (run + 1 if run == 1 else run + 2)).all()


def test_python_threads_may_run_worklists_at_the_same_time():
    wrong = []

    def work():
        x, y = buffer(500), buffer(500)
        table = chain(x, y)
        for run in range(1, 101):
            threads.run(table)
            if not (y == 40 * run + 3.5).all():
                wrong.append(run)

    threads.set_threads(3)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert not wrong and not any(worker.is_alive() for worker in workers)


@kernel
def meet(low, high, arrived, mine):
    """Parts [low, high) wait for all others, so each needs a thread of its own; for half a minute at most."""
    mine[0] += high - low
    fetch_add(arrived, 0, high - low)
    for _ in range(60_000):
        if peek(arrived, 0) >= arrived[1]:
            return
        nap()
    fetch_add(arrived, 2, 1)


def meeting(count):
    """A worklist of so many parts that meet, and (how many came, how many there are, how many waited in vain)."""
    arrived = buffer(3, np.int64)
    arrived[1] = count
    return Worklist([Job(meet, count, (arrived, Scratch(1, np.int64)), count)]), arrived


def assert_all_help(count):
    threads.set_threads(count)
    table, arrived = meeting(count)
    threads.run(table)
    assert arrived.tolist() == [count, count, 0]


@pytest.mark.parametrize("before", [4, 8])
def test_no_post_is_lost_when_there_are_more_helpers_than_are_asked_for(before):
    assert_all_help(before)
    for _ in range(20):
        assert_all_help(2)


def test_more_helpers_than_seats_are_told_to_leave():
    worklist.compile()
    for _ in range(20):
        table, _ = meeting(2)
        table.seat(2)
        worklist.start(table.counters)
        helpers = [threading.Thread(target=worklist.help, args=(table.counters, table.rows)) for _ in range(5)]
        for helper in helpers:
            helper.start()
        assert not worklist.finish(table.counters, table.rows)
        for helper in helpers:
            helper.join()
        assert table.rows.scratch.view(np.int64).reshape(2, -1)[:, 0].tolist() == [1, 1]


def test_a_table_is_not_given_back_before_its_last_helper_has_left():
    """One that was still in it would work on the next pass with a seat and a row of this one."""
    x = buffer(8)
    table = Worklist([Job(count_up, 8, (x,))])
    threads.run(table)  # so that nothing has to be compiled below
    worklist.start(table.counters)
    table.counters[worklist.ACTIVE] = 1  # as if a helper had come and not yet left
    caller = threading.Thread(target=worklist.finish, args=(table.counters, table.rows), daemon=True)
    caller.start()
    while table.counters[worklist.OPEN]:
        caller.join(timeout=0.01)
    caller.join(timeout=0.5)
    assert caller.is_alive()
    table.counters[worklist.ACTIVE] = 0
    caller.join(timeout=60)
    assert not caller.is_alive() and (x == 2).all()


@needs_alarm
@pytest.mark.parametrize("count", [1, 3])
def test_an_interrupted_table_is_not_run_or_run_to_its_end(count):
    x, y = buffer(20_000), buffer(20_000)
    table, interrupts = chain(x, y), 0
    threads.set_threads(count)
    threads.run(table)
    with control_c(np.random.default_rng(0)) as interrupted:
        for _ in range(400):
            done = x[0]
            interrupts += interrupted(lambda: threads.run(table))
            assert (x == x[0]).all() and x[0] in (done, done + 20)
            assert table.counters[worklist.OPEN] == 0 and table.counters[worklist.ACTIVE] == 0
    assert interrupts > 20
    threads.run(table)
    assert (y == 2 * x + 3.5).all()
    assert_all_help(count)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python warns of forks beside threads
def test_a_forked_child_computes_with_threads_of_its_own():
    x, y = buffer(1000), buffer(1000)
    table = chain(x, y)
    threads.set_threads(3)
    threads.run(table)
    child = os.fork()
    if child == 0:
        threads.run(table)
        os._exit(0 if (y == 83.5).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (y == 43.5).all()


def test_threads_that_need_the_same_entry_at_once_share_it():
    @kernel
    def new(low, high, x):
        x[low] = 3

    barrier, addresses = threading.Barrier(4), []

    def ask():
        barrier.wait()
        addresses.append(entry(new, (buffer(1),)))

    before = len(entries._entries)
    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert len(addresses) == 4 and len(set(addresses)) == 1
    assert len(entries._entries) == before + 1


def test_true_ends_the_pass():
    x = buffer(8)
    table = Worklist([Job(stop_if_negative, 1, (x,)), Job(count_up, 8, (x,), parts=4)])
    threads.run(table)
    assert (x == 1).all()
    x[:] = -1
    threads.run(table)
    assert (x == -1).all()


def test_a_kernel_that_fails_raises_and_the_table_can_be_run_again():
    x = buffer(8)
    table = Worklist([Job(fail, 1, (x,)), Job(count_up, 8, (x,), parts=4)])
    with pytest.raises(EngineError, match="smaller batch"):
        threads.run(table)
    assert (x == 0).all()
    x[:] = -1
    threads.run(table)
    assert (x == 0).all()


def test_denormals_are_flushed_in_kernels_and_the_callers_mode_is_restored():
    x, y = buffer(8), buffer(8)
    x[:] = 1.5e-38
    for count in (1, 4):
        threads.set_threads(count)
        y[:] = 1
        threads.run(Worklist([Job(multiply, 8, (x, y), parts=8)]))
        assert (y == 0).all()
    assert np.float32(1.5e-38) * np.float32(0.5) != 0


def test_only_flat_writeable_arrays_are_taken():
    x = np.zeros(4, np.float32)
    x.flags.writeable = False
    for array in (x, np.zeros((2, 2), np.float32), np.zeros(8, np.float32)[::2]):
        with pytest.raises(TypeError, match="flat, contiguous, writeable"):
            Worklist([Job(count_up, 4, (array,))])


def test_the_number_of_threads_is_checked(monkeypatch):
    for wrong in (0, -1, 1.5, "2"):
        with pytest.raises(InputError, match="threads="):
            threads.set_threads(wrong)
    monkeypatch.setenv("CONVLET_THREADS", "3")
    assert threads.threads() == 3
    monkeypatch.setenv("CONVLET_THREADS", "many")
    with pytest.raises(InputError, match="CONVLET_THREADS='many'"):
        threads.threads()
    for name in ("CONVLET_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert threads.threads() == cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs an affinity mask")
def test_the_affinity_mask_is_honoured():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from convlet.engines.numba.running import threads; print(threads.threads())"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "1"
