"""The convolutional layer, the tutorial's way: pretend that each section is a small image of its own.

Eight images of 100 sections each are 800 small images. Laid flat, one a row, they go through one linear layer, whose
F outputs are the F kernels; and that is one matrix product.
"""

from typing import Any

from numpy.typing import NDArray

from convlet.descriptions.window import Window
from convlet.engines.numpy.sections import add_sections, cut_sections, pad

Array = NDArray[Any]


def convolution(images: Array, kernels: Array, window: Window) -> tuple[Array, Array]:
    """The kernels' output at every position: images (N, H, W, C), kernels (KH, KW, C, F) → (N, OH, OW, F).

    Also returns the flattened input (N*OH*OW, KH*KW*C), which the backward pass needs again.
    """
    section_size, filters = kernels[..., 0].size, kernels.shape[-1]
    expanded_input = cut_sections(pad(images, window), window)  # (N, OH, OW, KH, KW, C)
    flattened_input = expanded_input.reshape(-1, section_size)  # (N*OH*OW, KH*KW*C)
    kernel_output = flattened_input @ kernels.reshape(section_size, filters)  # (N*OH*OW, F)
    return kernel_output.reshape(-1, *window.positions, filters), flattened_input


def convolution_backward(
    d_outputs: Array, flattened_input: Array, kernels: Array, image_shape: tuple[int, ...], window: Window
) -> tuple[Array, Array]:
    """d_images (N, H, W, C) and d_kernels (KH, KW, C, F), from d_outputs (N, OH, OW, F).

    Both are the linear layer's: a weight's gradient is its input times its output's gradient, summed over all small
    images; an input's is what each of its weights sends back. Then the sections return to where they were cut.
    """
    section_size, filters = kernels[..., 0].size, kernels.shape[-1]
    d_kernel_output = d_outputs.reshape(-1, filters)  # (N*OH*OW, F)
    d_kernels = flattened_input.T @ d_kernel_output  # (KH*KW*C, F)
    d_flattened_input = d_kernel_output @ kernels.reshape(section_size, filters).T  # (N*OH*OW, KH*KW*C)
    d_expanded_input = d_flattened_input.reshape(-1, *window.positions, *kernels.shape[:3])  # (N, OH, OW, KH, KW, C)
    return add_sections(d_expanded_input, image_shape, window), d_kernels.reshape(kernels.shape)
