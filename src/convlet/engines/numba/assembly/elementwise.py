"""The jobs of pooling, additions, and layers that go number by number."""

from typing import Any

import numpy as np

from convlet.descriptions.window import Window
from convlet.engines.numba.assembly.block_context import BlockContext, activation_jobs, keep
from convlet.engines.numba.assembly.blocks import AdditionBlock
from convlet.engines.numba.assembly.layouts import image_size
from convlet.engines.numba.buffers import Frame
from convlet.engines.numba.kernels import addition, elementwise, pooling
from convlet.engines.numba.kernels.activations import BY_INPUTS, CODES
from convlet.engines.numba.kernels.elementwise import ImageSize
from convlet.engines.numba.running.worklist import Job


def pool_of(window: Window) -> pooling.Pool:
    """The window as kernels know it."""
    return pooling.Pool(*window.positions, *window.size, *window.strides, window.padding[0][0], window.padding[1][0])


def _pooling_winners(context: BlockContext) -> np.ndarray:
    shape = image_size(context.block.input_shape)
    OH, OW = context.block.window.positions
    return context.array("winners", context.N * OH * OW * shape.C, np.int32)


def pooling_forward(context: BlockContext) -> list[Job]:
    images = (context.x, context.x_frame, context.y, context.y_frame)
    shape, pool = image_size(context.block.input_shape), pool_of(context.block.window)
    if context.block.largest:
        return [context.images(pooling.max_pooling, *images, _pooling_winners(context), shape, pool)]
    return [context.images(pooling.average_pooling, *images, shape, pool)]


def pooling_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    arguments: tuple[Any, ...]
    shape, pool = image_size(context.block.input_shape), pool_of(context.block.window)
    if context.block.largest:
        arguments = (context.d_y, context.y_frame, _pooling_winners(context), context.d_x, context.x_frame, shape, pool)
        return [context.images(pooling.max_pooling_backward, *arguments)]
    arguments = (context.d_y, context.y_frame, context.d_x, context.x_frame, shape, pool)
    return [context.images(pooling.average_pooling_backward, *arguments)]


# ---------------------------------------------------------------------------------------------------- addition
def addition_forward(context: BlockContext) -> list[Job]:
    block: AdditionBlock = context.block
    operands = [argument for each in context.inputs for argument in (each.x, each.frame)]
    arguments = (*operands, context.y, context.y_frame, image_size(block.output_shape), int(block.relu))
    return [context.images(addition.add, *arguments)]


def addition_backward(context: BlockContext) -> list[Job]:
    block: AdditionBlock = context.block
    wanted = [argument for each in context.inputs if each.d_x is not None for argument in (each.d_x, each.frame)]
    kernel = addition.add_backward if len(wanted) == 4 else addition.add_backward_one
    shape, relu = image_size(block.output_shape), int(block.relu)
    return [context.images(kernel, context.d_y, context.y, context.y_frame, *wanted, shape, relu)]


# ------------------------------------------------------------------------------------------------- elementwise
def activation_forward(context: BlockContext) -> list[Job]:
    return activation_jobs(context, context.x, context.x_frame, CODES[context.block.activation])


def activation_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    shape, code = image_size(context.block.output_shape), CODES[context.block.activation]
    slopes = (context.x, context.x_frame) if code in BY_INPUTS else (context.y, context.y_frame)
    arguments = (context.d_y, context.y_frame, *slopes, context.d_x, context.x_frame, shape, code)
    return [context.images(elementwise.activation_backward, *arguments)]


def rescaling_forward(context: BlockContext) -> list[Job]:
    images = (context.x, context.x_frame, context.y, context.y_frame)
    numbers = np.float32(context.block.scale), np.float32(context.block.offset)
    return [context.images(elementwise.rescale, *images, image_size(context.block.input_shape), *numbers)]


def rescaling_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    images = (context.d_y, context.y_frame, context.d_x, context.x_frame)
    numbers = np.float32(context.block.scale), np.float32(0)
    return [context.images(elementwise.rescale, *images, image_size(context.block.input_shape), *numbers)]


def dropout_forward(context: BlockContext) -> list[Job]:
    kept, scale = keep(context, context.block.dropout)
    shape = image_size(context.block.input_shape)
    if not context.training:
        return [context.images(elementwise.copy, context.x, context.x_frame, context.y, context.y_frame, shape)]
    return [
        context.images(elementwise.dropout, context.x, context.x_frame, kept, context.y, context.y_frame, shape, scale)
    ]


def dropout_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    kept, scale = keep(context, context.block.dropout)
    images, shape = (context.d_x, context.x_frame), image_size(context.block.input_shape)
    if not context.training:
        return [context.images(elementwise.copy, context.d_y, context.y_frame, *images, shape)]
    return [context.images(elementwise.dropout, context.d_y, context.y_frame, kept, *images, shape, scale)]


def flatten_forward(context: BlockContext) -> list[Job]:
    shape = image_size(context.block.input_shape)
    return [context.images(elementwise.copy, context.x, context.x_frame, context.y, _flat(shape), shape)]


def flatten_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    shape = image_size(context.block.input_shape)
    return [context.images(elementwise.copy, context.d_y, _flat(shape), context.d_x, context.x_frame, shape)]


def _flat(shape: ImageSize) -> Frame:
    """A row of numbers, as the image that it was."""
    return Frame(shape.H, shape.W, shape.C)
