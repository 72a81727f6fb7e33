"""The jobs of batch normalisation, with what is fused with it."""

from typing import Any, NamedTuple

import numpy as np

from convlet.engines.numba.assembly.block_context import NO_WINNERS, BlockContext
from convlet.engines.numba.assembly.blocks import NormalizationBlock
from convlet.engines.numba.assembly.layouts import image_size
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.buffers import buffer, padded
from convlet.engines.numba.kernels import normalization, normalization_gradients
from convlet.engines.numba.kernels.activations import CODES
from convlet.engines.numba.kernels.elementwise import ImageSize
from convlet.engines.numba.running.worklist import Job


class _Own(NamedTuple):
    """A block's weights, what it remembers from its forward pass, and its sizes."""

    gamma: np.ndarray
    beta: np.ndarray
    moving: tuple[np.ndarray, ...]
    statistics: np.ndarray
    variances: np.ndarray
    partial: np.ndarray
    winners: np.ndarray
    shape: ImageSize
    C: int  # channels, as stored
    code: int


def _own(context: BlockContext) -> _Own:
    block: NormalizationBlock = context.block
    gamma, beta, *moving = normalization_weights(context.weights, context.name, block.input_shape[-1])
    shape, C = image_size(block.input_shape), min(context.x_frame.channels, context.y_frame.channels)
    statistics, variances = context.array("statistics", 2 * C), context.array("variances", C)
    partial = context.array("partial", context.N * 2 * C)
    winners = NO_WINNERS
    if block.pooled and context.d_y is not None:
        winners = context.array("winners", context.N * (shape.H // 2) * (shape.W // 2) * C, np.int8)
    return _Own(gamma, beta, tuple(moving), statistics, variances, partial, winners, shape, C, CODES[block.activation])


def normalization_weights(weights: Weights, name: str, C: int) -> list[np.ndarray]:
    """gamma, beta, mean and variance of C channels; 1 and 0 in the place of the first two where they are not learnt.

    A Normalization has only the last two, and they are not called moving.
    """
    own = weights.own
    moving = "moving_" if f"{name}/moving_mean" in own else ""
    measured = [own[f"{name}/{moving}{short}"].values for short in ("mean", "variance")]
    return [_learnt(weights, f"{name}/gamma", 1, C), _learnt(weights, f"{name}/beta", 0, C), *measured]


def _learnt(weights: Weights, name: str, otherwise: float, C: int) -> np.ndarray:
    if name in weights.own:
        return weights.own[name].values
    fixed = buffer(padded(C))
    fixed[:] = otherwise
    return fixed


def _gradient(context: BlockContext, short: str) -> np.ndarray:
    """Where the gradient of gamma or beta goes: it is needed for that of the inputs, too, where neither is learnt."""
    name = f"{context.name}/{short}"
    if name in context.weights.own:
        return context.gradient(name)
    return context.array(f"d_{short}", padded(context.block.input_shape[-1]))


def normalization_forward(context: BlockContext) -> list[Job]:
    own, epsilon = _own(context), np.float64(context.block.epsilon)
    x = (context.x, context.x_frame)
    if context.trains:
        counts = (context.N, context.N * own.shape.H * own.shape.W, own.C, epsilon)
        found = (own.partial, own.statistics, own.variances)
        jobs = [
            context.images(normalization.sums, *x, own.partial, own.shape, own.C),
            context.job(normalization.batch_statistics, own.C, *x, *found, *counts, order="total"),
        ]
    else:
        where = (*own.moving, own.statistics, own.C, epsilon)
        jobs = [context.alone(normalization.moving_statistics, own.C, *where, order="first")]
    where = (*x, own.statistics, own.gamma, own.beta, context.y, context.y_frame)
    sizes = (own.shape, own.C, own.code)
    if context.block.pooled:
        return [*jobs, context.images(normalization.normalize_pool, *where, own.winners, *sizes)]
    return [*jobs, context.images(normalization.normalize, *where, *sizes)]


def normalization_backward(context: BlockContext) -> list[Job]:
    own, block = _own(context), context.block
    jobs: list[Job] = []
    if context.trains:
        d_gamma, d_beta = _gradient(context, "gamma"), _gradient(context, "beta")
        totals = (own.partial, d_gamma, d_beta, context.N, own.C)
        jobs += [
            _backward_sums(context, own),
            context.job(normalization_gradients.backward_totals, own.C, *totals, order="total"),
        ]
    else:  # no image moves the statistics, and so none moves another one's outputs
        d_gamma = d_beta = buffer(own.C)
    if context.d_x is not None:
        jobs.append(_d_x(context, own, d_gamma, d_beta))
    if context.update is not None and context.trains:
        averaging = (*own.moving, own.statistics, own.variances, np.float32(block.momentum))
        jobs.append(context.alone(normalization.move_averages, own.shape.C, *averaging, order="late"))
    return jobs


def _backward_sums(context: BlockContext, own: _Own) -> Job:
    where: tuple[Any, ...]
    d_y, x = (context.d_y, context.y_frame), (context.x, context.x_frame, own.statistics)
    if context.block.pooled:
        where = (*d_y, own.winners, *x, own.partial, own.shape, own.C)
        return context.images(normalization_gradients.backward_sums_pool, *where)
    where = (*d_y, *x, own.gamma, own.beta, own.partial, own.shape, own.C, own.code)
    return context.images(normalization_gradients.backward_sums, *where)


def _d_x(context: BlockContext, own: _Own, d_gamma: np.ndarray, d_beta: np.ndarray) -> Job:
    where: tuple[Any, ...]
    d_y, x = (context.d_y, context.y_frame), (context.x, context.x_frame, own.statistics)
    totals, count = (d_gamma, d_beta, context.d_x, own.shape, own.C), np.float32(context.N * own.shape.H * own.shape.W)
    if context.block.pooled:
        where = (*d_y, own.winners, *x, own.gamma, *totals, count)
        return context.images(normalization_gradients.normalize_backward_pool, *where)
    where = (*d_y, *x, own.gamma, own.beta, *totals, own.code, count)
    return context.images(normalization_gradients.normalize_backward, *where)
