"""One step of training on JAX: a pure function from values to values, compiled once for each batch size.

The values live on the device from step to step, here and not in the Keras variables, which `publish` brings up to
date. On several devices every one holds all values and its share of the batch, and XLA adds up the gradients.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from convlet.engines.keras.model import Feed, Models, Tensor, Values, count_correct, mean_loss, sum_of_logits
from convlet.engines.keras.optimizer import Learning
from convlet.engines.keras.sharding import Devices

Array = NDArray[Any]
Held = tuple[Values, Values, Values, Values]  # learnt, measured, the optimizer's slots, and averages


class JaxRunner:
    """See `convlet.engines.keras.program.Runner`."""

    held: Held

    def __init__(self, models: Models, learning: Learning | None) -> None:
        self.models, self.learning, self.devices = models, learning, Devices()
        everywhere = self.devices.everywhere
        # Donated buffers are updated in place. Not where a peer may be lost: then the values before the step are saved.
        donated = () if self.devices.several_processes else (0,)
        self._step = jax.jit(self._train, out_shardings=everywhere, donate_argnums=donated)
        self._gradients = jax.jit(self._differentiate, out_shardings=everywhere)
        self._activations = jax.jit(models.predict)
        self._predict = jax.jit(lambda values, images: models.predict(values, images)[-1])
        self._input_gradients = jax.jit(jax.grad(self._sum_of_logits))
        self.adopt()

    def check_batch_size(self, batch_size: int) -> None:
        self.devices.check_batch_size(batch_size)

    def predict(self, images: Array) -> Array:
        return self.to_numpy(self._predict(self._own_values(), images))

    def activations(self, images: Array) -> list[Array]:
        return [self.to_numpy(outputs) for outputs in self._activations(self._own_values(), images)]

    def input_gradients(self, images: Array, classes: Array) -> Array:
        return self.to_numpy(self._input_gradients(images, classes, self._own_values()))

    def gradients(self, feed: Feed) -> tuple[float, list[Array]]:
        learnt, measured, *_ = self.held
        results = self._gradients(learnt, measured, self.devices.share(feed))
        (loss, _), gradients = self.devices.wait(results)
        return float(loss), [self.to_numpy(gradients[name]) for name in self.models.learnt]

    def step(self, feed: Feed, rates: Array) -> tuple[float, int]:
        results = self._step(self.held, self.devices.share(feed), rates)
        self.held, loss, correct = self.devices.wait(results)
        return float(loss), int(correct)

    def to_numpy(self, tensor: Tensor) -> Array:
        return np.array(tensor)

    def publish(self) -> None:
        # Copies, since the next step may write over what it was given; made on the host, since a device may be stuck
        # in a step that another process never finishes.
        held = jax.tree.map(np.array, self.devices.own(self.held))
        for variables, values in zip(self._variables(), held, strict=True):
            for name, variable in variables.items():
                variable.assign(values[name])

    def adopt(self) -> None:
        values = tuple({name: v.value for name, v in variables.items()} for variables in self._variables())
        self.held = self.devices.give_all(values)

    def _variables(self) -> tuple[dict[str, keras.Variable], ...]:
        """The variables of all that is held."""
        own = (self.learning.slots, self.learning.averages) if self.learning else ({}, {})
        return self.models.learnt, self.models.measured, *own

    def _own_values(self) -> Values:
        learnt, measured, _, averages = self.devices.own(self.held)
        return learnt | measured | averages

    def _sum_of_logits(self, images: Tensor, classes: Tensor, values: Values) -> Tensor:
        return sum_of_logits(self.models.predict(values, images)[-1], classes)

    def _loss(self, learnt: Values, measured: Values, feed: Feed) -> tuple[Tensor, tuple[Tensor, Values]]:
        logits, measured = self.models.train(learnt | measured, feed)
        return mean_loss(logits, feed), (logits, measured)

    def _differentiate(self, learnt: Values, measured: Values, feed: Feed) -> tuple[tuple[Tensor, Any], Values]:
        """(the loss, (the logits, the measured values)), and the gradient by each value that is learnt."""
        return jax.value_and_grad(partial(self._loss, measured=measured, feed=feed), has_aux=True)(learnt)

    def _train(self, held: Held, feed: Feed, rates: Tensor) -> tuple[Held, Tensor, Tensor]:
        learnt, measured, _, _ = held
        (loss, (logits, measured_now)), gradients = self._differentiate(learnt, measured, feed)
        held = jax.lax.cond(
            jnp.isfinite(loss), lambda: self._update(held, gradients, rates, measured_now), lambda: held
        )
        return held, loss, count_correct(logits, feed.labels)

    def _update(self, held: Held, gradients: Values, rates: Tensor, measured: Values) -> Held:
        """What is held after one step of the optimizer."""
        assert self.learning is not None
        learnt, before, slots, averages = held
        in_order = {name: gradients[name] for name in self.models.learnt}
        learnt, slots = self.learning.step(learnt, slots, in_order, rates)
        values, averages = self.learning.follow(learnt | before | measured, averages, rates)
        return {n: values[n] for n in learnt}, {n: values[n] for n in before}, slots, averages
