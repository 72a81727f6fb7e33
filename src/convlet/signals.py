"""Stopping a run without losing it: Ctrl-C, SIGTERM and SIGHUP set a flag, and the run looks at it between steps."""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows has no SIGHUP
)


class Stopped(KeyboardInterrupt):
    """A signal stopped a run, after its step was finished and, where it has a run folder, saved.

    It is a KeyboardInterrupt: no `except Exception` takes it for a failure. `run` is the network as trained so far;
    None where training had not begun.
    """

    run: Any = None  # a Run, of which this room knows nothing
    outcome: str = ""  # how far it came, and where that is kept

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signal).name}{self.outcome}"

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a trace, which is of no interest to whoever has interrupted it."""
        return [f"convlet: {self}"]


class Stop:
    """Whether a signal has asked to stop, and which.

    `Stop.current` is the one there is, for what waits too deep down to be handed it.
    """

    current: "Stop | None" = None
    signal: int | None = None

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self.signal is not None:
            raise Stopped(self.signal)


def end_process(code: int) -> NoReturn:
    """End this process as `sys.exit` does; at once where `abandon_threads` was called."""
    global _exit_code
    _exit_code = code
    sys.exit(code)


def abandon_threads() -> None:
    """Let this process end though a thread below Python never will, for which the interpreter would wait for ever.

    It ends with the code that `end_process` is given, and with 1 where it ends in another way.
    """
    atexit.unregister(_leave)
    atexit.register(_leave)


_exit_code = 1  # of an abandoned process that says nothing else


def _leave() -> None:
    try:
        with suppress(Exception):  # whoever read it may have left
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(_exit_code)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """While inside, the first of SIGNALS sets the flag; a second one acts as it would have without us.

    The handlers that were there before come back at the end. A shell script's background job is born with SIGINT
    ignored; here it is heard all the same, for whoever sends it wants the run to stop, and nothing is lost. Only an
    ignored SIGHUP stays so, for that is what `nohup` asks for. In a thread that is not the main one signals cannot be
    caught, so there the flag is never set. One inside another has the same flag: a signal is for both of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Stop()
        return
    if Stop.current is not None:
        yield Stop.current
        return
    stop = Stop()
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}  # None: set outside Python
    before = {number: handler for number, handler in before.items() if not _is_nohup(number, handler)}

    def restore() -> None:
        Stop.current = None
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.signal is not None:
            restore()
            os.kill(os.getpid(), number)
        stop.signal = number

    for number in before:
        signal.signal(number, handle)
    Stop.current = stop
    try:
        yield stop
    finally:
        restore()


def _is_nohup(number: int, handler: Any) -> bool:
    return handler == signal.SIG_IGN and signal.Signals(number).name == "SIGHUP"
