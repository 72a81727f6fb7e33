"""The one thread that computes on the server's side: it evaluates what is asked, and between that it trains.

Requests wait for answers, not for the training: a question is answered between two steps. Nobody who asks can stop the
training by being slow or by leaving. It is not a pool: one network is trained, by one thread, in one order.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Work = Callable[[], bool]  # a little of what goes on in the background; False when there is nothing more to do

MOST_WAITING = 32  # questions; more are refused


class BusyError(Exception):
    """Too many questions wait already."""


class Worker(threading.Thread):
    """Answers questions in order; between them it does the `work`, a step at a time. It ends with `at_end`."""

    def __init__(self, work: Work, at_end: Callable[[], None] = lambda: None) -> None:
        super().__init__(name="convlet worker", daemon=True)
        self._at_end = at_end
        self._work, self._questions = work, deque[tuple[Future[Any], Callable[[], Any]]]()
        self._awake, self._ending = threading.Condition(), False

    def ask(self, question: Callable[[], Any]) -> Future[Any]:
        """The answer to come. Raises BusyError."""
        answer: Future[Any] = Future()
        with self._awake:
            if len(self._questions) >= MOST_WAITING:
                raise BusyError(f"{MOST_WAITING} questions wait already.")
            self._questions.append((answer, question))
            self._awake.notify()
        return answer

    def end(self) -> None:
        """Stop after what is being done now."""
        with self._awake:
            self._ending = True
            self._awake.notify()

    def run(self) -> None:
        busy = True
        while True:
            with self._awake:
                while not (busy or self._questions or self._ending):
                    self._awake.wait()
                if self._ending:
                    break
                asked = self._questions.popleft() if self._questions else None
            if asked is None:
                busy = self._work()
                continue
            self._answer(*asked)
            busy = True  # the question may have been to go on
        self._at_end()

    @staticmethod
    def _answer(answer: Future[Any], question: Callable[[], Any]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        try:
            answer.set_result(question())
        except BaseException as error:
            answer.set_exception(error)
