"""Control-C at any moment."""

import signal
from contextlib import contextmanager

import pytest

needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")


@contextmanager
def control_c(rng):
    """Gives interrupted(work, longest), which calls `work` while KeyboardInterrupt comes within `longest` seconds.

    It returns whether it came before the end.
    """

    def go_off(*_):
        raise KeyboardInterrupt

    def interrupted(work, longest):
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, longest))
            work()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            return True
        return False

    before = signal.signal(signal.SIGALRM, go_off)
    try:
        yield interrupted
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
