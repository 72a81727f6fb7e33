"""The jobs of convolution blocks: which kernels, on which arrays, in how many parts."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.layouts import geometry
from convlet.engines.numba.assembly.lowering import ConvolutionBlock
from convlet.engines.numba.assembly.site import NO_WINNERS, Site, activation_backward_jobs, activation_jobs
from convlet.engines.numba.buffers import Geometry
from convlet.engines.numba.kernels import convolution, convolution_gradients, sparse_convolution, winograd
from convlet.engines.numba.kernels.activations import CODES, LINEAR, RELU
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Job


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
    lanes = convolution.lanes_for(F)
    return [site.job(convolution.pack, F // lanes, weights, packed, len(weights) // F, F, lanes, alongside=True)]


def _winners(site: Site, g: Geometry) -> np.ndarray:
    return site.array("winners", site.N * g.H * g.W * site.yf.channels, np.int8)


def convolution_forward(site: Site) -> list[Job]:
    block: ConvolutionBlock = site.block
    g, (_, packed), lanes = geometry(block), _packed(site), convolution.lanes_for(site.yf.channels)
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
        jobs = [site.job(convolution.make_forward_pool(lanes), site.N * g.H, *where)]
    else:
        jobs = [site.job(convolution.make_forward(lanes), site.N * g.H, *where, fused)]
    if block.activation not in (None, "relu"):
        jobs += activation_jobs(site, site.y, site.yf, CODES[block.activation])
    return jobs


def convolution_backward(site: Site) -> list[Job]:
    block: ConvolutionBlock = site.block
    g, own = geometry(block), site.weights.own[block.convolution.name]
    arguments: tuple[Any, ...]
    F, N, R = site.yf.channels, site.N, block.window.size[1] * site.xf.channels
    taps = len(own.values) // F - 1
    jobs = []
    if block.activation not in (None, "relu"):
        jobs += activation_backward_jobs(site, site.y, CODES[block.activation])
    elif block.activation == "relu" and not block.sparse:
        jobs.append(site.job(convolution_gradients.relu_gradient, N * g.H, _winners(site, g), site.d_y, site.yf, g))
    parts = convolution_gradients.parts_for(N, len(own.values))
    partial, gradient = site.array("partial", parts * len(own.values)), site.gradient(block.convolution.name)
    sparse = block.sparse
    wide = sparse_convolution.width(R) if sparse else 16
    if sparse and not block.narrow:
        floats, integers = sparse_convolution.d_kernels_scratch(taps, F, g)
        scratches = Scratch(floats), Scratch(integers, np.int32)
        arguments = (site.x, site.xf, _winners(site, g), site.d_y, site.yf, partial, N, parts, g, *scratches)
        kernel = sparse_convolution.make_d_kernels(wide)
        jobs.append(site.job(kernel, parts * F // 8, *arguments, parts=64))
    else:
        winners = _winners(site, g) if sparse else NO_WINNERS
        scratch = Scratch(convolution_gradients.d_kernels_scratch(g))
        arguments = (site.x, site.xf, winners, site.d_y, site.yf, partial, N, parts, g, scratch)
        lanes = convolution.lanes_for(F)
        kernel = convolution_gradients.make_d_kernels(lanes)
        jobs.append(site.job(kernel, parts * F // lanes, *arguments, parts=64))
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
