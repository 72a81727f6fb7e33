"""A convolution that shares nothing: every position has kernels of its own. For `structure.py`, to compare with.

Layer for layer it is the reference engine (`convlet.engines.numpy`), but for one letter: the weights are (P, S, F), a
set for each of P positions, where a convolution has one set (S, F) for all. S is the size of a section, F the filters.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convlet as cl
from convlet.descriptions.network import Parameters, Placed
from convlet.descriptions.optimizers import Optimizer
from convlet.engines import Batch, Masks, State
from convlet.engines.numpy.activations import relu, relu_backward
from convlet.engines.numpy.layer import backward, forward
from convlet.engines.numpy.sections import add_sections, cut_sections
from convlet.losses import softmax_cross_entropy

Array = NDArray[Any]
Memory = Any
CHUNK = 100  # images at a time when predicting: their sections should fit in the processor's cache


def initial_parameters(network: cl.Sequential, seed: int) -> Parameters:
    """The network's, but that each position of a convolution draws kernels of its own (He et al., as HeNormal)."""
    parameters, random = network.initial_parameters(seed), np.random.default_rng(seed)
    for placed in network:
        if isinstance(placed.layer, cl.Conv2D):
            *section, filters = parameters[f"{placed.name}/kernel"].shape
            positions, size = prod(placed.output_shape[:2]), prod(section)
            weights = random.normal(0, np.sqrt(2 / size), (positions, size, filters))
            parameters[f"{placed.name}/kernel"] = weights.astype(np.float32)
            parameters[f"{placed.name}/bias"] = np.zeros((positions, 1, filters), np.float32)
    return parameters


def local(placed: Placed, weights: Parameters, images: Array) -> tuple[Array, Memory]:
    """images (N, H, W, C), kernel (P, S, F), bias (P, 1, F) → outputs (N, OH, OW, F), and what backward needs."""
    kernel, window = weights["kernel"], placed.layer.window(placed.input_shape)
    sections = cut_sections(images, window).reshape(len(images), *kernel.shape[:2]).transpose(1, 0, 2)  # (P, N, S)
    outputs = relu(sections @ kernel + weights["bias"])  # (P, N, F): P small linear layers, side by side
    return outputs.transpose(1, 0, 2).reshape(len(images), *placed.output_shape), (sections, outputs)


def local_backward(placed: Placed, weights: Parameters, d_outputs: Array, memory: Memory) -> tuple[Array, Parameters]:
    """d_images (N, H, W, C), and the gradients of kernel and bias, from d_outputs (N, OH, OW, F)."""
    (sections, outputs), kernel, count = memory, weights["kernel"], len(d_outputs)
    d_sums = relu_backward(d_outputs.reshape(count, len(kernel), -1).transpose(1, 0, 2), outputs)  # (P, N, F)
    d_kernel, d_bias = sections.transpose(0, 2, 1) @ d_sums, d_sums.sum(axis=1, keepdims=True)
    d_sections = (d_sums @ kernel.transpose(0, 2, 1)).transpose(1, 0, 2)  # (N, P, S)
    window = placed.layer.window(placed.input_shape)
    d_sections = d_sections.reshape(count, *window.positions, *window.size, placed.input_shape[2])
    return add_sections(d_sections, (count, *placed.input_shape), window), {"kernel": d_kernel, "bias": d_bias}


class UnsharedProgram:
    """A network whose convolutions share nothing. It answers what a training loop asks of an engine's program."""

    def __init__(self, network: cl.Sequential, parameters: Parameters, optimizer: Optimizer) -> None:
        self.network, self.optimizer, self.steps = network, optimizer, 0
        self.restore(State(parameters))
        self.slots = {name: {s: np.zeros_like(a) for s in optimizer.slots} for name, a in parameters.items()}

    def predict(self, images: Array) -> Array:
        parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
        return np.concatenate([self._forward(part, None)[0] for part in parts])

    def gradients(self, batch: Batch) -> tuple[float, Parameters]:
        return self._gradients(batch)[:2]

    def step(self, batch: Batch, rate: float) -> tuple[float, int]:
        loss, gradients, correct = self._gradients(batch)
        self.steps += 1
        for name, gradient in gradients.items():
            self.optimizer.update(self.parameters[name], gradient, self.slots[name], rate, self.steps)
        return loss, correct

    def state(self) -> State:
        return State({name: array.copy() for name, array in self.parameters.items()})

    def restore(self, state: State) -> None:
        self.parameters = {name: array.copy() for name, array in state.parameters.items()}

    def _weights(self, placed: Placed) -> Parameters:
        return {name.removeprefix(f"{placed.name}/"): self.parameters[name] for name in placed.parameters}

    def _forward(self, values: Array, masks: Masks | None) -> tuple[Array, list[Memory]]:
        memories = []
        for placed in self.network:
            weights = self._weights(placed)
            is_local = isinstance(placed.layer, cl.Conv2D)
            values, memory = local(placed, weights, values) if is_local else forward(placed, weights, values, masks)
            memories.append(memory)
        return values, memories

    def _gradients(self, batch: Batch) -> tuple[float, Parameters, int]:
        logits, memories = self._forward(batch.images, batch.masks)
        loss, d_values = softmax_cross_entropy(logits, batch.labels)
        gradients: Parameters = {}
        for placed, memory in zip(reversed(list(self.network)), reversed(memories), strict=True):
            back = local_backward if isinstance(placed.layer, cl.Conv2D) else backward
            d_values, own = back(placed, self._weights(placed), d_values, memory)
            gradients |= {f"{placed.name}/{name}": gradient for name, gradient in own.items()}
        return loss, gradients, int((logits.argmax(axis=1) == batch.labels).sum())
