"""The jobs of depthwise convolutions: which kernels, on which arrays, in how many parts."""

import numpy as np

from convlet.engines.numba.assembly.block_context import (
    BlockContext,
    activation_backward_jobs,
    activation_jobs,
    sums_of,
)
from convlet.engines.numba.assembly.blocks import DepthwiseBlock
from convlet.engines.numba.assembly.elementwise import pool_of
from convlet.engines.numba.assembly.layouts import image_size
from convlet.engines.numba.buffers import buffer
from convlet.engines.numba.kernels import depthwise
from convlet.engines.numba.kernels.activations import CODES
from convlet.engines.numba.running.worklist import Job

NO_BIAS = buffer(0)


def _own(context: BlockContext) -> tuple[np.ndarray, np.ndarray]:
    """Kernels, and bias or nothing."""
    own, name = context.weights.own, context.name
    return own[f"{name}/kernel"].values, own[f"{name}/bias"].values if f"{name}/bias" in own else NO_BIAS


def depthwise_forward(context: BlockContext) -> list[Job]:
    block: DepthwiseBlock = context.block
    code, shape, pool = CODES[block.activation], image_size(block.input_shape), pool_of(block.window)
    sums = sums_of(context, code)
    arguments = (context.x, context.x_frame, *_own(context), sums, context.y_frame, shape, pool)
    jobs = [context.images(depthwise.forward, *arguments)]
    return jobs + (activation_jobs(context, sums, context.y_frame, code) if block.activation else [])


def depthwise_backward(context: BlockContext) -> list[Job]:
    block: DepthwiseBlock = context.block
    shape, pool, N = image_size(block.input_shape), pool_of(block.window), context.N
    jobs = activation_backward_jobs(context, CODES[block.activation]) if block.activation else []
    (weights, bias), d_y = _own(context), (context.d_y, context.y_frame)
    if context.d_x is not None:
        jobs.append(
            context.images(depthwise.d_images, weights, NO_BIAS, *d_y, context.d_x, context.x_frame, shape, pool)
        )
    if context.trains:
        taps = pool.KH * pool.KW * shape.C
        size = taps + shape.C
        partial = context.array("partial", N * size)
        arguments = (context.x, context.x_frame, bias, *d_y, partial, shape, pool)
        jobs.append(context.images(depthwise.d_weights, *arguments))
        parts = [("kernel", 0, taps), *([("bias", taps, shape.C)] if len(bias) else [])]
        for short, first, length in parts:
            total = context.gradient(f"{context.name}/{short}")
            jobs.append(context.job(depthwise.sum_images, length, partial, N, size, first, total, order="late"))
    return jobs
