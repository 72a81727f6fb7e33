"""From an image to one row of numbers."""

import math
from dataclasses import dataclass

from convlet.checks import Shape
from convlet.descriptions.layers.layer import Layer


@dataclass(frozen=True)
class Flatten(Layer):
    """One row of numbers an image, in (H, W, C) order. Input any shape, output (size,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    @property
    def passes_on(self) -> bool:
        return True
