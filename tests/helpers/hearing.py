"""Signals that this process ignores, but what it starts must hear.

In the background of a shell, and under nohup, some signals are ignored, and so they are by every process started there.
What is caught in place of ignored is not passed on: a new program begins with the default.
"""

import signal
from types import FrameType

from convlet.signals import SIGNALS


def let_children_hear() -> None:
    """Have what is ignored do nothing instead: `nohup make test` still outlives its terminal. But SIGINT, which tests
    send to themselves, ends as always.
    """
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else _nothing)


def _nothing(number: int, frame: FrameType | None) -> None:
    pass
