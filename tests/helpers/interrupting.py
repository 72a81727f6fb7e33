"""Control-C at any moment."""

import gc
import signal
import time
from contextlib import contextmanager

import pytest

needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")


@contextmanager
def control_c(rng):
    """Gives interrupted(work), which calls `work` while KeyboardInterrupt comes, sometimes before its end.

    It returns whether it did. How late it may come follows from how long the work took, so that any machine will do.
    """
    longest = 0.001

    def go_off(*_):
        raise KeyboardInterrupt

    def interrupted(work):
        nonlocal longest
        started = time.perf_counter()
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, longest))
            work()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            longest *= 1.05
            return True
        longest = 1.5 * (time.perf_counter() - started)
        return False

    before = signal.signal(signal.SIGALRM, go_off)
    gc.disable()  # what an interrupt meets in a callback of the collector, such as Hypothesis's, is not ours
    try:
        yield interrupted
    finally:
        gc.enable()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
