"""The jobs of pooling, normalisation, and layers that go number by number."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.layouts import proper
from convlet.engines.numba.assembly.lowering import NormalizationBlock, PoolingBlock
from convlet.engines.numba.assembly.site import Site, activation_jobs, keep
from convlet.engines.numba.buffers import Frame
from convlet.engines.numba.kernels import activations, normalization, pooling
from convlet.engines.numba.kernels.activations import CODES, Proper
from convlet.engines.numba.running.worklist import Job


def _pool(block: PoolingBlock) -> pooling.Pool:
    window = block.window
    return pooling.Pool(*window.positions, *window.size, *window.strides, window.padding[0][0], window.padding[1][0])


def _pooling_winners(site: Site) -> np.ndarray:
    shape = proper(site.block.input_shape)
    OH, OW = site.block.window.positions
    return site.array("winners", site.N * OH * OW * shape.C, np.int32)


def pooling_forward(site: Site) -> list[Job]:
    images = (site.x, site.xf, site.y, site.yf)
    shape, pool = proper(site.block.input_shape), _pool(site.block)
    if site.block.largest:
        return [site.job(pooling.max_pooling, site.N, *images, _pooling_winners(site), shape, pool)]
    return [site.job(pooling.average_pooling, site.N, *images, shape, pool)]


def pooling_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    arguments: tuple[Any, ...]
    shape, pool = proper(site.block.input_shape), _pool(site.block)
    if site.block.largest:
        arguments = (site.d_y, site.yf, _pooling_winners(site), site.d_x, site.xf, shape, pool)
        return [site.job(pooling.max_pooling_backward, site.N, *arguments)]
    arguments = (site.d_y, site.yf, site.d_x, site.xf, shape, pool)
    return [site.job(pooling.average_pooling_backward, site.N, *arguments)]


# ----------------------------------------------------------------------------------------------- normalisation
def _statistics(site: Site) -> tuple[np.ndarray, np.ndarray, np.ndarray, Proper, int]:
    shape = proper(site.block.input_shape)
    C = shape.C
    arrays = site.array("statistics", 2 * C), site.array("variances", C), site.array("partial", site.N * 2 * C)
    return *arrays, shape, site.N * shape.H * shape.W


def _normalization_own(site: Site) -> tuple[np.ndarray, ...]:
    """gamma, beta, moving mean and moving variance."""
    return tuple(site.weights.own[name].values for name in site.block.layers[0].parameters)


def normalization_forward(site: Site) -> list[Job]:
    block: NormalizationBlock = site.block
    statistics, variances, partial, shape, count = _statistics(site)
    gamma, beta, *moving = _normalization_own(site)
    C, epsilon = shape.C, np.float64(block.epsilon)
    of_sums = (site.x, site.xf, statistics, partial, shape)
    if site.training:
        jobs = [
            site.job(normalization.sums, site.N, *of_sums, 0),
            site.alone(normalization.mean, C, partial, statistics, site.N, count, C),
            site.job(normalization.sums, site.N, *of_sums, 1),
            site.alone(normalization.deviation, C, partial, statistics, variances, site.N, count, C, epsilon),
        ]
    else:
        jobs = [site.alone(normalization.moving_statistics, C, *moving, statistics, C, epsilon)]
    arguments = (site.x, site.xf, statistics, gamma, beta, site.y, site.yf, shape)
    return [*jobs, site.job(normalization.normalize, site.N, *arguments)]


def normalization_backward(site: Site) -> list[Job]:
    block: NormalizationBlock = site.block
    statistics, variances, partial, shape, count = _statistics(site)
    gamma, _, *moving = _normalization_own(site)
    d_gamma, d_beta = (site.gradient(name) for name in list(block.layers[0].parameters)[:2])
    images = (site.d_y, site.yf, site.x, site.xf, statistics)
    jobs = [
        site.job(normalization.backward_sums, site.N, *images, partial, shape),
        site.alone(normalization.backward_totals, shape.C, partial, d_gamma, d_beta, site.N, shape.C),
    ]
    if site.d_x is not None:
        arguments = (*images, gamma, d_gamma, d_beta, site.d_x, shape, np.float32(count))
        jobs.append(site.job(normalization.normalize_backward, site.N, *arguments))
    if site.update is not None:
        averaging = (*moving, statistics, variances, np.float32(block.momentum))
        jobs.append(site.alone(normalization.move_averages, shape.C, *averaging))
    return jobs


# ------------------------------------------------------------------------------------------------- elementwise
def activation_forward(site: Site) -> list[Job]:
    return activation_jobs(site, site.x, site.xf, CODES[site.block.activation])


def activation_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    shape, code = proper(site.block.output_shape), CODES[site.block.activation]
    arguments = (site.d_y, site.y, site.yf, site.d_x, site.xf, shape, code)
    return [site.job(activations.activation_backward, site.N, *arguments)]


def dropout_forward(site: Site) -> list[Job]:
    kept, scale = keep(site, site.block.dropout)
    shape = proper(site.block.input_shape)
    if not site.training:
        return [site.job(activations.copy, site.N, site.x, site.xf, site.y, site.yf, shape)]
    return [site.job(activations.dropout, site.N, site.x, site.xf, kept, site.y, site.yf, shape, scale)]


def dropout_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    kept, scale = keep(site, site.block.dropout)
    arguments = (site.d_y, site.yf, kept, site.d_x, site.xf, proper(site.block.input_shape), scale)
    return [site.job(activations.dropout, site.N, *arguments)]


def flatten_forward(site: Site) -> list[Job]:
    shape = proper(site.block.input_shape)
    return [site.job(activations.copy, site.N, site.x, site.xf, site.y, _flat(shape), shape)]


def flatten_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    shape = proper(site.block.input_shape)
    return [site.job(activations.copy, site.N, site.d_y, _flat(shape), site.d_x, site.xf, shape)]


def _flat(shape: Proper) -> Frame:
    """A row of numbers, as the image that it was."""
    return Frame(shape.H, shape.W, shape.C)
