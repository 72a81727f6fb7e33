"""Pooling: each section becomes one number a channel, its largest or its mean."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.window import Window
from convlet.engines.numpy.sections import add_sections, cut_sections, pad

Array = NDArray[Any]


def max_pooling(images: Array, window: Window) -> tuple[Array, Array]:
    """The largest of each section: images (N, H, W, C) → (N, OH, OW, C). Padding is −infinity, so it never wins.

    Also returns which pixel of its section won, (N, OH, OW, 1, C): the first in reading order, of equal ones.
    """
    sections = cut_sections(pad(images, window, -np.inf), window)  # (N, OH, OW, KH, KW, C)
    pixels = math.prod(window.size)
    candidates = sections.reshape(*sections.shape[:3], pixels, images.shape[-1])  # (N, OH, OW, KH*KW, C)
    winners = candidates.argmax(axis=3, keepdims=True)
    return np.take_along_axis(candidates, winners, axis=3)[:, :, :, 0], winners


def max_pooling_backward(d_outputs: Array, winners: Array, image_shape: tuple[int, ...], window: Window) -> Array:
    """d_images (N, H, W, C): the winner receives the whole gradient, the others nothing."""
    (count, oh, ow, channels), (rows, columns) = d_outputs.shape, window.size
    d_candidates = np.zeros((count, oh, ow, rows * columns, channels), d_outputs.dtype)
    np.put_along_axis(d_candidates, winners, d_outputs[:, :, :, None], axis=3)
    return add_sections(d_candidates.reshape(count, oh, ow, rows, columns, channels), image_shape, window)


def average_pooling(images: Array, window: Window) -> Array:
    """The mean of each section: images (N, H, W, C) → (N, OH, OW, C). Padded pixels do not count."""
    return cut_sections(pad(images, window), window).sum(axis=(3, 4)) / _pixels(images.shape, window, images.dtype)


def average_pooling_backward(d_outputs: Array, image_shape: tuple[int, ...], window: Window) -> Array:
    """d_images (N, H, W, C): each pixel of a section receives an equal share."""
    d_means = (d_outputs / _pixels(image_shape, window, d_outputs.dtype))[:, :, :, None, None]  # (N, OH, OW, 1, 1, C)
    (count, oh, ow, channels) = d_outputs.shape
    return add_sections(np.broadcast_to(d_means, (count, oh, ow, *window.size, channels)), image_shape, window)


def _pixels(image_shape: tuple[int, ...], window: Window, dtype: Any) -> Array:
    """How many pixels of each section are the image's own: (1, OH, OW, 1)."""
    ones = np.ones((1, *image_shape[1:3], 1), dtype)
    return cut_sections(pad(ones, window), window).sum(axis=(3, 4))


def global_average_pooling(images: Array) -> Array:
    """The mean of each channel: images (N, H, W, C) → (N, C)."""
    return images.mean(axis=(1, 2))


def global_average_pooling_backward(d_outputs: Array, image_shape: tuple[int, ...]) -> Array:
    """d_images (N, H, W, C): every pixel receives an equal share."""
    return np.broadcast_to(d_outputs[:, None, None] / math.prod(image_shape[1:3]), image_shape)
