"""A module of PyTorch's as a run: a copy of it is read, compared on noise, and thrown away."""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from convlet.checks import Shape, whole_number
from convlet.errors import InputError
from convlet.exchange.checking import Array
from convlet.exchange.graph.comparing import compared_run
from convlet.exchange.torch.reading import graph_of
from convlet.runs.run import Run


def taken(
    module: nn.Module, input_shape: Shape, *, classes: Sequence[str] | None, engine: str | None, threads: int | None
) -> Run:
    """The run; see `from_torch`."""
    if not isinstance(module, nn.Module):
        raise InputError(f"module: {type(module).__name__}; expected a module of PyTorch's, such as an nn.Sequential.")
    if not isinstance(input_shape, tuple | list) or len(input_shape) not in (1, 3):
        raise InputError(f"input_shape={input_shape!r}: expected (H, W, C), such as (28, 28, 1), or (size,).")
    shape = tuple(whole_number("input_shape", size) for size in input_shape)
    copy = deepcopy(module).eval()
    where = type(module).__name__
    model = graph_of(copy, shape, where)
    return compared_run(
        model, where, lambda images: _answer(copy, images, where), classes=classes, engine=engine, threads=threads
    )


def _answer(module: nn.Module, images: Array, where: str) -> Array:
    """What a module makes of images (N, H, W, C) or rows, where it is and with the numbers that it has."""
    like = next(iter(module.parameters()), torch.zeros(1))
    first = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images
    try:
        with torch.no_grad():
            answer = module(torch.from_numpy(np.ascontiguousarray(first)).to(like.device, like.dtype))
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{where}: of images {first.shape} it says: {str(error)[:200]}") from None
    rows: Array = answer.cpu().float().numpy()
    return rows.reshape(len(rows), -1)
