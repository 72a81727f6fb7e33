"""Keras as people write it: `Sequential`, `compile`, `fit`, on TensorFlow, with the settings it has by default."""

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

from convlet.benchmarks.peers.peer import Array, Job, Peer, check_plain, plain_rate, unknown
from convlet.benchmarks.peers.tensorflow_threads import limit
from convlet.descriptions.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from convlet.descriptions.optimizers import Adam

Batch = tuple[Array, Array]


class _Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]  # unknown where Keras is not followed
    """From the first batch's beginning to the last one's end: `fit`'s own preparations are not a step's."""

    began = ended = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.began = self.began or time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ended = time.perf_counter()


class KerasFit(Peer):
    """`model.fit` on arrays in memory, shuffled; where each batch has its rate, and to predict, `…_on_batch`."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        limit(job.threads)
        keras.utils.set_random_seed(job.seed)
        self.version = f"keras {keras.__version__}, tensorflow {tf.__version__}"
        self.model = keras.Sequential([keras.Input(job.network.input_shape), *map(_layer, job.network.layers)])
        names = [name for placed in job.network for name in placed.parameters]
        self.model.set_weights([job.parameters[name] for name in names])
        self.model.compile(optimizer=_optimizer(job), loss=_loss(job))

    def hold(self, images: Array, labels: Array) -> Batch:
        return images, labels

    def step(self, batch: Batch) -> Any:
        self.model.optimizer.learning_rate.assign(self.rate)
        self.model.reset_metrics()
        return self.model.train_on_batch(*batch)

    def predict(self, batch: Batch) -> Any:
        return self.model.predict_on_batch(batch[0])

    def seconds(self, batches: Sequence[Batch], count: int) -> float:
        if self.job.task == "inference":
            return super().seconds(batches, count)
        images, labels = (np.concatenate([batches[i % len(batches)][part] for i in range(count)]) for part in (0, 1))
        watch = _Stopwatch()
        self.model.fit(images, labels, batch_size=self.job.batch_size, verbose=0, callbacks=[watch])
        return watch.ended - watch.began


def _loss(job: Job) -> Any:
    """Cross-entropy, of smoothed labels where they are."""
    if not job.label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=job.label_smoothing)
    classes = job.network.output_shape[0]
    return lambda labels, logits: smoothed(keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), classes), logits)


def _optimizer(job: Job) -> keras.optimizers.Optimizer:
    optimizer, rate = check_plain(job.optimizer), plain_rate(job.optimizer)
    if isinstance(optimizer, Adam):
        return keras.optimizers.Adam(rate, optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)
    return keras.optimizers.SGD(rate)


def _layer(layer: Layer) -> keras.layers.Layer:
    match layer:
        case Conv2D() as it if isinstance(it.padding, str):
            shape = {"strides": it.strides, "padding": it.padding, "use_bias": it.use_bias}
            return keras.layers.Conv2D(it.filters, it.kernel_size, activation=it.activation, **shape)
        case Dense() as it:
            return keras.layers.Dense(it.units, activation=it.activation, use_bias=it.use_bias)
        case MaxPooling2D() as it if isinstance(it.padding, str):
            return keras.layers.MaxPooling2D(it.pool_size, it.strides, it.padding)
        case Flatten():
            return keras.layers.Flatten()
        case Dropout() as it:
            return keras.layers.Dropout(it.rate)
        case Activation() as it:
            return keras.layers.Activation(it.activation)
    raise unknown(layer)
