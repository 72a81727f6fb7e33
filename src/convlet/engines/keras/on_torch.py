"""One step of training on PyTorch, eagerly. The Keras variables themselves hold the values."""

from typing import Any

import keras
import torch
from numpy.typing import NDArray

from convlet.engines.keras.model import Feed, Models, Tensor, Values, count_correct, mean_loss, sum_of_logits
from convlet.engines.keras.optimizer import Learning, averages_of

Array = NDArray[Any]


class TorchRunner:
    """See `convlet.engines.keras.program.Runner`."""

    def __init__(self, models: Models, learning: Learning | None) -> None:
        self.models, self.learning = models, learning

    def check_batch_size(self, batch_size: int) -> None:
        """Nothing to do: one device takes any batch."""

    def predict(self, images: Array) -> Array:
        return self.activations(images)[-1]

    def activations(self, images: Array) -> list[Array]:
        with torch.no_grad():
            return [self.to_numpy(outputs) for outputs in self._outputs(_to_device(images))]

    def _outputs(self, images: Tensor) -> list[Tensor]:
        return self.models.predict(averages_of(self.learning), images)

    def input_gradients(self, images: Array, classes: Array) -> Array:
        inputs = _to_device(images).requires_grad_()
        total = sum_of_logits(self._outputs(inputs)[-1], _to_device(classes))
        return self.to_numpy(torch.autograd.grad(total, inputs)[0])

    def gradients(self, feed: Feed) -> tuple[float, list[Array]]:
        loss, _, _, gradients = self._differentiate(_on_device(feed))
        return float(loss), [self.to_numpy(gradient) for gradient in gradients]

    def step(self, feed: Feed, rates: Array) -> tuple[float, int]:
        feed = _on_device(feed)
        loss, logits, measured, gradients = self._differentiate(feed)
        if torch.isfinite(loss):
            self._update(gradients, measured, _to_device(rates))
        return float(loss), int(count_correct(logits, feed.labels))

    def to_numpy(self, tensor: Tensor) -> Array:
        return tensor.detach().cpu().numpy()

    def publish(self) -> None:
        """Nothing to do: the Keras variables hold the values."""

    def adopt(self) -> None:
        """Nothing to do: the Keras variables hold the values."""

    def _update(self, gradients: list[Tensor], measured: Values, rates: Tensor) -> None:
        """One step of the optimizer."""
        assert self.learning is not None
        with torch.no_grad():
            self.learning.apply(self.models, gradients, measured, rates)

    def _differentiate(self, feed: Feed) -> tuple[Tensor, Tensor, Values, list[Tensor]]:
        """The loss, the logits, the measured values, and the gradient by each variable that is learnt."""
        logits, measured = self.models.train({}, feed)
        loss = mean_loss(logits, feed)
        learnt = [variable.value for variable in self.models.learnt.values()]
        return loss.detach(), logits.detach(), measured, list(torch.autograd.grad(loss, learnt))


def _to_device(array: Array) -> Tensor:
    return keras.ops.convert_to_tensor(array)


def _on_device(feed: Feed) -> Feed:
    images, labels, weights, targets = (_to_device(array) for array in feed[:4])
    return Feed(images, labels, weights, targets, [_to_device(mask) for mask in feed.masks])
