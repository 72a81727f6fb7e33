"""JAX as its users do it: one pure function from weights to weights, in one jit, its buffers donated."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convlet.benchmarks.peers.peer import Array, Job, Peer, check_plain, unknown
from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlet.descriptions.network import Placed
from convlet.descriptions.optimizers import Adam

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
Values = dict[str, Any]


class JaxStep(Peer):
    """Forward, backward, optimizer and the drawing of dropout in one compiled function. Denormals XLA flushes."""

    keeps_averages = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.version = f"jax {jax.__version__}"
        self.optimizer = check_plain(job.optimizer)
        weights = {name: jnp.array(array) for name, array in job.parameters.items()}
        m, v = ({name: jnp.zeros_like(value) for name, value in weights.items()} for _ in range(2))
        self.held = (weights, m, v, jnp.zeros((), jnp.int32))
        self._step = jax.jit(self._train, donate_argnums=0)
        self._predict = jax.jit(lambda weights, images: self._logits(weights, images, key=None))

    def hold(self, images: Array, labels: Array) -> Any:
        return jax.device_put(images), jax.device_put(labels.astype(np.int32))

    def step(self, batch: Any) -> Any:
        self.held, loss = self._step(self.held, *batch, self.rate)
        return loss

    def predict(self, batch: Any) -> Any:
        return self._predict(self.held[0], batch[0])

    def number(self, loss: Any) -> float:
        jax.block_until_ready(self.held)
        return float(loss)

    def _logits(self, weights: Values, values: Any, key: Any) -> Any:
        for i, placed in enumerate(self.job.network):
            values = _forward(placed, weights, values, None if key is None else jax.random.fold_in(key, i))
        return values

    def _loss(self, weights: Values, images: Any, labels: Any, key: Any) -> Any:
        logits = self._logits(weights, images, key)
        logs, share = jax.nn.log_softmax(logits), self.job.label_smoothing
        chosen = jnp.take_along_axis(logs, labels[:, None], axis=1)
        return -(1 - share) * chosen.mean() - share * logs.mean()

    def _train(self, held: Any, images: Any, labels: Any, rate: Any) -> Any:
        weights, m, v, step = held
        key = jax.random.fold_in(jax.random.key(self.job.seed), step)
        loss, gradients = jax.value_and_grad(self._loss)(weights, images, labels, key)
        step = step + 1
        if isinstance(self.optimizer, Adam):
            weights, m, v = _adam(self.optimizer, rate, weights, gradients, m, v, step)
        else:
            weights = jax.tree.map(lambda weight, gradient: weight - rate * gradient, weights, gradients)
        return (weights, m, v, step), loss


def _adam(it: Adam, rate: Any, weights: Values, gradients: Values, m: Values, v: Values, step: Any) -> Any:
    """The new weights, m and v."""
    rate = rate * jnp.sqrt(1 - it.beta_2**step) / (1 - it.beta_1**step)
    m = jax.tree.map(lambda old, gradient: old + (1 - it.beta_1) * (gradient - old), m, gradients)
    v = jax.tree.map(lambda old, gradient: old + (1 - it.beta_2) * (gradient * gradient - old), v, gradients)
    moved = jax.tree.map(lambda weight, m, v: weight - rate * m / (jnp.sqrt(v) + it.epsilon), weights, m, v)
    return moved, m, v


def _forward(placed: Placed, weights: Values, values: Any, key: Any) -> Any:
    """One layer; `key` draws its dropout, and without one there is none."""
    match placed.layer:
        case Conv2D() as it if it.activation in (None, *ACTIVATIONS):
            window = it.window(placed.input_shape)
            layout = ("NHWC", "HWIO", "NHWC")
            kernel = weights[f"{placed.name}/kernel"]
            values = lax.conv_general_dilated(values, kernel, window.strides, window.padding, dimension_numbers=layout)
            return _finish(placed, weights, values)
        case Dense() as it if it.activation in (None, *ACTIVATIONS):
            return _finish(placed, weights, values @ weights[f"{placed.name}/kernel"])
        case MaxPooling2D() as it:
            return _largest(values, it.window(placed.input_shape))
        case BatchNormalization(scale=True, center=True) as it:
            return _normalized(placed.name, it.epsilon, weights, values, training=key is not None)
        case GlobalAveragePooling2D():
            return values.mean((1, 2))
        case Flatten():
            return values.reshape(len(values), -1)
        case Dropout() as it:
            if key is None:
                return values
            kept = jax.random.bernoulli(key, 1 - it.rate, values.shape)
            return jnp.where(kept, values / (1 - it.rate), 0)
        case Activation() as it if it.activation in ACTIVATIONS:
            return ACTIVATIONS[it.activation](values)
    raise unknown(placed.layer)


def _normalized(name: str, epsilon: float, weights: Values, values: Any, training: bool) -> Any:
    """By the batch's statistics in training; the moving averages, which no step needs, are not kept."""
    axes = tuple(range(values.ndim - 1))
    mean = values.mean(axes) if training else weights[f"{name}/moving_mean"]
    variance = values.var(axes) if training else weights[f"{name}/moving_variance"]
    normalized = (values - mean) * lax.rsqrt(variance + epsilon)
    return weights[f"{name}/gamma"] * normalized + weights[f"{name}/beta"]


def _largest(values: Any, window: Any) -> Any:
    """Where windows lie side by side, as the maximum of a reshaped array: on CPUs its gradient is the faster one."""
    (rows, columns), (height, width) = window.positions, window.size
    if window.strides == window.size and window.padding == ((0, 0), (0, 0)):
        covered = values[:, : rows * height, : columns * width]
        return covered.reshape(len(values), rows, height, columns, width, -1).max((2, 4))
    sides = ((0, 0), *window.padding, (0, 0))
    pool = partial(lax.reduce_window, init_value=-jnp.inf, computation=lax.max)
    return pool(values, window_dimensions=(1, *window.size, 1), window_strides=(1, *window.strides, 1), padding=sides)


def _finish(placed: Placed, weights: Values, values: Any) -> Any:
    """Bias and activation."""
    bias, activation = weights.get(f"{placed.name}/bias"), getattr(placed.layer, "activation", None)
    values = values if bias is None else values + bias
    return ACTIVATIONS[activation](values) if activation else values
