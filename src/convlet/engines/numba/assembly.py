"""Assembly: from a block to the jobs that compute it, on given arrays.

Each kind of block has a function for its forward and one for its backward jobs, next to each other. `Site` is all
that they are given: the block's place in the network, for one number of images. Numbers of parts are chosen here:
enough for the load to balance, and fixed by the work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlet.engines.numba import (
    activations,
    convolution,
    convolution_gradients,
    dense,
    normalization,
    pooling,
    sparse_convolution,
    updates,
    winograd,
)
from convlet.engines.numba.activations import CODES, LINEAR, RELU, SOFTMAX, Proper
from convlet.engines.numba.buffers import Frame, Geometry, buffer
from convlet.engines.numba.entries import Scratch
from convlet.engines.numba.layouts import geometry, proper
from convlet.engines.numba.lowering import (
    ActivationBlock,
    Block,
    ConvolutionBlock,
    DenseBlock,
    DropoutBlock,
    FlattenBlock,
    NormalizationBlock,
    PoolingBlock,
)
from convlet.engines.numba.tables import Job
from convlet.engines.numba.weights import NOTHING, Own, Weights

PARTS = 16
NO_WINNERS = buffer(0, np.int8)
KEEP_ALL = buffer(0, np.uint8)


class Memory:
    """Buffers by name. Each is made once, for the largest size that was asked for; smaller ones are its beginning."""

    def __init__(self) -> None:
        self._buffers: dict[str, np.ndarray] = {}

    def get(self, name: str, size: int, dtype: Any = np.float32) -> np.ndarray:
        if name not in self._buffers or len(self._buffers[name]) < size:
            self._buffers[name] = buffer(size, dtype)
        return self._buffers[name][:size]

    def all(self) -> dict[str, np.ndarray]:
        return dict(self._buffers)


@dataclass(frozen=True)
class Update:
    """What happens to a gradient: `rule` and `settings` of `updates.py`, and which way to sweep."""

    rule: int
    settings: np.ndarray
    sweep: np.ndarray


@dataclass(frozen=True)
class Site:
    """A block's place: N images, its inputs and outputs with their Frames, and their gradients when training.

    Without `d_x` the inputs' gradient is not wanted. Without an update, gradients go to arrays `d_…` of the memory.
    """

    block: Any
    N: int
    x: np.ndarray
    xf: Frame
    y: np.ndarray
    yf: Frame
    weights: Weights
    memory: Memory
    training: bool = False
    every: bool = False  # list also what carries no gradient (a test's switch)
    d_x: np.ndarray | None = None
    d_y: np.ndarray | None = None
    update: Update | None = None

    @property
    def name(self) -> str:
        return self.block.names[0]

    def array(self, purpose: str, size: int, dtype: Any = np.float32) -> np.ndarray:
        """Memory for this block and purpose."""
        return self.memory.get(f"{self.name}:{purpose}", size, dtype)

    def gradient(self, own: str) -> np.ndarray:
        return self.memory.get(f"d_{own}", len(self.weights.own[own].values))

    def job(self, kernel: Any, size: int, *arguments: Any, parts: int = PARTS, alongside: bool = False) -> Job:
        return Job(kernel, size, arguments, max(1, min(parts, size)), alongside, f"{self.name}: {kernel.__name__}")

    def alone(self, kernel: Any, size: int, *arguments: Any, alongside: bool = False) -> Job:
        """A job that is too small to share."""
        return self.job(kernel, size, *arguments, parts=1, alongside=alongside)


# ------------------------------------------------------------------------------------------------- convolution
def _packed(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """The weights, and memory for them in the order in which the forward kernel reads them."""
    block: ConvolutionBlock = site.block
    weights = site.weights.own[block.convolution.name].values
    F = site.yf.channels
    size = winograd.points_size(site.xf.channels, F) if block.winograd else len(weights)
    return weights, site.weights.pack(block.convolution.name, size)


def convolution_pack(site: Site) -> list[Job]:
    """To run once, whenever the weights have changed."""
    block: ConvolutionBlock = site.block
    weights, packed = _packed(site)
    C, F = site.xf.channels, site.yf.channels
    if block.winograd:
        K = block.window.size[0]
        return [site.job(winograd.transform_kernels, -(-F // 16), weights, packed, C, F, K, alongside=True)]
    return [site.job(convolution.pack, -(-F // 16), weights, packed, len(weights) // F, F, alongside=True)]


def _winners(site: Site, g: Geometry) -> np.ndarray:
    return site.array("winners", site.N * g.H * g.W * site.yf.channels, np.int8)


def convolution_forward(site: Site) -> list[Job]:
    block: ConvolutionBlock = site.block
    g, (_, packed) = geometry(block), _packed(site)
    fused = RELU if block.activation == "relu" else LINEAR
    winners = _winners(site, g) if fused == RELU and site.training else NO_WINNERS
    where = (site.x, site.xf, packed, site.y, site.yf, winners, g)
    if block.winograd:
        K, size = block.window.size[0], Scratch(winograd.scratch_size(site.xf.channels))
        kernel = {
            (3, False): winograd.forward3,
            (3, True): winograd.forward3_pool,
            (5, False): winograd.forward5,
            (5, True): winograd.forward5_pool,
        }[K, block.pooled]
        stored = winograd.tile(K) // g.P
        jobs = [site.job(kernel, site.N * -(-g.H // stored), *where, fused, size)]
    elif block.pooled:
        jobs = [site.job(convolution.forward_pool, site.N * g.H, *where)]
    else:
        jobs = [site.job(convolution.forward, site.N * g.H, *where, fused)]
    if block.activation not in (None, "relu"):
        jobs += _activation_jobs(site, site.y, site.yf, CODES[block.activation])
    return jobs


def convolution_backward(site: Site) -> list[Job]:
    block: ConvolutionBlock = site.block
    g, own = geometry(block), site.weights.own[block.convolution.name]
    arguments: tuple[Any, ...]
    F, N, R = site.yf.channels, site.N, block.window.size[1] * site.xf.channels
    taps = len(own.values) // F - 1
    jobs = []
    if block.activation not in (None, "relu"):
        jobs += _activation_backward_jobs(site, site.y, CODES[block.activation])
    elif block.activation == "relu" and not block.sparse:
        jobs.append(site.job(convolution_gradients.relu_gradient, N * g.H, _winners(site, g), site.d_y, site.yf, g))
    parts = convolution_gradients.parts_for(N, len(own.values))
    partial, gradient = site.array("partial", parts * len(own.values)), site.gradient(block.convolution.name)
    sparse = block.sparse
    wide = sparse_convolution.width(R) if sparse else 16
    if block.narrow:
        scratch = Scratch(convolution_gradients.narrow_scratch(g))
        arguments = (site.x, site.xf, _winners(site, g), site.d_y, site.yf, partial, N, parts, g, scratch)
        jobs.append(site.job(convolution_gradients.narrow_d_kernels, parts * -(-F // 16), *arguments, parts=64))
    elif sparse:
        floats, integers = sparse_convolution.d_kernels_scratch(taps, F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        arguments = (site.x, site.xf, _winners(site, g), site.d_y, site.yf, partial, N, parts, g, *scratches)
        kernel = sparse_convolution.make_d_kernels(wide)
        jobs.append(site.job(kernel, parts * F // 8, *arguments, parts=64))
    else:
        arguments = (site.x, site.xf, site.d_y, site.yf, partial, N, parts, g)
        jobs.append(site.job(convolution_gradients.d_kernels, parts * -(-F // 16), *arguments, parts=64))
    if site.d_x is not None:
        rows = site.array("rows", taps * F)
        pack = (own.values, rows, R, F, wide)
        jobs.append(site.job(sparse_convolution.pack_rows, block.window.size[0], *pack, alongside=True))
    sums = (partial, parts, len(own.values), gradient)
    jobs.append(site.job(convolution_gradients.sum_parts, len(own.values) // 8, *sums))
    if site.d_x is not None and sparse:
        floats, integers = sparse_convolution.d_images_scratch(F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        arguments = (rows, _winners(site, g), site.d_y, site.yf, site.d_x, site.xf, g, *scratches)
        kernel = sparse_convolution.make_d_images(wide)
        jobs.append(site.job(kernel, N, *arguments, parts=32, alongside=True))
    elif site.d_x is not None:
        arguments = (rows, site.d_y, site.yf, site.d_x, site.xf, g)
        jobs.append(site.job(convolution_gradients.d_images, N, *arguments, parts=32, alongside=True))
    return jobs


# ------------------------------------------------------------------------------------------------------- dense
def _dense_sizes(site: Site) -> tuple[int, int, int]:
    """(inputs as stored, units, lanes)."""
    block: DenseBlock = site.block
    return site.xf.size, block.dense.output_shape[0], dense.lanes_for(site.N)


def _keep(site: Site, dropout: Any) -> tuple[np.ndarray, np.float32]:
    """Which values dropout keeps, and what they are multiplied by; nothing is dropped when predicting."""
    if dropout is None or not site.training:
        return KEEP_ALL, np.float32(1)
    size = site.N * int(np.prod(dropout.output_shape))
    return site.memory.get(f"keep:{dropout.name}", size, np.uint8), np.float32(1 / (1 - dropout.layer.rate))


def dense_forward(site: Site) -> list[Job]:
    block: DenseBlock = site.block
    (I, U, L), name = _dense_sizes(site), block.dense.name
    blocks, weights, bias = dense.blocks(I), site.weights.own[name].values, site.weights.own[f"{name}/bias"].values
    rows, sums = site.array("rows", blocks * site.N * dense.BLOCK), site.array("sums", U * L)
    columns = site.array("columns", blocks * dense.BLOCK * L)
    keep, scale = _keep(site, block.dropout)
    code = CODES[block.activation]
    jobs = [site.job(dense.arrange, blocks, site.x, rows, columns, site.N, I, L)]
    if site.N == 1:
        jobs.append(site.job(dense.forward_one, U, weights, bias, rows, sums, I, U, L, parts=4))
    else:
        arguments = (weights, bias, columns, sums, I, U, L)
        for lanes, first, last in dense.tilings(site.N):
            kernel, parts = dense.make_forward(lanes), -(-U // 64)
            jobs.append(site.job(kernel, U, *arguments, first, last, parts=parts, alongside=first > 0))
    fused = LINEAR if code == SOFTMAX else code
    jobs.append(site.job(dense.finish, -(-U // dense.GROUP), sums, site.y, keep, site.N, U, L, fused, scale))
    if code == SOFTMAX:
        jobs += _activation_jobs(site, site.y, site.yf, code)
    return jobs


def dense_backward(site: Site) -> list[Job]:
    block: DenseBlock = site.block
    (I, U, _), name, N = _dense_sizes(site), block.dense.name, site.N
    own, update = site.weights.own[name], site.update
    images, values = site.array("images", U * N, np.int64), site.array("values", U * N)
    counts, keep = site.array("counts", U, np.int64), _keep(site, block.dropout)
    code, jobs = CODES[block.activation], []
    if code == SOFTMAX:
        jobs, code = _activation_backward_jobs(site, site.y, code), LINEAR
    lists = (images, values, counts, site.gradient(f"{name}/bias"))
    listing = (site.d_y, site.y, keep[0], *lists, N, U, code, keep[1], int(site.every))
    jobs.append(site.job(dense.collect, -(-U // dense.GROUP), *listing))
    moves = _moves(update, own, site.gradient(name) if update is None else None)
    rows = site.array("rows", dense.blocks(I) * N * dense.BLOCK)
    d_x = NOTHING if site.d_x is None else site.d_x
    sizes = (N, I, U, int(site.d_x is not None), Scratch(N * dense.BLOCK))
    arguments = (own.values, rows, *lists[:3], d_x, *moves, *sizes)
    return [*jobs, site.job(dense.backward, dense.blocks(I), *arguments, parts=dense.blocks(I))]


def _moves(update: Update | None, own: Own, gradient: np.ndarray | None) -> tuple[Any, ...]:
    if update is None:
        return updates.NONE, NOTHING, gradient, NOTHING, NO_SWEEP
    return update.rule, update.settings, own.slot(0), own.slot(1), update.sweep


NO_SWEEP = buffer(1, np.int64)


# ----------------------------------------------------------------------------------------------------- pooling
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
def _activation_jobs(site: Site, x: np.ndarray, xf: Frame, code: int) -> list[Job]:
    arguments = (x, xf, site.y, site.yf, proper(site.block.output_shape), code)
    return [site.job(activations.activation, site.N, *arguments)]


def _activation_backward_jobs(site: Site, y: np.ndarray, code: int) -> list[Job]:
    """In the place of d_y, for an activation at the end of another layer's block."""
    arguments = (site.d_y, y, site.yf, site.d_y, site.yf, proper(site.block.output_shape), code)
    return [site.job(activations.activation_backward, site.N, *arguments)]


