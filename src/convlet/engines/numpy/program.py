"""The layers in a row: forward, backward, one step of training. The engine's side of the door (`convlet.engines`)."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.network import Parameters, Placed, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines import Masks, Preparing, State, check_masks
from convlet.engines.numpy.layer import backward, forward, moving_averages
from convlet.errors import InputError
from convlet.losses import softmax_cross_entropy

Array = NDArray[Any]
CHUNK = 100  # images at a time when predicting: their sections are stacked in memory, and there are many


def compile(network: Sequential, parameters: Parameters, optimizer: Optimizer | None = None) -> "NumpyProgram":
    """A program for this network, with a copy of these parameters; see `convlet.engines.Engine`."""
    network.check_classifier()
    return NumpyProgram(network, State(parameters), optimizer)


class NumpyProgram:
    """A network that predicts and trains with NumPy; see `convlet.engines.Program`."""

    def __init__(self, network: Sequential, state: State, optimizer: Optimizer | None) -> None:
        self.network, self.optimizer = network, optimizer
        self.restore(state)

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Nothing: NumPy compiles nothing."""

    def predict(self, images: Array) -> Array:
        return list(self.activations(images).values())[-1]

    def activations(self, images: Array) -> dict[str, Array]:
        starts = range(0, max(len(images), 1), CHUNK)  # no images make one chunk too, an empty one
        chunks = [self._outputs(images[start : start + CHUNK]) for start in starts]
        return {placed.name: np.concatenate([chunk[placed.name] for chunk in chunks]) for placed in self.network}

    def gradients(self, images: Array, labels: Array, masks: Masks) -> tuple[float, Parameters]:
        logits, memories = self._forward(images, masks)
        loss, d_logits = softmax_cross_entropy(logits, labels)
        return loss, self._backward(d_logits, memories)

    def step(self, images: Array, labels: Array, masks: Masks, learning_rate: float) -> tuple[float, int]:
        if self.optimizer is None:
            raise InputError("optimizer=None when the program was compiled: give one to train, such as Adam(1e-4).")
        logits, memories = self._forward(images, masks)
        loss, d_logits = softmax_cross_entropy(logits, labels)
        correct = int((logits.argmax(axis=1) == labels).sum())
        if not math.isfinite(loss):
            return loss, correct
        gradients = self._backward(d_logits, memories)
        self._update(gradients, learning_rate)
        for placed, memory in zip(self.network, memories, strict=True):
            averages = moving_averages(placed, self._weights(placed), memory)
            self.parameters |= {f"{placed.name}/{name}": array for name, array in averages.items()}
        return loss, correct

    def state(self) -> State:
        return State(_copies(self.parameters), _copies(self.slots), self.steps)

    def restore(self, state: State) -> None:
        self.network.check_parameters(state.parameters)
        self.parameters, self.steps = _copies(state.parameters), state.step
        self.slots = {
            f"{name}/{slot}": state.slots.get(f"{name}/{slot}", np.zeros_like(self.parameters[name])).copy()
            for name, parameter in self.network.parameters.items()
            for slot in (self.optimizer.slots if self.optimizer and parameter.trainable else ())
        }

    def _weights(self, placed: Placed) -> Parameters:
        """A layer's own parameters by their short names."""
        return {name.removeprefix(f"{placed.name}/"): self.parameters[name] for name in placed.parameters}

    def _cast(self, images: Array) -> Array:
        """The images in the parameters' own float type."""
        dtypes = [array.dtype for array in self.parameters.values()]
        return images.astype(dtypes[0] if dtypes else images.dtype, copy=False)

    def _outputs(self, images: Array) -> dict[str, Array]:
        """Every layer's output, when predicting."""
        values, outputs = self._cast(images), {}
        for placed in self.network:
            values, _ = forward(placed, self._weights(placed), values, masks=None)
            outputs[placed.name] = values
        return outputs

    def _forward(self, images: Array, masks: Masks) -> tuple[Array, list[Any]]:
        """The logits when training, and each layer's memory."""
        check_masks(self.network, masks, len(images))
        values, memories = self._cast(images), []
        for placed in self.network:
            values, memory = forward(placed, self._weights(placed), values, masks)
            memories.append(memory)
        return values, memories

    def _backward(self, d_values: Array, memories: list[Any]) -> Parameters:
        """The gradient by every trainable parameter: the layers in reverse, each handing on what its inputs receive."""
        gradients: Parameters = {}
        for placed, memory in zip(reversed(list(self.network)), reversed(memories), strict=True):
            d_values, own = backward(placed, self._weights(placed), d_values, memory)
            gradients |= {f"{placed.name}/{name}": gradient for name, gradient in own.items()}
        return gradients

    def _update(self, gradients: Parameters, learning_rate: float) -> None:
        assert self.optimizer is not None
        self.steps += 1
        for name, gradient in gradients.items():
            slots = {slot: self.slots[f"{name}/{slot}"] for slot in self.optimizer.slots}
            self.optimizer.update(self.parameters[name], gradient, slots, learning_rate, self.steps)


def _copies(arrays: Parameters) -> Parameters:
    return {name: array.copy() for name, array in arrays.items()}
