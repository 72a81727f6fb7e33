"""Rescaling: every number times one number, plus another."""

from dataclasses import dataclass

from convlet.checks import number
from convlet.descriptions.layers.layer import Layer, described
from convlet.descriptions.tables import set_canonical


@dataclass(frozen=True)
class Rescaling(Layer):
    """x × `scale` + `offset`, at the beginning of a network to bring images to another range, or at its end."""

    scale: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, scale=number("scale", self.scale), offset=number("offset", self.offset))

    def describe(self) -> str:
        return described(self, f"× {self.scale:g}", f"{self.offset:+g}" if self.offset else None)
