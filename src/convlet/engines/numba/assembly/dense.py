"""The jobs of dense blocks: which kernels, on which arrays, in how many parts."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.block_context import (
    BlockContext,
    Update,
    activation_backward_jobs,
    activation_jobs,
    keep,
    sums_of,
)
from convlet.engines.numba.assembly.blocks import DenseBlock
from convlet.engines.numba.assembly.weights import NOTHING, FlatWeights
from convlet.engines.numba.buffers import buffer
from convlet.engines.numba.kernels import dense, dense_gradients, updates
from convlet.engines.numba.kernels.activations import APART, CODES, LINEAR
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Job


def _dense_sizes(context: BlockContext) -> tuple[int, int, int, int]:
    """(inputs as stored, units, lanes as stored, floats from a row of a block to the next)."""
    block: DenseBlock = context.block
    return context.x_frame.size, block.dense.output_shape[0], dense.stride_for(context.N), dense.pitch_for(context.N)


def dense_forward(context: BlockContext) -> list[Job]:
    block: DenseBlock = context.block
    (I, U, S, P), name = _dense_sizes(context), block.dense.name
    blocks, weights, bias = (
        dense.blocks(I),
        context.weights.own[name].values,
        context.weights.own[f"{name}/bias"].values,
    )
    rows, sums = context.array("rows", blocks * context.N * P), context.array("sums", U * S)
    columns = context.array("columns", blocks * dense.BLOCK * S)
    kept, scale = keep(context, block.dropout)
    code = CODES[block.activation]
    jobs = [
        context.job(dense.arrange, blocks, context.x, rows, columns, context.N, I, dense.lanes_for(context.N), S, P)
    ]
    if context.N == 1:
        jobs.append(context.job(dense.forward_one, U, weights, bias, rows, sums, I, U, S, parts=4))
    else:
        (lanes, middle), tiles = dense.tiling(context.N), dense.tiles(context.N)
        by_tiles = U <= dense.FEW and tiles > 1
        items, parts = (tiles, tiles) if by_tiles else (U, -(-U // dense.FEW))
        arguments = (weights, bias, columns, sums, I, U, S, middle, dense.lanes_for(context.N), int(by_tiles))
        jobs.append(context.job(dense.make_forward(lanes), items, *arguments, parts=parts))
    fused, outputs = LINEAR if code in APART else code, sums_of(context, code)
    jobs.append(context.job(dense.finish, -(-U // dense.GROUP), sums, outputs, kept, context.N, U, S, fused, scale))
    if code in APART:
        jobs += activation_jobs(context, outputs, context.y_frame, code)
    return jobs


def dense_backward(context: BlockContext) -> list[Job]:
    block: DenseBlock = context.block
    (I, U, S, P), name, N = _dense_sizes(context), block.dense.name, context.N
    own, update = context.weights.own[name], context.update if context.trains else None
    images, counts = context.array("images", U * N, np.int32), context.array("counts", U, np.int64)
    kept = keep(context, block.dropout)
    code, jobs = CODES[block.activation], []
    if code in APART:
        jobs, code = activation_backward_jobs(context, code), LINEAR
    d_sums = context.array("d_sums", U * S)
    lists = (d_sums, images, counts)
    sizes: tuple[Any, ...] = (context.gradient(f"{name}/bias"), N, U, S, code, kept[1], int(context.every))
    listing = (context.d_y, context.y, kept[0], *lists, *sizes)
    jobs.append(context.job(dense_gradients.collect, -(-U // dense.GROUP), *listing))
    destination = _destination(context, name, update if name in context.weights.fused else None, own)
    rows = context.array("rows", dense.blocks(I) * N * P)
    d_x = NOTHING if context.d_x is None else context.d_x
    kernel = dense_gradients.make_backward(d_inputs=context.d_x is not None, d_weights=context.trains)
    arguments = (own.values, rows, *lists, d_x, *destination, N, I, U, S, P, Scratch(N * P))
    return [*jobs, context.job(kernel, dense.blocks(I), *arguments, parts=dense.blocks(I))]


def _destination(context: BlockContext, name: str, update: Update | None, own: FlatWeights) -> tuple[Any, ...]:
    """What the backward kernel does with the gradient, if any: move the weights by it, or leave it in an array."""
    if update is None:
        return updates.NONE, NOTHING, context.gradient(name) if context.trains else NOTHING, NOTHING, NO_STEPS
    rule = update.rules[f"{name}/kernel"]
    return updates.rule(rule.optimizer), update.settings(rule), *own.slots_of(rule), update.taken


NO_STEPS = buffer(1, np.int64)
