"""The jobs of convolution blocks: which kernels, on which arrays, in how many parts."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.block_context import (
    NO_WINNERS,
    BlockContext,
    activation_backward_jobs,
    activation_jobs,
)
from convlet.engines.numba.assembly.layouts import geometry
from convlet.engines.numba.assembly.lowering import ConvolutionBlock
from convlet.engines.numba.buffers import Geometry
from convlet.engines.numba.kernels import convolution, convolution_gradients, sparse_convolution, winograd
from convlet.engines.numba.kernels.activations import CODES, LINEAR, RELU
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Job


def _packed(context: BlockContext) -> tuple[np.ndarray, np.ndarray]:
    """The weights, and memory for them in the order in which the forward kernel reads them."""
    block: ConvolutionBlock = context.block
    weights = context.weights.own[block.convolution.name].values
    F = context.y_frame.channels
    size = winograd.points_size(context.x_frame.channels, F) if block.winograd else len(weights)
    return weights, context.weights.pack(block.convolution.name, size)


def convolution_pack(context: BlockContext) -> list[Job]:
    """To run once, whenever the weights have changed."""
    block: ConvolutionBlock = context.block
    weights, packed = _packed(context)
    C, F = context.x_frame.channels, context.y_frame.channels
    if block.winograd:
        K = block.window.size[0]
        return [context.job(winograd.transform_kernels, -(-F // 16), weights, packed, C, F, K, alongside=True)]
    lanes = convolution.lanes_for(F)
    return [context.job(convolution.pack, F // lanes, weights, packed, len(weights) // F, F, lanes, alongside=True)]


def _winners(context: BlockContext, g: Geometry) -> np.ndarray:
    return context.array("winners", context.N * g.H * g.W * context.y_frame.channels, np.int8)


def convolution_forward(context: BlockContext) -> list[Job]:
    block: ConvolutionBlock = context.block
    g, (_, packed), lanes = geometry(block), _packed(context), convolution.lanes_for(context.y_frame.channels)
    fused = RELU if block.activation == "relu" else LINEAR
    winners = _winners(context, g) if fused == RELU and context.training else NO_WINNERS
    where = (context.x, context.x_frame, packed, context.y, context.y_frame, winners, g)
    if block.winograd:
        K, size = block.window.size[0], Scratch(winograd.scratch_size(context.x_frame.channels))
        kernel = {
            (3, False): winograd.forward3,
            (3, True): winograd.forward3_pool,
            (5, False): winograd.forward5,
            (5, True): winograd.forward5_pool,
        }[K, block.pooled]
        stored = winograd.tile(K) // g.P
        jobs = [context.job(kernel, context.N * -(-g.H // stored), *where, fused, size)]
    elif block.pooled:
        jobs = [context.job(convolution.make_forward_pool(lanes), context.N * g.H, *where)]
    else:
        jobs = [context.job(convolution.make_forward(lanes), context.N * g.H, *where, fused)]
    if block.activation not in (None, "relu"):
        jobs += activation_jobs(context, context.y, context.y_frame, CODES[block.activation])
    return jobs


def convolution_backward(context: BlockContext) -> list[Job]:
    block: ConvolutionBlock = context.block
    g, own = geometry(block), context.weights.own[block.convolution.name]
    arguments: tuple[Any, ...]
    F, N, R = context.y_frame.channels, context.N, block.window.size[1] * context.x_frame.channels
    taps = len(own.values) // F - 1
    jobs = []
    if block.activation not in (None, "relu"):
        jobs += activation_backward_jobs(context, context.y, CODES[block.activation])
    elif block.activation == "relu" and not block.sparse:
        jobs.append(
            context.job(
                convolution_gradients.relu_gradient, N * g.H, _winners(context, g), context.d_y, context.y_frame, g
            )
        )
    parts = convolution_gradients.parts_for(N, len(own.values))
    partial, gradient = context.array("partial", parts * len(own.values)), context.gradient(block.convolution.name)
    sparse = block.sparse
    wide = sparse_convolution.width(R) if sparse else 16
    if sparse and not block.narrow:
        floats, integers = sparse_convolution.d_kernels_scratch(taps, F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        arguments = (
            context.x,
            context.x_frame,
            _winners(context, g),
            context.d_y,
            context.y_frame,
            partial,
            N,
            parts,
            g,
            *scratches,
        )
        kernel = sparse_convolution.make_d_kernels(wide)
        jobs.append(context.job(kernel, parts * F // 8, *arguments, parts=64))
    else:
        winners = _winners(context, g) if sparse else NO_WINNERS
        scratch = Scratch(convolution_gradients.d_kernels_scratch(g))
        arguments = (context.x, context.x_frame, winners, context.d_y, context.y_frame, partial, N, parts, g, scratch)
        lanes = convolution.lanes_for(F)
        kernel = convolution_gradients.make_d_kernels(lanes)
        jobs.append(context.job(kernel, parts * F // lanes, *arguments, parts=64))
    if context.d_x is not None:
        rows = context.array("rows", taps * F)
        pack = (own.values, rows, R, F, wide)
        jobs.append(context.job(sparse_convolution.pack_rows, block.window.size[0], *pack, alongside=True))
    sums = (partial, parts, len(own.values), gradient)
    jobs.append(context.job(convolution_gradients.sum_parts, len(own.values) // 8, *sums))
    if context.d_x is not None and sparse:
        floats, integers = sparse_convolution.d_images_scratch(F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        arguments = (
            rows,
            _winners(context, g),
            context.d_y,
            context.y_frame,
            context.d_x,
            context.x_frame,
            g,
            *scratches,
        )
        kernel = sparse_convolution.make_d_images(wide)
        jobs.append(context.job(kernel, N, *arguments, parts=32, alongside=True))
    elif context.d_x is not None:
        arguments = (rows, context.d_y, context.y_frame, context.d_x, context.x_frame, g)
        jobs.append(context.job(convolution_gradients.d_images, N, *arguments, parts=32, alongside=True))
    return jobs
