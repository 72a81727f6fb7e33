"""Dropout: noise while training, nothing afterwards."""

from dataclasses import dataclass

from convlet.checks import number
from convlet.descriptions.layers.layer import Layer, described
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class Dropout(Layer):
    """While training, each value becomes 0 with probability `rate`, and the others are divided by 1 − rate.

    Source: Srivastava et al., "Dropout", JMLR 2014, section 10 (the scaling while training).
    """

    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, rate=number("rate", self.rate, low=0, high=1))

    @property
    def passes_on(self) -> bool:
        return True

    def describe(self) -> str:
        return described(self, f"{self.rate:g}")
