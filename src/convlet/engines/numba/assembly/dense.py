"""The jobs of dense blocks: which kernels, on which arrays, in how many parts."""

from typing import Any

import numpy as np

from convlet.engines.numba.assembly.lowering import DenseBlock
from convlet.engines.numba.assembly.site import Site, Update, activation_backward_jobs, activation_jobs, keep
from convlet.engines.numba.assembly.weights import NOTHING, Own
from convlet.engines.numba.buffers import buffer
from convlet.engines.numba.kernels import dense, updates
from convlet.engines.numba.kernels.activations import CODES, LINEAR, SOFTMAX
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Job


def _dense_sizes(site: Site) -> tuple[int, int, int]:
    """(inputs as stored, units, lanes)."""
    block: DenseBlock = site.block
    return site.xf.size, block.dense.output_shape[0], dense.lanes_for(site.N)


def dense_forward(site: Site) -> list[Job]:
    block: DenseBlock = site.block
    (I, U, L), name = _dense_sizes(site), block.dense.name
    blocks, weights, bias = dense.blocks(I), site.weights.own[name].values, site.weights.own[f"{name}/bias"].values
    rows, sums = site.array("rows", blocks * site.N * dense.BLOCK), site.array("sums", U * L)
    columns = site.array("columns", blocks * dense.BLOCK * L)
    kept, scale = keep(site, block.dropout)
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
    jobs.append(site.job(dense.finish, -(-U // dense.GROUP), sums, site.y, kept, site.N, U, L, fused, scale))
    if code == SOFTMAX:
        jobs += activation_jobs(site, site.y, site.yf, code)
    return jobs


def dense_backward(site: Site) -> list[Job]:
    block: DenseBlock = site.block
    (I, U, _), name, N = _dense_sizes(site), block.dense.name, site.N
    own, update = site.weights.own[name], site.update
    images, values = site.array("images", U * N, np.int64), site.array("values", U * N)
    counts, kept = site.array("counts", U, np.int64), keep(site, block.dropout)
    code, jobs = CODES[block.activation], []
    if code == SOFTMAX:
        jobs, code = activation_backward_jobs(site, site.y, code), LINEAR
    lists = (images, values, counts, site.gradient(f"{name}/bias"))
    listing = (site.d_y, site.y, kept[0], *lists, N, U, code, kept[1], int(site.every))
    jobs.append(site.job(dense.collect, -(-U // dense.GROUP), *listing))
    moves = _moves(update, own, site.gradient(name) if update is None else None)
    rows = site.array("rows", dense.blocks(I) * N * dense.BLOCK)
    d_x = NOTHING if site.d_x is None else site.d_x
    sizes = (N, I, U, int(site.d_x is not None), Scratch(N * dense.BLOCK))
    arguments = (own.values, rows, *lists[:3], d_x, *moves, *sizes)
    return [*jobs, site.job(dense.backward, dense.blocks(I), *arguments, parts=dense.blocks(I))]


def _moves(update: Update | None, own: Own, gradient: np.ndarray | None) -> tuple[Any, ...]:
    if update is None:
        return updates.NONE, NOTHING, gradient, NOTHING, NO_STEPS
    return update.rule, update.settings, own.slot(0), own.slot(1), update.taken


NO_STEPS = buffer(1, np.int64)
