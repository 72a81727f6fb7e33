"""The engine's side of the door (`convlet.engines`), in backend-neutral words; a runner knows its backend's."""

import math
from importlib import import_module
from typing import Any, Protocol, cast

import keras
import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.layers import Dropout
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import RAW, Optimizer
from convlet.engines import Batch, Preparing, State
from convlet.engines.checks import check_batch, check_images, check_labels, check_optimizer, check_rate
from convlet.engines.keras.model import Feed, Tensor, build
from convlet.engines.keras.optimizer import Learning
from convlet.errors import EngineError

Array = NDArray[Any]
CHUNK = 500  # images at a time when predicting: every layer's output is in memory at once
RUNNERS = {
    "tensorflow": ("convlet.engines.keras.on_tensorflow", "TensorFlowRunner"),
    "jax": ("convlet.engines.keras.on_jax", "JaxRunner"),
    "torch": ("convlet.engines.keras.on_torch", "TorchRunner"),
}


class Runner(Protocol):
    """What a backend does with the models, in NumPy arrays of the models' own float type.

    It may keep the values anywhere. `publish` brings the Keras variables up to date with them; `adopt` starts again
    from the variables.
    """

    def check_batch_size(self, batch_size: int) -> None: ...

    def predict(self, images: Array) -> Array: ...

    def activations(self, images: Array) -> list[Array]: ...

    def input_gradients(self, images: Array, classes: Array) -> Array: ...

    def gradients(self, feed: Feed) -> tuple[float, list[Array]]: ...

    def step(self, feed: Feed, rates: Array) -> tuple[float, int]: ...

    def to_numpy(self, tensor: Tensor) -> Array: ...

    def publish(self) -> None: ...

    def adopt(self) -> None: ...


class KerasProgram:
    """A network that predicts and trains with Keras; see `convlet.engines.Program`."""

    def __init__(self, network: Sequential, parameters: Parameters, optimizer: Optimizer | None) -> None:
        network.check_parameters(parameters)
        self.network, self.optimizer = network, optimizer
        self.dtype = next((str(array.dtype) for array in parameters.values()), "float32")
        _check_float64(self.dtype, keras.config.backend())
        self.models = build(network, self.dtype)
        self._learning = Learning(optimizer, network, self.models) if optimizer else None
        module, name = RUNNERS[keras.config.backend()]
        self._runner = cast(Runner, getattr(import_module(module), name)(self.models, self._learning))
        self.restore(State(parameters))

    @property
    def model(self) -> keras.Model:
        """The network as a plain Keras model, images → logits, with the weights of this moment: yours to go on with."""
        if self._averages:
            return KerasProgram(self.network, self.state().parameters, None).model
        self._runner.publish()
        return self.models.predicting

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Trace and compile the step by taking one on blank images, and undo it.

        Raises InputError for a batch that the run's devices cannot share evenly, or a network that does not classify.
        """
        self._runner.check_batch_size(batch_size)
        if progress is not None:
            progress(0, 1, "the step")
        before = self.state()
        blank = np.zeros((batch_size, *self.network.input_shape), self.dtype)
        masks = self.network.dropout_masks(batch_size, seed=0, step=0)
        self.step(Batch(blank, np.zeros(batch_size, np.int32), masks), learning_rate=0.0)
        self.restore(before)

    def predict(self, images: Array) -> Array:
        return np.concatenate([self._runner.predict(chunk) for chunk in self._chunks(images)])[: len(images)]

    def activations(self, images: Array) -> dict[str, Array]:
        chunks = [self._runner.activations(chunk) for chunk in self._chunks(images)]
        names = [placed.name for placed in self.network]
        together = (np.concatenate(outputs)[: len(images)] for outputs in zip(*chunks, strict=True))
        return dict(zip(names, together, strict=True))

    def input_gradients(self, images: Array, classes: Array) -> Array:
        images, classes = np.asarray(images), np.asarray(classes)
        check_images(self.network, images)
        check_labels("classes", classes, len(images), self.network.check_classifier())
        gradients = np.empty(images.shape, self.dtype)
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            chunk = np.asarray(images[part], self.dtype), np.asarray(classes[part], np.int32)
            gradients[part] = self._runner.input_gradients(*chunk)
        return gradients

    def gradients(self, batch: Batch) -> tuple[float, Parameters]:
        loss, gradients = self._runner.gradients(self._feed(batch))
        return loss, dict(zip(self.models.learnt, gradients, strict=True))

    def step(self, batch: Batch, learning_rate: float) -> tuple[float, int]:
        check_optimizer(self.optimizer)
        check_rate(learning_rate)
        assert self._learning is not None
        rates = self._learning.rates(learning_rate, self._steps + 1).astype(self.dtype)
        loss, correct = self._runner.step(self._feed(batch), rates)
        self._steps += math.isfinite(loss)
        return loss, correct

    def state(self) -> State:
        self._runner.publish()
        raw = {f"{name}/{RAW}": self.models.variables[name] for name in self._averages}
        return State(self._arrays(self._predicting), self._arrays(self._slots | raw), self._steps)

    def restore(self, state: State) -> None:
        self.network.check_parameters(state.parameters)
        for name, variable in self._predicting.items():
            variable.assign(state.parameters[name])
        for name in self._averages:
            self.models.variables[name].assign(state.slots.get(f"{name}/{RAW}", state.parameters[name]))
        for name, variable in self._slots.items():
            variable.assign(state.slots.get(name, np.zeros(variable.shape, self.dtype)))
        self._steps = state.step
        self._runner.adopt()

    @property
    def _slots(self) -> dict[str, keras.Variable]:
        return self._learning.slots if self._learning else {}

    @property
    def _averages(self) -> dict[str, keras.Variable]:
        return self._learning.averages if self._learning else {}

    @property
    def _predicting(self) -> dict[str, keras.Variable]:
        """The variables that it predicts with, in the network's order."""
        return {name: (self.models.variables | self._averages)[name] for name in self.network.parameters}

    def _chunks(self, images: Array) -> list[Array]:
        """The images in the parameters' float type, a few hundred at a time; a blank one where there are none.

        (Where TensorFlow computes with oneDNN, it fails on batches without images.)
        """
        images = np.asarray(images)
        check_images(self.network, images)
        images = images.astype(self.dtype, copy=False)
        if not len(images):
            images = np.zeros((1, *self.network.input_shape), self.dtype)
        return [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]

    def _feed(self, batch: Batch) -> Feed:
        check_batch(self.network, batch)
        weights = np.ones(len(batch)) if batch.weights is None else batch.weights
        (classes,) = self.network.output_shape
        targets = np.eye(classes)[batch.labels] if batch.targets is None else batch.targets
        kept = [batch.masks[placed.name] for placed in self.network if isinstance(placed.layer, Dropout)]
        images, weights, targets = (each.astype(self.dtype, copy=False) for each in (batch.images, weights, targets))
        return Feed(images, batch.labels.astype(np.int32, copy=False), weights, targets, kept)

    def _arrays(self, variables: dict[str, keras.Variable]) -> Parameters:
        """Copies of what the variables hold."""
        return {name: np.array(self._runner.to_numpy(variable.value)) for name, variable in variables.items()}


def _check_float64(dtype: str, backend: str) -> None:
    """Keras promotes types its own way: but on TensorFlow, float64 meets float64 and becomes float32."""
    if dtype == "float64" and backend != "tensorflow":
        raise EngineError(
            f"parameters: dtype float64, but Keras computes in float32 on {backend}. "
            "Give float32 parameters, or choose the backend 'tensorflow'."
        )
