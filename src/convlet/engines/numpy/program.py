"""The layers one after another: forward, backward, a step of training. The engine's side of the door."""

import math
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.network import IMAGE, Parameters, Placed, Sequential
from convlet.descriptions.optimizers import RAW, Optimizer, follow
from convlet.engines import Batch, Masks, Preparing, State
from convlet.engines.checks import check_batch, check_images, check_kinds, check_labels, check_optimizer, check_rate
from convlet.engines.numpy.layer import KINDS, backward, forward, moving_averages
from convlet.losses import softmax_cross_entropy

Array = NDArray[Any]
CHUNK = 100  # images at a time when predicting: their sections are stacked in memory, and there are many


def compile(network: Sequential, parameters: Parameters, optimizer: Optimizer | None = None) -> "NumpyProgram":
    """A program for this network, with a copy of these parameters; see `convlet.engines.Engine`."""
    check_kinds("numpy", network, KINDS)
    return NumpyProgram(network, State(parameters), optimizer)


class NumpyProgram:
    """A network that predicts and trains with NumPy; see `convlet.engines.Program`."""

    def __init__(self, network: Sequential, state: State, optimizer: Optimizer | None) -> None:
        self.network, self.optimizer = network, optimizer
        self.rules = optimizer.update_rules(network) if optimizer else {}
        self.restore(state)

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Nothing: NumPy compiles nothing."""

    def predict(self, images: Array) -> Array:
        return np.concatenate([self._outputs(some)[self._last] for some in self._chunks(images)])

    def activations(self, images: Array) -> dict[str, Array]:
        chunks = [self._outputs(some) for some in self._chunks(images)]
        return {placed.name: np.concatenate([chunk[placed.name] for chunk in chunks]) for placed in self.network}

    def input_gradients(self, images: Array, classes: Array) -> Array:
        images, classes = np.asarray(images), np.asarray(classes)
        check_images(self.network, images)
        check_labels("classes", classes, len(images), self.network.check_classifier())
        starts = range(0, max(len(images), 1), CHUNK)
        chunks = [(images[start : start + CHUNK], classes[start : start + CHUNK]) for start in starts]
        return np.concatenate([self._input_gradients(*chunk) for chunk in chunks])

    def gradients(self, batch: Batch) -> tuple[float, Parameters]:
        check_batch(self.network, batch)
        values, memories = self._forward(batch.images, batch.masks, self.parameters)
        loss, d_logits = softmax_cross_entropy(values[self._last], batch.labels, batch.weights, batch.targets)
        _, gradients = self._backward(d_logits, memories, self.parameters)
        return loss, gradients

    def step(self, batch: Batch, learning_rate: float) -> tuple[float, int]:
        optimizer = check_optimizer(self.optimizer)
        check_rate(learning_rate)
        check_batch(self.network, batch)
        values, memories = self._forward(batch.images, batch.masks, self.parameters)
        logits = values[self._last]
        loss, d_logits = softmax_cross_entropy(logits, batch.labels, batch.weights, batch.targets)
        correct = int((logits.argmax(axis=1) == batch.labels).sum())
        if not math.isfinite(loss):
            return loss, correct
        _, gradients = self._backward(d_logits, memories, self.parameters)
        self._update(optimizer, gradients, learning_rate)
        for placed in self.network:
            moved = moving_averages(placed, own_of(placed, self.parameters), memories[placed.name])
            self.parameters |= {f"{placed.name}/{name}": array for name, array in moved.items()}
        if optimizer.average is not None:
            for name in self.averages:
                follow(self.averages[name], self.parameters[name], optimizer.average.pull(self.steps))
        return loss, correct

    def state(self) -> State:
        raw = {f"{name}/{RAW}": self.parameters[name] for name in self.averages}
        return State(_copies(self.predicting), _copies(self.slots | raw), self.steps)

    def restore(self, state: State) -> None:
        self.network.check_parameters(state.parameters)
        self.parameters, self.steps = _copies(state.parameters), state.step
        averaged = self.optimizer.averaged(self.network) if self.optimizer else ()
        self.averages = {name: self.parameters[name].copy() for name in averaged}
        for name in averaged:
            self.parameters[name][...] = state.slots.get(f"{name}/{RAW}", state.parameters[name])
        self.slots = {
            f"{name}/{slot}": state.slots.get(f"{name}/{slot}", np.zeros_like(self.parameters[name])).copy()
            for name, rule in self.rules.items()
            for slot in rule.optimizer.slots
        }

    @property
    def predicting(self) -> Parameters:
        """The parameters that it predicts with: those that are trained, or their averages."""
        return self.parameters | self.averages

    def _chunks(self, images: Array) -> list[Array]:
        """The images, a part after the other. Raises as `check_images` does."""
        images = np.asarray(images)
        check_images(self.network, images)
        starts = range(0, max(len(images), 1), CHUNK)  # no images make one chunk too, an empty one
        return [images[start : start + CHUNK] for start in starts]

    @property
    def _last(self) -> str:
        """The name of the last layer, whose output is the network's."""
        return self.network.layers[-1].name

    def _cast(self, images: Array) -> Array:
        """The images in the parameters' own float type; without parameters in theirs, bytes in float32."""
        own = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
        dtype = next((array.dtype for array in self.parameters.values()), own)
        return images.astype(dtype, copy=False)

    def _outputs(self, images: Array) -> dict[str, Array]:
        """Every layer's output, when predicting."""
        values, _ = self._forward(images, None, self.predicting)
        return values

    def _input_gradients(self, images: Array, classes: Array) -> Array:
        parameters = self.predicting
        values, memories = self._forward(images, None, parameters)
        logits = values[self._last]
        d_logits = np.eye(logits.shape[1], dtype=logits.dtype)[classes]  # 1 at the class that is asked about
        d_images, _ = self._backward(d_logits, memories, parameters)
        return d_images

    def _forward(
        self, images: Array, masks: Masks | None, parameters: Parameters
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Every layer's output, when training with these masks, or when predicting; and its memory."""
        values, memories = {IMAGE: self._cast(images)}, {}
        for placed in self.network:
            inputs = reduce(np.add, [values[source] for source in placed.inputs])  # a residual block adds two
            outputs, memory = forward(placed, own_of(placed, parameters), inputs, masks)
            values[placed.name], memories[placed.name] = outputs, memory
        return values, memories

    def _backward(self, d_last: Array, memories: dict[str, Any], parameters: Parameters) -> tuple[Array, Parameters]:
        """The gradients by the images, and by every trainable parameter, from that by the last layer's output.

        The layers in reverse, each handing on what its inputs receive; a value receives from all that it is given to.
        """
        gradients: Parameters = {}
        d_values = {self._last: d_last}
        for placed in reversed(list(self.network)):
            name = placed.name
            d_inputs, own = backward(placed, own_of(placed, parameters), d_values.pop(name), memories[name])
            for source in placed.inputs:  # each number of a sum receives all that the sum does
                d_values[source] = d_values[source] + d_inputs if source in d_values else d_inputs
            if placed.layer.trainable:
                gradients |= {f"{name}/{short}": gradient for short, gradient in own.items()}
        return d_values[IMAGE], gradients

    def _update(self, optimizer: Optimizer, gradients: Parameters, learning_rate: float) -> None:
        self.steps += 1
        scale = optimizer.clipping(gradients.values())
        for name, gradient in gradients.items():
            rule = self.rules[name]
            slots = {slot: self.slots[f"{name}/{slot}"] for slot in rule.optimizer.slots}
            rule.update(self.parameters[name], scale * gradient, slots, learning_rate, self.steps)


def own_of(placed: Placed, parameters: Parameters) -> Parameters:
    """A layer's own parameters by their short names."""
    return {name.removeprefix(f"{placed.name}/"): parameters[name] for name in placed.parameters}


def _copies(arrays: Parameters) -> Parameters:
    return {name: array.copy() for name, array in arrays.items()}
