"""The one thread that computes: what waits when it has time is answered together, each as it would be alone.

A network answers thirty images in little more than the time of one. Nobody waits for company, unless `wait` says so:
under load requests gather while the ones before them are computed.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from convlet.serving.predictor import Array, Predictor


@dataclass(frozen=True, eq=False)
class Asked:
    """Images (n, H, W, C) that somebody asks about, and the answer to come: probabilities (n, classes)."""

    images: Array
    answer: "asyncio.Future[Array]"


class Batcher(threading.Thread):
    """Answers what is asked, at most so many images at a time; those of one question always together.

    Before the first it prepares, and predicts once; `ready` says that this is done, `failure` that it cannot be, and
    then `at_failure` is called. `computed` is told how many images each batch had, on the event loop's thread.
    """

    def __init__(
        self,
        predictor: Predictor,
        most: int,
        *,
        wait: float = 0.0,
        computed: Callable[[int], None] = lambda images: None,
        at_failure: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(name="convlet predictions", daemon=True)
        self._predictor, self._most, self._wait = predictor, most, wait
        self._computed, self._at_failure = computed, at_failure
        self._asked, self._changed, self._ending = deque[Asked](), threading.Condition(), False
        self.ready = False
        self.failure: Exception | None = None

    def ask(self, images: Array) -> "asyncio.Future[Array]":
        """The answer to come. Where it is cancelled before its turn, nothing is computed for it."""
        asked = Asked(images, asyncio.get_running_loop().create_future())
        with self._changed:
            self._asked.append(asked)
            self._changed.notify()
        return asked.answer

    def waiting(self) -> int:
        """How many images wait for their turn."""
        with self._changed:
            return self._images()

    def end(self) -> None:
        """Stop when everything that was asked is answered."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def run(self) -> None:
        try:
            self._predictor.prepare()
            self._predictor.answer(np.zeros((1, *self._predictor.image_shape), np.float32))
        except Exception as error:
            self.failure = error
            self._at_failure()
            return
        self.ready = True
        while (batch := self._next()) is not None:
            if batch:
                self._answer(batch)

    def _next(self) -> list[Asked] | None:
        """What is computed next, as soon as there is something; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._asked or self._ending)
            if self._wait:
                self._changed.wait_for(lambda: self._ending or self._images() >= self._most, self._wait)
            return self._taken() if self._asked else None

    def _images(self) -> int:
        return sum(len(asked.images) for asked in self._asked)

    def _taken(self) -> list[Asked]:
        taken, images = list[Asked](), 0
        while self._asked and (not taken or images + len(self._asked[0].images) <= self._most):
            asked = self._asked.popleft()
            if not asked.answer.done():  # else whoever asked has left, or waits no longer
                taken.append(asked)
                images += len(asked.images)
        return taken

    def _answer(self, batch: list[Asked]) -> None:
        answers = self._answers(batch)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            batch[0].answer.get_loop().call_soon_threadsafe(self._hand_over, batch, answers)

    def _answers(self, batch: list[Asked]) -> Sequence[Array | Exception]:
        """An answer to each; where they cannot be computed together, as each has alone."""
        images = [asked.images for asked in batch]
        try:
            probabilities = self._predictor.answer(np.concatenate(images) if len(images) > 1 else images[0])
        except Exception as error:
            if len(batch) > 1:
                return [answer for asked in batch for answer in self._answers([asked])]
            return [error]
        return np.split(probabilities, list(accumulate(map(len, images)))[:-1])

    def _hand_over(self, batch: list[Asked], answers: Sequence[Array | Exception]) -> None:
        self._computed(sum(len(asked.images) for asked in batch))
        for asked, answer in zip(batch, answers, strict=True):
            if asked.answer.done():
                continue
            if isinstance(answer, Exception):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)
