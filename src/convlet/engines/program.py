"""What every engine answers: the door between the library and its engines.

    program = engine("numpy").compile(network, parameters, optimizer)
    loss, correct = program.step(Batch(images, labels, masks), 0.001)

An engine is a module with `compile`; a program is a network that can run and train. Nothing outside an engine sees
how it computes or how it lays its arrays out; everything that crosses the door is a NumPy array in the public layout:
images (N, H, W, C), kernels (KH, KW, C, F), dense weights (inputs, units). What may cross is checked in `checks.py`,
for all engines alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer

Array = NDArray[Any]
Preparing = Callable[[int, int, str], None]  # what is being prepared: (how many are done, how many in all, which)
Masks = Mapping[str, NDArray[np.bool_]]  # {dropout layer: which values it keeps, (N, *shape)}


@dataclass(frozen=True, eq=False)
class Batch:
    """What a program learns from in one step: images (N, H, W, C), labels (N,), and the masks of this step's dropout.

    The loss is the sum over the batch of weight × cross-entropy, divided by N: so weights (N,) of 1 are no weights, an
    image of weight 2 counts as two, and one of weight 0 takes part in nothing but batch normalisation's statistics.
    Its own loss must be a finite number all the same: 0 × NaN is NaN. Where labels are not certain, `targets`
    (N, classes) has a share for each class, in all 1, and takes their place in the loss; what is right the labels say.
    """

    images: Array
    labels: Array
    masks: Masks = field(default_factory=dict)
    weights: Array | None = None
    targets: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", np.asarray(self.images))
        object.__setattr__(self, "labels", np.asarray(self.labels))
        for name in ("weights", "targets"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name)))

    def __len__(self) -> int:
        """How many images."""
        return len(self.images)


@dataclass(frozen=True, repr=False)
class State:
    """All that a program remembers: plain arrays in the public layout, owned by whoever holds the State.

    `slots` are the optimizer's arrays, by parameter and slot: "conv2d_1/kernel/m". `step` counts steps taken. Of an
    optimizer with an average, parameters are the averages, which predict, and the slot "raw" is what trains on.
    """

    parameters: Parameters
    slots: Parameters = field(default_factory=dict)
    step: int = 0

    def __repr__(self) -> str:
        """How much it holds."""
        return f"<State at step {self.step:,}: {len(self.parameters)} parameters, {len(self.slots)} optimizer arrays>"


class Program(Protocol):
    """A network that can run and train, as an engine made it. Images are (N, H, W, C).

    Any network predicts. To train, or to ask for `input_gradients`, it must classify: end in one logit a class.
    """

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Do now what would make the first step of this batch size slow, such as compiling for the machine.

        `progress` is called before each part of it, and may raise to stop.
        """
        ...

    def predict(self, images: Array) -> Array:
        """The last layer's output, such as logits (N, classes), without dropout and with moving averages."""
        ...

    def activations(self, images: Array) -> dict[str, Array]:
        """Every layer's output when predicting, by the layer's name."""
        ...

    def input_gradients(self, images: Array, classes: Array) -> Array:
        """The gradient of image i's logit of class classes[i] by the image, when predicting: (N, H, W, C)."""
        ...

    def gradients(self, batch: Batch) -> tuple[float, Parameters]:
        """The loss when training (see `Batch`), and its gradient by each trainable parameter. Changes nothing."""
        ...

    def step(self, batch: Batch, learning_rate: float) -> tuple[float, int]:
        """One step of the optimizer. Returns the batch's loss and how many of it were right, before the step.

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
