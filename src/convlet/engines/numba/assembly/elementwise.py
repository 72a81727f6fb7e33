"""The jobs of pooling, normalisation, and layers that go number by number."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.block_context import BlockContext, activation_jobs, keep
from convlet.engines.numba.assembly.layouts import image_size
from convlet.engines.numba.assembly.lowering import NormalizationBlock, PoolingBlock
from convlet.engines.numba.buffers import Frame, buffer
from convlet.engines.numba.kernels import activations, normalization, pooling
from convlet.engines.numba.kernels.activations import CODES, ImageSize
from convlet.engines.numba.running.worklist import Job


def _pool(block: PoolingBlock) -> pooling.Pool:
    window = block.window
    return pooling.Pool(*window.positions, *window.size, *window.strides, window.padding[0][0], window.padding[1][0])


def _pooling_winners(context: BlockContext) -> np.ndarray:
    shape = image_size(context.block.input_shape)
    OH, OW = context.block.window.positions
    return context.array("winners", context.N * OH * OW * shape.C, np.int32)


def pooling_forward(context: BlockContext) -> list[Job]:
    images = (context.x, context.x_frame, context.y, context.y_frame)
    shape, pool = image_size(context.block.input_shape), _pool(context.block)
    if context.block.largest:
        return [context.job(pooling.max_pooling, context.N, *images, _pooling_winners(context), shape, pool)]
    return [context.job(pooling.average_pooling, context.N, *images, shape, pool)]


def pooling_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    arguments: tuple[Any, ...]
    shape, pool = image_size(context.block.input_shape), _pool(context.block)
    if context.block.largest:
        arguments = (context.d_y, context.y_frame, _pooling_winners(context), context.d_x, context.x_frame, shape, pool)
        return [context.job(pooling.max_pooling_backward, context.N, *arguments)]
    arguments = (context.d_y, context.y_frame, context.d_x, context.x_frame, shape, pool)
    return [context.job(pooling.average_pooling_backward, context.N, *arguments)]


# ----------------------------------------------------------------------------------------------- normalisation
def _statistics(context: BlockContext) -> tuple[np.ndarray, np.ndarray, np.ndarray, ImageSize, int]:
    shape = image_size(context.block.input_shape)
    C = shape.C
    arrays = (
        context.array("statistics", 2 * C),
        context.array("variances", C),
        context.array("partial", context.N * 2 * C),
    )
    return *arrays, shape, context.N * shape.H * shape.W


def _normalization_own(context: BlockContext) -> tuple[np.ndarray, ...]:
    """gamma, beta, moving mean and moving variance."""
    return tuple(context.weights.own[name].values for name in context.block.layers[0].parameters)


def normalization_forward(context: BlockContext) -> list[Job]:
    block: NormalizationBlock = context.block
    statistics, variances, partial, shape, count = _statistics(context)
    gamma, beta, *moving = _normalization_own(context)
    C, epsilon = shape.C, np.float64(block.epsilon)
    of_sums = (context.x, context.x_frame, statistics, partial, shape)
    if context.learns:
        jobs = [
            context.job(normalization.sums, context.N, *of_sums, 0),
            context.alone(normalization.mean, C, partial, statistics, context.N, count, C),
            context.job(normalization.sums, context.N, *of_sums, 1),
            context.alone(normalization.deviation, C, partial, statistics, variances, context.N, count, C, epsilon),
        ]
    else:
        jobs = [context.alone(normalization.moving_statistics, C, *moving, statistics, C, epsilon)]
    arguments = (context.x, context.x_frame, statistics, gamma, beta, context.y, context.y_frame, shape)
    return [*jobs, context.job(normalization.normalize, context.N, *arguments)]


def normalization_backward(context: BlockContext) -> list[Job]:
    block: NormalizationBlock = context.block
    statistics, variances, partial, shape, count = _statistics(context)
    gamma, _, *moving = _normalization_own(context)
    images = (context.d_y, context.y_frame, context.x, context.x_frame, statistics)
    jobs: list[Job] = []
    if context.learns:
        d_gamma, d_beta = (context.gradient(name) for name in list(block.layers[0].parameters)[:2])
        jobs += [
            context.job(normalization.backward_sums, context.N, *images, partial, shape),
            context.alone(normalization.backward_totals, shape.C, partial, d_gamma, d_beta, context.N, shape.C),
        ]
    else:  # no image moves the statistics, and so none moves another one's outputs
        d_gamma = d_beta = buffer(shape.C)
    if context.d_x is not None:
        arguments = (*images, gamma, d_gamma, d_beta, context.d_x, shape, np.float32(count))
        jobs.append(context.job(normalization.normalize_backward, context.N, *arguments))
    if context.update is not None and context.learns:
        averaging = (*moving, statistics, variances, np.float32(block.momentum))
        jobs.append(context.alone(normalization.move_averages, shape.C, *averaging))
    return jobs


# ------------------------------------------------------------------------------------------------- elementwise
def activation_forward(context: BlockContext) -> list[Job]:
    return activation_jobs(context, context.x, context.x_frame, CODES[context.block.activation])


def activation_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    shape, code = image_size(context.block.output_shape), CODES[context.block.activation]
    arguments = (context.d_y, context.y, context.y_frame, context.d_x, context.x_frame, shape, code)
    return [context.job(activations.activation_backward, context.N, *arguments)]


def dropout_forward(context: BlockContext) -> list[Job]:
    kept, scale = keep(context, context.block.dropout)
    shape = image_size(context.block.input_shape)
    if not context.training:
        return [context.job(activations.copy, context.N, context.x, context.x_frame, context.y, context.y_frame, shape)]
    return [
        context.job(
            activations.dropout, context.N, context.x, context.x_frame, kept, context.y, context.y_frame, shape, scale
        )
    ]


def dropout_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    kept, scale = keep(context, context.block.dropout)
    images, shape = (context.d_x, context.x_frame), image_size(context.block.input_shape)
    if not context.training:
        return [context.job(activations.copy, context.N, context.d_y, context.y_frame, *images, shape)]
    return [context.job(activations.dropout, context.N, context.d_y, context.y_frame, kept, *images, shape, scale)]


def flatten_forward(context: BlockContext) -> list[Job]:
    shape = image_size(context.block.input_shape)
    return [context.job(activations.copy, context.N, context.x, context.x_frame, context.y, _flat(shape), shape)]


def flatten_backward(context: BlockContext) -> list[Job]:
    if context.d_x is None:
        return []
    shape = image_size(context.block.input_shape)
    return [context.job(activations.copy, context.N, context.d_y, _flat(shape), context.d_x, context.x_frame, shape)]


def _flat(shape: ImageSize) -> Frame:
    """A row of numbers, as the image that it was."""
    return Frame(shape.H, shape.W, shape.C)
