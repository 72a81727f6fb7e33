"""Averages of the weights along the way of training: what a network predicts with, while its raw weights train on.

Each parameter of a layer that is trained has its average, which starts where it starts; so have the statistics of batch
normalisation, which belong to the weights that they were measured with. After each step an average goes a share of
the way to its raw parameter; the reference is `follow`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from convlet.checks import number, whole_number
from convlet.descriptions.tables import kinds, set_canonical


class Pull(NamedTuple):
    """What happens to averages after a step: what share of the way they go, and whether raw weights go there."""

    share: float
    back: bool


@dataclass(frozen=True)
class Average:
    """What every kind of average answers."""

    def pull(self, step: int) -> Pull:
        """What happens after step `step`, counted from 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class EMA(Average):
    """The exponential moving average: after each step, 1 − `decay` of the way to the raw weights.

    In the first steps t the decay is (1 + t) / (10 + t), where that is less: so that the initial values are soon
    forgotten. Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM 1992; in
    the form of TensorFlow's ExponentialMovingAverage.
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        set_canonical(self, decay=number("decay", self.decay, low=0, high=1, open_low=True))

    def pull(self, step: int) -> Pull:
        return Pull(1 - min(self.decay, (1 + step) / (10 + step)), False)


@dataclass(frozen=True)
class Lookahead(Average):
    """Slow weights: after every `every` steps they go `share` of the way to the raw ones, which go on from there.

    Source: Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", NeurIPS 2019, algorithm 1.
    """

    every: int = 5
    share: float = 0.5

    def __post_init__(self) -> None:
        set_canonical(self, every=whole_number("every", self.every))
        set_canonical(self, share=number("share", self.share, low=0, high=1, open_low=True))

    def pull(self, step: int) -> Pull:
        return Pull(self.share, True) if step % self.every == 0 else Pull(0.0, False)


AVERAGES = kinds(EMA, Lookahead)


def follow(average: NDArray[Any], raw: NDArray[Any], pull: Pull) -> None:
    """Let an average follow its raw parameter after a step, in place; and the parameter go back to it."""
    average += pull.share * (raw - average)
    if pull.back:
        raw[...] = average
