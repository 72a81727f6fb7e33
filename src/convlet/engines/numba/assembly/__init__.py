"""Assembly: from a block to the jobs that compute it, on given arrays.

Each kind of block has a function for its forward and one for its backward jobs, next to each other. All that they are
given is a `BlockContext`: the block's place in the network, for one number of images. Numbers of parts are chosen
here: enough for the load to balance, and fixed by the work.
"""

from collections.abc import Callable
from typing import NamedTuple

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