def activation_forward(site: Site) -> list[Job]:
    return _activation_jobs(site, site.x, site.xf, CODES[site.block.activation])


def activation_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    shape, code = proper(site.block.output_shape), CODES[site.block.activation]
    arguments = (site.d_y, site.y, site.yf, site.d_x, site.xf, shape, code)
    return [site.job(activations.activation_backward, site.N, *arguments)]


def dropout_forward(site: Site) -> list[Job]:
    keep, scale = _keep(site, site.block.dropout)
    shape = proper(site.block.input_shape)
    if not site.training:
        return [site.job(activations.copy, site.N, site.x, site.xf, site.y, site.yf, shape)]
    return [site.job(activations.dropout, site.N, site.x, site.xf, keep, site.y, site.yf, shape, scale)]


def dropout_backward(site: Site) -> list[Job]:
    if site.d_x is None:
        return []
    keep, scale = _keep(site, site.block.dropout)
    arguments = (site.d_y, site.yf, keep, site.d_x, site.xf, proper(site.block.input_shape), scale)
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


# --------------------------------------------------------------------------------------------------- all blocks
Assemble = Callable[[Site], list[Job]]
FORWARD: dict[type[Block], Assemble] = {
    ConvolutionBlock: convolution_forward,
    DenseBlock: dense_forward,
    PoolingBlock: pooling_forward,
    NormalizationBlock: normalization_forward,
    ActivationBlock: activation_forward,
    DropoutBlock: dropout_forward,
    FlattenBlock: flatten_forward,
}
BACKWARD: dict[type[Block], Assemble] = {
    ConvolutionBlock: convolution_backward,
    DenseBlock: dense_backward,
    PoolingBlock: pooling_backward,
    NormalizationBlock: normalization_backward,
    ActivationBlock: activation_backward,
    DropoutBlock: dropout_backward,
    FlattenBlock: flatten_backward,
}


def pack(site: Site) -> list[Job]:
    """The jobs to run whenever the block's weights have changed."""
    return convolution_pack(site) if isinstance(site.block, ConvolutionBlock) else []


def update_jobs(weights: Weights, memory: Memory, update: Update) -> list[Job]:
    """The optimizer's step, for all gradients that came as arrays (all but a dense layer's kernel)."""
    jobs: list[Job] = []
    for name, own in weights.own.items():
        if not own.trainable or name in weights.fused:
            continue
        arrays = (own.values, own.slot(0), own.slot(1), memory.get(f"d_{name}", len(own.values)))
        arguments = (update.rule, update.settings, *arrays)
        parts = -(-own.trainable // 8192)
        jobs.append(Job(updates.update_parameters, own.trainable, arguments, parts, bool(jobs), f"{name}: update"))
    return jobs
