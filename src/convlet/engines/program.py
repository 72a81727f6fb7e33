"""What every engine answers: the door between the library and its engines.

    program = engine("numpy").compile(network, parameters, optimizer)

An engine is a module with `compile`; a program is a network that can run and train. Nothing outside an engine sees
how it computes or how it lays its arrays out; everything that crosses the door is a NumPy array in the public layout:
images (N, H, W, C), kernels (KH, KW, C, F), dense weights (inputs, units).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import Dropout
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.errors import InputError

Array = NDArray[Any]
Preparing = Callable[[int, int, str], None]  # what is being prepared: (how many are done, how many in all, which)
Masks = Mapping[str, NDArray[np.bool_]]  # {dropout layer: which values it keeps, (N, *shape)}


@dataclass(frozen=True, repr=False)
class State:
    """All that a program remembers: plain arrays in the public layout, owned by whoever holds the State.

    `slots` are the optimizer's arrays, by parameter and slot: "conv2d_1/kernel/m". `step` counts steps taken.
    """

    parameters: Parameters
    slots: Parameters = field(default_factory=dict)
    step: int = 0

    def __repr__(self) -> str:
        """How much it holds."""
        return f"<State at step {self.step:,}: {len(self.parameters)} parameters, {len(self.slots)} optimizer arrays>"


class Program(Protocol):
    """A network that can run and train, as an engine made it. Images are (N, H, W, C), labels (N,) whole numbers."""

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Do now what would make the first step of this batch size slow, such as compiling for the machine.

        `progress` is called before each part of it, and may raise to stop.
        """
        ...

    def predict(self, images: Array) -> Array:
        """Logits (N, classes), without dropout and with moving averages."""
        ...

    def activations(self, images: Array) -> dict[str, Array]:
        """Every layer's output when predicting, by the layer's name."""
        ...

    def gradients(self, images: Array, labels: Array, masks: Masks) -> tuple[float, Parameters]:
        """The mean loss when training, and its gradient by each trainable parameter. Changes nothing."""
        ...

    def step(self, images: Array, labels: Array, masks: Masks, learning_rate: float) -> tuple[float, int]:
        """One step of the optimizer. Returns the batch's mean loss and how many of it were right, before the step.

        Where that loss is NaN or infinite, an engine leaves the weights as they are if it can, so that the layer
        where the trouble began can still be named.
        """
        ...

    def state(self) -> State:
        """A copy of all that the program remembers."""
        ...

    def restore(self, state: State) -> None:
        """Continue from a state."""
        ...


class Engine(Protocol):
    """Turns a description into a program."""

    def compile(self, network: Sequential, parameters: Parameters, optimizer: Optimizer | None = None) -> Program:
        """A program with a copy of these parameters; without an optimizer it cannot `step`. dtype follows them."""
        ...


def check_masks(network: Sequential, masks: Masks, images: int) -> None:
    """Raise an InputError unless there is a mask for each Dropout of the network, of the right shape."""
    for placed in network:
        if isinstance(placed.layer, Dropout):
            expected, mask = (images, *placed.input_shape), masks.get(placed.name)
            if mask is None or mask.shape != expected:
                got = "missing" if mask is None else f"of shape {mask.shape}"
                raise InputError(f"masks[{placed.name!r}]: {got}; expected True or False for each value, {expected}.")
