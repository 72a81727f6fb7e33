"""Competitors for tests of the benchmark: one that is right, and others that go wrong in every way there is."""

import os
import time

import numpy as np

from convlet.benchmarks.peers.engines import EnginePeer


class Right(EnginePeer):
    """The numpy engine under another name. It prints to where answers go, as frameworks do."""

    def __init__(self, job, **options):
        super().__init__(job, engine="numpy", **options)
        self.version = "fake 1.0"
        os.write(1, b"Welcome to this framework!\n")


class ForgetsADigit(Right):
    """Every loss and every logit a little too large."""

    def step(self, batch):
        return super().step(batch) * 1.001

    def predict(self, batch):
        return super().predict(batch) * 1.001


class LearnsTooFast(Right):
    """The first loss is right; the steps are not."""

    def __init__(self, job):
        super().__init__(job)
        self.rate *= 1.5


class NotANumber(Right):
    def step(self, batch):
        return np.nan


class Raises(Right):
    def step(self, batch):
        raise RuntimeError("out of paper")


class RaisesWithSeed1(Right):
    def __init__(self, job):
        if job.seed == 1:
            raise RuntimeError("out of paper")
        super().__init__(job)


class Dies(Right):
    def step(self, batch):
        os.write(2, b"double free or corruption\n\n")
        os._exit(3)


class Sleeps(Right):
    def step(self, batch):
        time.sleep(60)
