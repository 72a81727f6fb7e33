"""One step of training on TensorFlow. The Keras variables themselves hold the values; graphs are traced once, for
batches of any size.
"""

from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from convlet.engines.keras.model import Feed, Models, Tensor, Values, count_correct, mean_loss, sum_of_logits
from convlet.engines.keras.optimizer import Learning, averages_of

Array = NDArray[Any]


class TensorFlowRunner:
    """See `convlet.engines.keras.program.Runner`."""

    def __init__(self, models: Models, learning: Learning | None) -> None:
        self.models, self.learning = models, learning
        images, *masks = [tf.TensorSpec(each.shape, each.dtype) for each in models.training.inputs]
        labels, weights = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], images.dtype)
        targets = tf.TensorSpec([None, None], images.dtype)
        feed, rates = Feed(images, labels, weights, targets, masks), tf.TensorSpec([None, 2], images.dtype)
        self._predict = tf.function(lambda images: self._outputs(images)[-1], input_signature=[images])
        self._activations = tf.function(self._outputs, input_signature=[images])
        self._input_gradients = tf.function(self._logits_by_images, input_signature=[images, labels])
        self._gradients = tf.function(self._loss_and_gradients, input_signature=[feed])
        self._step = tf.function(self._train, input_signature=[feed, rates])

    def check_batch_size(self, batch_size: int) -> None:
        """Nothing to do: one device takes any batch."""

    def predict(self, images: Array) -> Array:
        return self.to_numpy(self._predict(images))

    def activations(self, images: Array) -> list[Array]:
        return [self.to_numpy(outputs) for outputs in self._activations(images)]

    def input_gradients(self, images: Array, classes: Array) -> Array:
        return self.to_numpy(self._input_gradients(images, classes))

    def gradients(self, feed: Feed) -> tuple[float, list[Array]]:
        loss, gradients = self._gradients(feed)
        return float(loss), [self.to_numpy(gradient) for gradient in gradients]

    def step(self, feed: Feed, rates: Array) -> tuple[float, int]:
        loss, correct = self._step(feed, rates)
        return float(loss), int(correct)

    def to_numpy(self, tensor: Tensor) -> Array:
        return tensor.numpy()

    def publish(self) -> None:
        """Nothing to do: the Keras variables hold the values."""

    def adopt(self) -> None:
        """Nothing to do: the Keras variables hold the values."""

    def _outputs(self, images: Tensor) -> list[Tensor]:
        return self.models.predict(averages_of(self.learning), images)

    def _logits_by_images(self, images: Tensor, classes: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = sum_of_logits(self._outputs(images)[-1], classes)
        return tape.gradient(total, images, unconnected_gradients="zero")

    def _differentiate(self, feed: Feed) -> tuple[Tensor, Tensor, Values, list[Tensor]]:
        """The loss, the logits, the measured values, and the gradient by each variable that is learnt."""
        with tf.GradientTape() as tape:
            logits, measured = self.models.train({}, feed)
            loss = mean_loss(logits, feed)
        learnt = [variable.value for variable in self.models.learnt.values()]
        return loss, logits, measured, tape.gradient(loss, learnt)

    def _loss_and_gradients(self, feed: Feed) -> tuple[Tensor, list[Tensor]]:
        loss, _, _, gradients = self._differentiate(feed)
        return loss, gradients

    def _train(self, feed: Feed, rates: Tensor) -> tuple[Tensor, Tensor]:
        loss, logits, measured, gradients = self._differentiate(feed)
        if tf.math.is_finite(loss):
            self._update(gradients, measured, rates)
        return loss, count_correct(logits, feed.labels)

    def _update(self, gradients: list[Tensor], measured: Values, rates: Tensor) -> None:
        """One step of the optimizer."""
        assert self.learning is not None
        self.learning.apply(self.models, gradients, measured, rates)
