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
        raise InputError(
            f"module: {type(module).__name__}; expected a module of PyTorch's, such as an nn.Sequential. Weights "
            "alone, a state_dict, go into one by its load_state_dict."
        )
    if not isinstance(input_shape, tuple | list) or len(input_shape) not in (1, 3):
        raise InputError(f"input_shape={input_shape!r}: expected (H, W, C), such as (28, 28, 1), or (size,).")
    shape = tuple(whole_number("input_shape", size) for size in input_shape)
    where = type(module).__name__
    copy = _copy(module, where)

    def answer(images: Array) -> Array:
        return _answer(copy, images, shape, where)

    try:
        model = graph_of(copy, shape, where)
        return compared_run(model, where, answer, classes=classes, engine=engine, threads=threads)
    except InputError as error:
        if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
            raise InputError(f"{error} Or are the channels first? input_shape has them last.") from None
        raise


def _copy(module: nn.Module, where: str) -> nn.Module:
    """A module as it predicts, in float32 on the processor: the module itself is left as it is."""
    try:
        copy: nn.Module = deepcopy(module).cpu().float().eval()
    except Exception as error:  # of weights that a hook makes anew, or that are not there yet
        raise InputError(f"{where}: it cannot be copied: {type(error).__name__}: {str(error)[:200]}") from None
    return copy


def _answer(module: nn.Module, images: Array, shape: Shape, where: str) -> Array:
    """What a module makes of images (N, H, W, C) or rows, of a shape as it takes them."""
    given = images.reshape(len(images), *shape)  # perhaps rows, of which it makes images itself
    first = given.transpose(0, 3, 1, 2) if len(shape) == 3 else given
    try:
        with torch.no_grad():
            rows: Array = module(torch.from_numpy(np.ascontiguousarray(first))).numpy()
    except Exception as error:  # PyTorch's, or of the module's own code
        said = f"{type(error).__name__}: {str(error)[:200]}"
        raise InputError(f"{where}: of images {first.shape} it says: {said}") from None
    return rows.reshape(len(rows), -1)
