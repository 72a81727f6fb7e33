"""TensorFlow without Keras: one `tf.function` of plain operations, its optimizer the fused kernel, once a variable."""

import math
import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from convlet.benchmarks.peers.peer import Array, Job, Peer, check_plain, unknown
from convlet.benchmarks.peers.tensorflow_threads import limit
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

ACTIVATIONS = {"relu": tf.nn.relu, "tanh": tf.nn.tanh, "sigmoid": tf.nn.sigmoid}


class TensorFlowStep(Peer):
    """Forward, backward and optimizer in one graph, channels last."""

    keeps_averages = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        limit(job.threads)
        tf.random.set_seed(job.seed)
        self.version = f"tensorflow {tf.__version__}"
        self.optimizer = check_plain(job.optimizer)
        self.variables = {name: tf.Variable(array) for name, array in job.parameters.items()}
        self.slots = {name: [tf.Variable(tf.zeros_like(v)) for _ in range(2)] for name, v in self.variables.items()}
        self.powers = [tf.Variable(1.0), tf.Variable(1.0)]  # β₁ᵗ, β₂ᵗ
        images, labels = tf.TensorSpec([job.batch_size, *job.network.input_shape]), tf.TensorSpec([None], tf.int32)
        self._step = tf.function(self._train, input_signature=[images, labels, tf.TensorSpec([])])
        self._predict = tf.function(lambda images: self._logits(images, training=False), input_signature=[images])

    def hold(self, images: Array, labels: Array) -> Any:
        return tf.constant(images), tf.constant(labels, tf.int32)

    def step(self, batch: Any) -> Any:
        return self._step(*batch, self.rate)

    def predict(self, batch: Any) -> Any:
        return self._predict(batch[0])

    def validated(self, images: Array) -> Array:
        whole = np.resize(images, (self.job.batch_size, *images.shape[1:]))  # the graph is for a whole batch
        return super().validated(whole)[: len(images)]

    def _logits(self, values: Any, training: bool) -> Any:
        for placed in self.job.network:
            values = self._forward(placed, values, training)
        return values

    def _forward(self, placed: Placed, values: Any, training: bool) -> Any:
        match placed.layer:
            case Conv2D() as it if it.activation in (None, *ACTIVATIONS) and isinstance(it.padding, str):
                window = it.window(placed.input_shape)
                kernel = self.variables[f"{placed.name}/kernel"]
                return self._finish(placed, tf.nn.conv2d(values, kernel, window.strides, it.padding.upper()))
            case Dense() as it if it.activation in (None, *ACTIVATIONS):
                return self._finish(placed, tf.matmul(values, self.variables[f"{placed.name}/kernel"]))
            case MaxPooling2D() as it if isinstance(it.padding, str):
                window = it.window(placed.input_shape)
                return tf.nn.max_pool2d(values, window.size, window.strides, it.padding.upper())
            case BatchNormalization(scale=True, center=True) as it if len(placed.input_shape) == 3:
                return self._normalized(placed.name, it.epsilon, values, training)
            case GlobalAveragePooling2D():
                return tf.reduce_mean(values, [1, 2])
            case Flatten():
                return tf.reshape(values, [-1, math.prod(placed.input_shape)])
            case Dropout() as it:
                return tf.nn.dropout(values, it.rate) if training else values
            case Activation() as it if it.activation in ACTIVATIONS:
                return ACTIVATIONS[it.activation](values)
        raise unknown(placed.layer)

    def _normalized(self, name: str, epsilon: float, values: Any, training: bool) -> Any:
        """By the batch's statistics in training; the moving averages, which no step needs, are not kept."""
        gamma, beta, mean, variance = (
            self.variables[f"{name}/{each}"] for each in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        if training:
            return tf.compat.v1.nn.fused_batch_norm(values, gamma, beta, epsilon=epsilon)[0]
        return tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)

    def _finish(self, placed: Placed, values: Any) -> Any:
        """Bias and activation."""
        bias, activation = self.variables.get(f"{placed.name}/bias"), getattr(placed.layer, "activation", None)
        values = values if bias is None else tf.nn.bias_add(values, bias)
        return ACTIVATIONS[activation](values) if activation else values

    def _train(self, images: Any, labels: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self._logits(images, training=True)
            loss = tf.reduce_mean(self._losses(logits, labels))
        gradients = tape.gradient(loss, self.variables)
        if isinstance(self.optimizer, Adam):
            self.powers[0].assign(self.powers[0] * self.optimizer.beta_1)
            self.powers[1].assign(self.powers[1] * self.optimizer.beta_2)
        for name, gradient in gradients.items():
            if gradient is not None:  # moving averages have none
                self._update(name, gradient, rate)
        return loss

    def _losses(self, logits: Any, labels: Any) -> Any:
        if not (share := self.job.label_smoothing):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        classes = self.job.network.output_shape[0]
        targets = tf.one_hot(labels, classes) * (1 - share) + share / classes
        return tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits)

    def _update(self, name: str, gradient: Any, rate: Any) -> None:
        variable = self.variables[name]
        if not isinstance(self.optimizer, Adam):
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
            return
        m, v = self.slots[name]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=self.powers[0],
            beta2_power=self.powers[1],
            lr=rate,
            beta1=self.optimizer.beta_1,
            beta2=self.optimizer.beta_2,
            epsilon=self.optimizer.epsilon,
            grad=gradient,
        )
