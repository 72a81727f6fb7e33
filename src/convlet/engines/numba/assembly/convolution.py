"""The jobs of convolution blocks: which kernels, on which arrays, in how many parts."""

from dataclasses import replace
from typing import Any

import numpy as np

from convlet.engines.numba.assembly.block_context import (
    NO_WINNERS,
    BlockContext,
    activation_backward_jobs,
    activation_jobs,
    sums_of,
)
from convlet.engines.numba.assembly.blocks import ConvolutionBlock
from convlet.engines.numba.assembly.layouts import geometry, image_size
from convlet.engines.numba.assembly.normalization import normalization_weights
from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import (
    convolution,
    convolution_gradients,
    sparse_convolution,
    winograd,
    winograd_gradients,
)
from convlet.engines.numba.kernels.activations import CODES, LINEAR, RELU
from convlet.engines.numba.kernels.normalization import fold
from convlet.engines.numba.kernels.winograd_transforms import Region
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Job, Order

CACHED = 1 << 18  # floats of weights: larger ones take the cache that a chain needs, and are made ready just before


def _folded(context: BlockContext) -> np.ndarray:
    """Memory for the weights with normalisation in them."""
    return context.weights.pack(f"{context.block.convolution.name}:folded", len(_own(context)))


def convolution_fold(context: BlockContext) -> list[Job]:
    """To run before packing, for a block that predicts with its normalisation folded into its weights."""
    block: ConvolutionBlock = context.block
    if block.normalization is None:
        return []
    F, after = context.y_frame.channels, block.normalization
    weights = normalization_weights(context.weights, after.name, after.output_shape[-1])
    where = (_own(context), len(_own(context)) // F, F, *weights, np.float64(after.layer.epsilon), _folded(context))
    return [context.job(fold, F, *where, parts=4)]


def _packed(context: BlockContext) -> tuple[np.ndarray, np.ndarray]:
    """The weights, and memory for them in the order in which the forward kernel reads them."""
    block: ConvolutionBlock = context.block
    weights = _own(context) if block.normalization is None else _folded(context)
    F = context.y_frame.channels
    size = winograd.points_size(context.x_frame.channels, F) if block.winograd else len(weights)
    name = block.convolution.name if block.normalization is None else f"{block.convolution.name}:folded, packed"
    return weights, context.weights.pack(name, size)


def convolution_pack(context: BlockContext) -> list[Job]:
    """To run once, whenever the weights have changed."""
    block: ConvolutionBlock = context.block
    weights, packed = _packed(context)
    C, F = context.x_frame.channels, context.y_frame.channels
    if block.winograd:
        where = (weights, packed, C, F, block.window.size[0], Scratch(winograd.HALF_KERNELS))
        return [context.job(winograd.transform_kernels, -(-F // 16), *where, alongside=True)]
    lanes = convolution.lanes_for(F)
    return [context.job(convolution.pack, F // lanes, weights, packed, len(weights) // F, F, lanes, alongside=True)]


def _by_image(job: Job, weights: np.ndarray) -> Job:
    """The job as it is, or in turn where its weights take the cache that images would be handed on in."""
    return job if len(weights) <= CACHED else replace(job, order="in turn")


def _winners(context: BlockContext, g: Geometry) -> np.ndarray:
    return context.array("winners", context.N * g.H * g.W * context.y_frame.channels, np.int8)


def convolution_forward(context: BlockContext) -> list[Job]:
    block: ConvolutionBlock = context.block
    g, (_, packed), lanes = geometry(block), _packed(context), convolution.lanes_for(context.y_frame.channels)
    fused = RELU if block.activation == "relu" else LINEAR
    chooses = (fused == RELU or block.pooled) and context.d_y is not None
    winners = _winners(context, g) if chooses else NO_WINNERS
    sums = sums_of(context, CODES[block.activation])
    where = (context.x, context.x_frame, packed, sums, context.y_frame, winners, g)
    if block.winograd:
        region = Region(context.x_frame.rows, context.x_frame.columns)
        jobs = [_winograd(context, *where[:2], region, *where[2:], fused)]
    elif block.pooled:
        jobs = [_by_image(context.images(convolution.make_forward_pool(lanes), *where, fused, each=g.H), packed)]
    else:
        jobs = [_by_image(context.images(convolution.make_forward(lanes), *where, fused, each=g.H), packed)]
    if block.activation not in (None, "relu"):
        jobs += activation_jobs(context, sums, context.y_frame, CODES[block.activation])
    return jobs


def _winograd(context: BlockContext, x: Any, x_frame: Frame, region: Region, *where: Any) -> Job:
    """A forward pass, or the gradient of the images: see `winograd.py`."""
    g: Geometry = where[-2]
    kernel = {
        (3, 1): winograd.forward3,
        (3, 2): winograd.forward3_pool,
        (5, 1): winograd.forward5,
        (5, 2): winograd.forward5_pool,
    }[g.KH, g.P]
    rows, scratch = -(-g.H // (winograd.tile(g.KH) // g.P)), Scratch(winograd.scratch_size(x_frame.channels))
    return _by_image(context.images(kernel, x, x_frame, region, *where, scratch, each=rows), where[0])


def convolution_backward(context: BlockContext) -> list[Job]:
    """Both gradients are made side by side: the kernels' in parts, then summed while the images' is computed."""
    jobs = _activation_backward(context)
    if context.block.winograd_gradients:
        return jobs + _winograd_backward(context)
    wide = sparse_convolution.width(_row(context)) if context.block.sparse else 16
    if context.trains:
        jobs.append(_d_kernels(context, wide))
    if context.d_x is not None:
        jobs.append(_pack_rows(context, wide))
    if context.trains:
        jobs.append(_sum_parts(context))
    if context.d_x is not None:
        jobs.append(_d_images(context, wide))
    return jobs


def _winograd_backward(context: BlockContext) -> list[Job]:
    """Both gradients; kernels are turned and transformed beside the jobs of the kernels' gradient."""
    kernels = _winograd_d_kernels(context) if context.trains else []
    turn, *images = _winograd_d_images(context) if context.d_x is not None else [None]
    return [job for job in (*kernels[:1], turn, *kernels[1:], *images) if job is not None]


def _winograd_d_kernels(context: BlockContext) -> list[Job]:
    """The sums over parts of the batch, and the gradients from them."""
    C, F, g = context.x_frame.channels, context.y_frame.channels, geometry(context.block)
    parts = winograd_gradients.parts_for(context.N, C, F)
    partial = context.array("partial", parts * (winograd_gradients.POINTS * C + 1) * F)
    regions = Region(context.x_frame.rows, context.x_frame.columns), _outputs(context)
    where = (context.x, context.x_frame, regions[0], context.d_y, context.y_frame, regions[1], partial, context.N)
    sizes = parts, winograd_gradients.panel_for(C, F), Scratch(winograd_gradients.scratch_size(C, F))
    kernel, blocks = (
        winograd_gradients.make_d_kernels(g.KH, convolution.lanes_for(F)),
        winograd_gradients.blocks_for(C),
    )
    total = context.gradient(context.block.convolution.name)
    sums = (partial, parts, total, C, F, g.KH, Scratch(winograd_gradients.HALF_SUMS))
    return [
        context.groups(kernel, parts, *where, *sizes, each=blocks, parts=64),
        context.job(winograd_gradients.d_kernels_of_sums, C + 1, *sums, order="late"),
    ]


def _outputs(context: BlockContext, up: int = 0, before: int = 0) -> Region:
    g = geometry(context.block)
    return Region(g.H, g.W, context.y_frame.top, context.y_frame.left, up, before)


def _winograd_d_images(context: BlockContext) -> list[Job]:
    """To turn the kernels, to find their points, and a forward pass of the gradients of the outputs."""
    C, F, K = context.x_frame.channels, context.y_frame.channels, context.block.window.size[0]
    H, W, _ = image_size(context.block.input_shape)
    turned, points = context.array("turned", (K * K * F + 1) * C), context.array("points", winograd.points_size(F, C))
    region = _outputs(context, K - 1 - context.x_frame.top, K - 1 - context.x_frame.left)
    half, early = Scratch(winograd.HALF_KERNELS), len(points) <= CACHED
    where = (points, context.d_x, context.x_frame, NO_WINNERS, Geometry(H, W, K, K), LINEAR)
    return [
        context.job(winograd.turn_kernels, K, _own(context), turned, C, F, K, order="first" if early else "late"),
        context.job(
            winograd.transform_kernels,
            -(-C // 16),
            turned,
            points,
            F,
            C,
            K,
            half,
            order="second" if early else "in turn",
        ),
        _winograd(context, context.d_y, context.y_frame, region, *where),
    ]


def _row(context: BlockContext) -> int:
    """The floats in a row of a section."""
    block: ConvolutionBlock = context.block
    return block.window.size[1] * context.x_frame.channels


def _own(context: BlockContext) -> np.ndarray:
    return context.weights.own[context.block.convolution.name].values


def _activation_backward(context: BlockContext) -> list[Job]:
    """What the kernels of the gradients do not do themselves, as sparse ones do with ReLU."""
    block: ConvolutionBlock = context.block
    if block.activation not in (None, "relu"):
        return activation_backward_jobs(context, CODES[block.activation])
    if block.activation == "relu" and not block.sparse:
        g = geometry(block)
        where = (_winners(context, g), context.d_y, context.y_frame, g)
        return [context.images(convolution_gradients.relu_gradient, *where, each=g.H)]
    return []


def _partial(context: BlockContext) -> tuple[np.ndarray, int]:
    """Memory for the kernels' gradients summed over each part of the batch, and how many parts there are."""
    size = len(_own(context))
    parts = convolution_gradients.parts_for(context.N, size)
    return context.array("partial", parts * size), parts


def _d_kernels(context: BlockContext, wide: int) -> Job:
    block: ConvolutionBlock = context.block
    g, F = geometry(block), context.y_frame.channels
    winners = _winners(context, g) if block.sparse else NO_WINNERS
    partial, parts = _partial(context)
    where = (context.x, context.x_frame, winners, context.d_y, context.y_frame, partial, context.N, parts, g)
    if block.sparse and not block.narrow:
        floats, integers = sparse_convolution.d_kernels_scratch(len(_own(context)) // F - 1, F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        return context.groups(sparse_convolution.make_d_kernels(wide), parts, *where, *scratches, each=F // 8, parts=64)
    lanes, scratch = convolution.lanes_for(F), Scratch(convolution_gradients.d_kernels_scratch(g))
    return context.groups(
        convolution_gradients.make_d_kernels(lanes), parts, *where, scratch, each=F // lanes, parts=64
    )


def _sum_parts(context: BlockContext) -> Job:
    (partial, parts), size = _partial(context), len(_own(context))
    sums = (partial, parts, size, context.gradient(context.block.convolution.name))
    return context.job(convolution_gradients.sum_parts, size // 8, *sums, order="late")


def _rows(context: BlockContext) -> np.ndarray:
    """Memory for the kernels in the order in which the images' gradient reads them."""
    return context.array("rows", len(_own(context)) - context.y_frame.channels)


def _pack_rows(context: BlockContext, wide: int) -> Job:
    pack = (_own(context), _rows(context), _row(context), context.y_frame.channels, wide)
    order: Order = "first" if len(_rows(context)) <= CACHED else "late"
    return context.job(sparse_convolution.pack_rows, context.block.window.size[0], *pack, order=order)


def _d_images(context: BlockContext, wide: int) -> Job:
    block: ConvolutionBlock = context.block
    g, rows, images = geometry(block), _rows(context), (context.d_x, context.x_frame)
    gradients = (context.d_y, context.y_frame)
    if not block.sparse:
        arguments: tuple[Any, ...] = (rows, *gradients, *images, g)
        return _by_image(context.images(convolution_gradients.d_images, *arguments, parts=32), rows)
    floats, integers = sparse_convolution.d_images_scratch(context.y_frame.channels, g)
    scratches = Scratch(floats), Scratch(integers, np.int32)
    arguments = (rows, _winners(context, g), *gradients, *images, g, *scratches)
    kernel = sparse_convolution.make_d_images(wide)
    return _by_image(context.images(kernel, *arguments, parts=32), rows)
