"""Batches made ahead of training, by a thread of its own, so that the network need not wait for its pictures.

A run that may use one thread only makes each batch when it is asked for. What is in a batch depends on its step alone,
so it is the same whoever makes it, and when.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType

from convlet.engines import Batch

Make = Callable[[int], Batch]
DEPTH = 4  # batches: enough for one that takes longer than others, and little memory


class Ahead:
    """The batches of these steps, in order. Use it as a context manager, or `close` it: the thread ends with that.

    The thread begins with the first batch that is asked for. A forked child, which has no thread but the one that
    forked, begins its own. With one of `threads` none begins.
    """

    def __init__(self, make: Make, steps: range, *, threads: int = 2) -> None:
        self._make, self._left, self._threads = make, steps, threads
        self._line: _Line | _InTurn | None = None

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread, if one has begun; what it has made is dropped."""
        if self._line is not None and self._line.is_ours:
            self._line.close()

    def next(self) -> Batch:
        """The next step's batch. Raises what went wrong in making it, with the trace of where that was."""
        if self._line is None or not self._line.is_ours:
            self._line = (_InTurn if self._threads == 1 else _Line)(self._make, self._left)
        batch = self._line.take()
        self._left = self._left[1:]
        return batch


class _InTurn:
    """No thread: what is asked for is made."""

    is_ours = True

    def __init__(self, make: Make, steps: range) -> None:
        self._batches: Iterator[Batch] = (make(step) for step in steps)

    def take(self) -> Batch:
        batch = next(self._batches, None)
        if batch is None:
            raise _no_further_one()
        return batch

    def close(self) -> None:
        self._batches = iter(())


class _Line:
    """A thread, and the batches that it has made and nobody has taken."""

    def __init__(self, make: Make, steps: range) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._batches: deque[Batch | BaseException] = deque()
        self._closed = self._ended = False
        self._thread = threading.Thread(target=self._work, args=(make, steps), name="batches ahead", daemon=True)
        self._thread.start()

    @property
    def is_ours(self) -> bool:
        """Whether its thread is one of this process, not of one that this process was forked from."""
        return self._process == os.getpid()

    def take(self) -> Batch:
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ended)
            if not self._batches:
                raise _no_further_one()
            batch = self._batches.popleft()
            self._changed.notify_all()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def close(self) -> None:
        """End the thread, at the latest when it has made the batch of the moment."""
        with self._changed:
            self._closed = True
            self._batches.clear()
            self._changed.notify_all()
        self._thread.join()

    def _work(self, make: Make, steps: range) -> None:
        try:
            self._fill(make, steps)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _fill(self, make: Make, steps: range) -> None:
        for step in steps:
            try:
                batch: Batch | BaseException = make(step)
            except BaseException as error:  # whatever it is, it belongs to the one who asks for the batch
                batch = error
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._batches) < DEPTH)
                if self._closed:
                    return
                self._batches.append(batch)
                self._changed.notify_all()
            if isinstance(batch, BaseException):
                return


def _no_further_one() -> RuntimeError:
    return RuntimeError("batches ahead: there is no further one; the last was the run's last, or failed.")
