"""Batches made ahead: in order, not too many, with their errors; and no thread is left, whatever ends training."""

import os
import threading
import traceback

import numpy as np
import pytest

from convlet.engines import Batch
from convlet.training.ahead import DEPTH, Ahead

NAME = "batches ahead"


def batch(step):
    return Batch(np.full((1, 1, 1, 1), step), np.array([0]))


def number(made):
    return int(made.images[0, 0, 0, 0])


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert NAME not in [thread.name for thread in threading.enumerate()]


@pytest.fixture(params=[1, 2])
def threads(request):
    return request.param


def test_batches_come_in_order_from_the_first_step_to_the_last(threads):
    with Ahead(batch, range(3, 40), threads=threads) as batches:
        assert [number(batches.next()) for _ in range(3, 40)] == list(range(3, 40))


@pytest.mark.parametrize("steps", [range(2), range(3)])  # the end of the steps; and an error, which is said once
def test_a_batch_beyond_the_last_is_refused_and_not_waited_for(steps, threads):
    def make(step):
        return batch(step) if step < 2 else 1 / 0

    with Ahead(make, steps, threads=threads) as batches:
        for _ in range(2):
            batches.next()
        if len(steps) > 2:
            with pytest.raises(ZeroDivisionError):
                batches.next()
        with pytest.raises(RuntimeError, match="no further one"):
            batches.next()


def test_they_are_made_by_another_thread_which_begins_with_the_first_that_is_asked_for():
    makers = set()

    def make(step):
        makers.add(threading.current_thread().name)
        return batch(step)

    with Ahead(make, range(9)) as batches:
        assert not makers
        batches.next()
        assert makers == {NAME}


def test_with_one_thread_no_other_begins_and_each_is_made_when_it_is_asked_for():
    makers = []

    def make(step):
        makers.append(threading.current_thread())
        return batch(step)

    with Ahead(make, range(9), threads=1) as batches:
        for taken in range(1, 4):
            batches.next()
            assert makers == [threading.current_thread()] * taken


def test_only_so_many_are_made_before_they_are_taken():
    made, full = [], threading.Event()

    def make(step):
        made.append(step)
        if step == DEPTH + 1:  # one is taken, so many wait, and this one is in the thread's hands
            full.set()
        return batch(step)

    with Ahead(make, range(1000)) as batches:
        batches.next()
        assert full.wait(60)
        assert len(made) == DEPTH + 2
        batches.next()
    assert len(made) <= DEPTH + 4


def test_an_error_comes_when_its_batch_is_asked_for_and_says_where_it_was(threads):
    def make(step):
        if step == 2:
            raise ValueError("no such picture")
        return batch(step)

    with Ahead(make, range(5), threads=threads) as batches:
        assert [number(batches.next()) for _ in range(2)] == [0, 1]
        with pytest.raises(ValueError, match="no such picture") as caught:
            batches.next()
    assert "make" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_the_block_ends_the_thread_though_batches_are_left(error):
    with pytest.raises(error), Ahead(batch, range(10**9)) as batches:
        batches.next()
        raise error


def test_a_thread_that_is_making_a_batch_is_waited_for():
    begun, go_on = threading.Event(), threading.Event()

    def make(step):
        if step == 1:
            begun.set()
            go_on.wait(60)
        return batch(step)

    with Ahead(make, range(9)) as batches:
        batches.next()
        assert begun.wait(60)
        threading.Timer(0.05, go_on.set).start()
    assert go_on.is_set()


def test_without_steps_no_thread_begins():
    with Ahead(batch, range(5, 5)):
        assert NAME not in [thread.name for thread in threading.enumerate()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_goes_on_with_the_same_batches(threads):
    with Ahead(batch, range(100), threads=threads) as batches:
        assert [number(batches.next()) for _ in range(7)] == list(range(7))
        if (child := os.fork()) == 0:
            outcome = 1
            try:
                with batches:
                    outcome = 0 if [number(batches.next()) for _ in range(7, 100)] == list(range(7, 100)) else 2
            finally:
                os._exit(outcome)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [number(batches.next()) for _ in range(7, 100)] == list(range(7, 100))
