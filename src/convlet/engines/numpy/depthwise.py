"""The depthwise convolution: the sections of each channel, times a kernel of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.descriptions.window import Window
from convlet.engines.numpy.sections import add_sections, cut_sections, pad

Array = NDArray[Any]


def depthwise(images: Array, kernels: Array, window: Window) -> tuple[Array, Array]:
    """Each channel's kernel at every position: images (N, H, W, C), kernels (KH, KW, C, 1) → (N, OH, OW, C).

    Also returns the sections (N, OH, OW, KH, KW, C), which the backward pass needs again.
    """
    sections = cut_sections(pad(images, window), window)
    return np.einsum("nhwijc,ijc->nhwc", sections, kernels[..., 0]), sections


def depthwise_backward(
    d_outputs: Array, sections: Array, kernels: Array, image_shape: tuple[int, ...], window: Window
) -> tuple[Array, Array]:
    """d_images (N, H, W, C) and d_kernels (KH, KW, C, 1), from d_outputs (N, OH, OW, C)."""
    d_kernels = np.einsum("nhwijc,nhwc->ijc", sections, d_outputs)[..., None]
    d_sections = d_outputs[:, :, :, None, None] * kernels[..., 0]  # (N, OH, OW, KH, KW, C)
    return add_sections(d_sections, image_shape, window), d_kernels
