"""Cutting an image into sections, and adding sections back.

A section is the part of an image that lies under the kernel (or the pool) at one position. The same position is cut
out of the whole batch at once. OH × OW positions make as many sections an image.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from convlet.descriptions.window import Window

Array = NDArray[Any]


def pad(images: Array, window: Window, value: float = 0.0) -> Array:
    """The images (N, H, W, C) with the window's padding around them, filled with `value`."""
    return np.pad(images, ((0, 0), *window.padding, (0, 0)), constant_values=value)


def cut_sections(images: Array, window: Window) -> Array:
    """Every section of padded images: (N, OH, OW, KH, KW, C). A view: nothing is copied."""
    sections = sliding_window_view(images, window.size, axis=(1, 2))  # (N, every row, every column, C, KH, KW)
    strided = sections[:, :: window.strides[0], :: window.strides[1]]  # (N, OH, OW, C, KH, KW)
    return strided.transpose(0, 1, 2, 4, 5, 3)


def add_sections(sections: Array, image_shape: tuple[int, ...], window: Window) -> Array:
    """The reverse of `pad` and `cut_sections`, for gradients: each section is added where it was cut out.

    sections (N, OH, OW, KH, KW, C); image_shape (N, H, W, C), without padding; returns an array of that shape. A
    pixel that lies in several sections receives from each. One pass for each pixel of the kernel: that pixel of all
    sections at once.
    """
    (rows, columns), (sh, sw), (oh, ow) = window.size, window.strides, window.positions
    (top, bottom), (left, right) = window.padding
    count, height, width, channels = image_shape
    images = np.zeros((count, top + height + bottom, left + width + right, channels), sections.dtype)
    for row in range(rows):
        for column in range(columns):
            images[:, row : row + sh * oh : sh, column : column + sw * ow : sw] += sections[:, :, :, row, column]
    return images[:, top : top + height, left : left + width]
