"""What Keras lacks: dropout by a given mask, averages without padding, pools of any padding, exact statistics."""

from typing import Any

import keras
import numpy as np

from convlet.descriptions.window import Window

Tensor = Any  # the backend's


class MaskedDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout by a mask that is given, so that every engine drops the same values.

    Inputs: values (N, …) and which of them to keep, bool (N, …). Those kept are divided by 1 − rate.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, inputs: list[Tensor]) -> Tensor:
        values, keep = inputs
        return values * keras.ops.cast(keep, values.dtype) / (1 - self.rate)


class PaddedAveragePooling2D(keras.layers.Layer):  # type: ignore[misc]
    """The mean of each window, padded pixels not counted: images (N, H, W, C) → (N, OH, OW, C).

    For PyTorch, where Keras pads unevenly by repeating the edge, and then counts the repeated pixels.
    """

    def __init__(self, window: Window, **options: Any) -> None:
        super().__init__(**options)
        self.window = window

    def call(self, images: Tensor) -> Tensor:
        inside = keras.ops.ones_like(images[:1, :, :, :1])
        return self._pool(images) / self._pool(inside)

    def _pool(self, images: Tensor) -> Tensor:
        """The mean of each window, padding counted as zeros."""
        padded = keras.ops.pad(images, ((0, 0), *self.window.padding, (0, 0)))
        return keras.ops.average_pool(
            padded, self.window.size, self.window.strides, "valid", data_format="channels_last"
        )


class PaddedMaxPooling2D(keras.layers.Layer):  # type: ignore[misc]
    """The largest of each window; padding of any width, which never wins: images (N, H, W, C) → (N, OH, OW, C)."""

    def __init__(self, window: Window, **options: Any) -> None:
        super().__init__(**options)
        self.window = window

    def call(self, images: Tensor) -> Tensor:
        lowest = float(np.finfo(self.compute_dtype).min)
        padded = keras.ops.pad(images, ((0, 0), *self.window.padding, (0, 0)), constant_values=lowest)
        return keras.ops.max_pool(padded, self.window.size, self.window.strides, "valid", data_format="channels_last")


class StagedNormalization(keras.layers.Layer):  # type: ignore[misc]
    """What a Keras BatchNormalization does when training, with that layer's variables, and means taken axis by axis.

    Its own add up tens of thousands of float32 one by one, and what they lose comes back a thousand times as large in
    the gradients of layers behind each other.
    """

    def __init__(self, plain: keras.layers.BatchNormalization, **options: Any) -> None:
        super().__init__(**options)
        self.plain = plain

    def call(self, inputs: Tensor) -> Tensor:
        plain = self.plain
        mean = _mean(inputs)
        variance = _mean(keras.ops.square(inputs - mean))
        for moving, now in ((plain.moving_mean, mean), (plain.moving_variance, variance)):
            moving.assign(moving * plain.momentum + now * (1 - plain.momentum))
        learnt = {"offset": plain.beta, "scale": plain.gamma}
        return keras.ops.batch_normalization(inputs, mean, variance, axis=-1, epsilon=plain.epsilon, **learnt)


def _mean(values: Tensor) -> Tensor:
    """Of each channel, over all other axes, one after another: (N, …, C) → (C,)."""
    while len(values.shape) > 1:
        values = keras.ops.mean(values, axis=-2)
    return values
