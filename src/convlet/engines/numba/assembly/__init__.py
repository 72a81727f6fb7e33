"""Assembly: from a block to the jobs that compute it, on given arrays.

Each kind of block has a function for its forward and one for its backward jobs, next to each other. All that they are
given is a `BlockContext`: the block's place in the network, for one number of images. Numbers of parts are chosen
here: enough for the load to balance, and fixed by the work.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from convlet.descriptions.optimizers import Muon
from convlet.engines.numba.assembly.block_context import BlockContext, Memory, Update
from convlet.engines.numba.assembly.blocks import (
    ActivationBlock,
    AdditionBlock,
    Block,
    ConvolutionBlock,
    DenseBlock,
    DepthwiseBlock,
    DropoutBlock,
    FlattenBlock,
    NormalizationBlock,
    PoolingBlock,
    RescalingBlock,
)
from convlet.engines.numba.assembly.convolution import (
    convolution_backward,
    convolution_fold,
    convolution_forward,
    convolution_pack,
)
from convlet.engines.numba.assembly.dense import dense_backward, dense_forward
from convlet.engines.numba.assembly.depthwise import depthwise_backward, depthwise_forward
from convlet.engines.numba.assembly.elementwise import (
    activation_backward,
    activation_forward,
    addition_backward,
    addition_forward,
    dropout_backward,
    dropout_forward,
    flatten_backward,
    flatten_forward,
    pooling_backward,
    pooling_forward,
    rescaling_backward,
    rescaling_forward,
)
from convlet.engines.numba.assembly.muon import Moving, muon_jobs
from convlet.engines.numba.assembly.normalization import normalization_backward, normalization_forward
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.kernels import updates
from convlet.engines.numba.running.worklist import Job

__all__ = ["ASSEMBLIES", "BlockContext", "Memory", "Update", "update_jobs"]

Assemble = Callable[[BlockContext], list[Job]]


def _no_jobs(context: BlockContext) -> list[Job]:
    return []


class Assembly(NamedTuple):
    """The jobs of one kind of block. `fold`, then `pack`: those to run whenever its weights have changed."""

    forward: Assemble
    backward: Assemble
    pack: Assemble = _no_jobs
    fold: Assemble = _no_jobs


ASSEMBLIES: dict[type[Block], Assembly] = {
    ConvolutionBlock: Assembly(convolution_forward, convolution_backward, convolution_pack, convolution_fold),
    DepthwiseBlock: Assembly(depthwise_forward, depthwise_backward),
    DenseBlock: Assembly(dense_forward, dense_backward),
    RescalingBlock: Assembly(rescaling_forward, rescaling_backward),
    PoolingBlock: Assembly(pooling_forward, pooling_backward),
    NormalizationBlock: Assembly(normalization_forward, normalization_backward),
    ActivationBlock: Assembly(activation_forward, activation_backward),
    DropoutBlock: Assembly(dropout_forward, dropout_backward),
    FlattenBlock: Assembly(flatten_forward, flatten_backward),
    AdditionBlock: Assembly(addition_forward, addition_backward),
}


def update_jobs(weights: Weights, memory: Memory, update: Update) -> list[Job]:
    """The optimizer's step, for all gradients that came as arrays (all but a dense layer's kernel, as a rule)."""
    jobs: list[Job] = []
    kernels: list[Moving] = []
    for name, own in weights.own.items():
        if name in weights.fused:
            continue
        gradient = memory.get(f"d_{name}", len(own.values))
        for part, rule in own.moving(update.rules):
            if isinstance(rule.optimizer, Muon):
                kernels.append(_muon_moving(name, weights, update, part, gradient))
                continue
            slots = own.slots_of(rule)
            arrays = (own.values[part], *(slot[part] for slot in slots), gradient[part])
            arguments = (updates.rule(rule.optimizer), update.settings(rule), update.scale, *arrays)
            size, alongside = len(arrays[0]), bool(jobs)
            parts = -(-size // updates.BLOCK)
            jobs.append(Job(updates.update_parameters, size, arguments, parts, alongside, f"{name}: update"))
    return _clip_jobs(weights, memory, update) + jobs + muon_jobs(kernels, memory) + _average_jobs(weights, update)


def _muon_moving(name: str, weights: Weights, update: Update, part: slice, gradient: np.ndarray) -> Moving:
    own, kernel = weights.own[name], f"{name}/kernel"
    assert own.grid is not None
    settings, velocity = update.settings(update.rules[kernel]), own.slots["velocity"][part]
    shape = weights.public[kernel].find().shape
    return Moving(name, shape, own.grid, settings, update.scale, gradient[part], velocity, own.values[part])


def _average_jobs(weights: Weights, update: Update) -> list[Job]:
    """Let averages follow the weights, where there are any."""
    jobs: list[Job] = []
    for name, own in weights.own.items():
        if own.average is not None:
            arguments, size = (update.pull, own.values, own.average), len(own.values)
            parts = -(-size // updates.BLOCK)
            jobs.append(Job(updates.follow, size, arguments, parts, bool(jobs), f"{name}: average"))
    return jobs


def _clip_jobs(weights: Weights, memory: Memory, update: Update) -> list[Job]:
    """The scale of all gradients, from their norm; none where they are not clipped."""
    if update.optimizer.clip_norm is None:
        return []
    blocks = {name: -(-own.trainable // updates.BLOCK) for name, own in weights.own.items() if own.trainable}
    sums, jobs, first = memory.get("sums of squares", sum(blocks.values()), np.float64), list[Job](), 0
    for name, count in blocks.items():
        own = weights.own[name]
        arguments = (memory.get(f"d_{name}", len(own.values))[: own.trainable], sums, first)
        jobs.append(Job(updates.sum_squares, count, arguments, count, bool(jobs), f"{name}: square"))
        first += count
    return [*jobs, Job(updates.clip, 1, (sums, update.clip_norm, update.scale), label="clip")]
