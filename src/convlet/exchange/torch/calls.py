"""Functions, methods and arithmetic of PyTorch's, in the words of ONNX's operators."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

from convlet.errors import InputError
from convlet.exchange.graph.drafting import Draft
from convlet.exchange.torch.leaves import KINDS, convolution, flattened, padding

IGNORED = ("inplace", "training", "dtype", "_stacklevel")  # nothing that a prediction depends on
Put = Callable[..., str]  # of the draft and what the call is given; its result's name


class Name(str):
    """The name of a value in the graph, among a call's arguments."""

    __slots__ = ()


def _as_module(kind: type[nn.Module], names: str = "") -> Put:
    """A function that does what a module does; `names` are its arguments behind the first, in their order."""

    def put(draft: Draft, value: Name, *args: Any, **named: Any) -> str:
        told = dict(zip(names.split(), args, strict=False)) | named
        if any(isinstance(each, Name) for each in told.values()):
            raise InputError("its arguments depend on the images; expected numbers.")
        module = kind(**{name: each for name, each in told.items() if name not in IGNORED})
        return KINDS[kind](draft, module, "", value)

    return put


def _arithmetic(word: str) -> Put:
    return lambda draft, first, second: draft.node(word, *(_operand(draft, each) for each in (first, second)))


def _operand(draft: Draft, given: Any) -> str:
    if not isinstance(given, Name | int | float):
        raise InputError(f"it is given a {type(given).__name__}; expected a tensor or a number.")
    return given if isinstance(given, Name) else draft.array(given)


def _shape(draft: Draft, value: Name, axis: int | None = None) -> str:
    shape = draft.node("Shape", value)
    return shape if axis is None else draft.node("Gather", shape, draft.array(axis))


def _attribute(draft: Draft, value: Name, name: str) -> str:
    if name != "shape":
        raise InputError(f"its attribute {name!r}: expected 'shape'.")
    return _shape(draft, value)


def _item(draft: Draft, value: Name, key: Any) -> str:
    if not isinstance(key, int):
        raise InputError(f"the part {key!r} of a value: expected one size of a shape.")
    return draft.node("Gather", value, draft.array(key))


def _reshape(draft: Draft, value: Name, *sizes: Any) -> str:
    told = sizes[0] if len(sizes) == 1 else sizes
    if isinstance(told, Name):
        return draft.node("Reshape", value, told)
    told = told if isinstance(told, tuple | list) else (told,)
    parts = [
        draft.node("Unsqueeze", size, axes=[0]) if isinstance(size, Name) else draft.array([size]) for size in told
    ]
    return draft.node("Reshape", value, draft.node("Concat", *parts, axis=0))


def _flatten(draft: Draft, value: Name, start_dim: int = 0, end_dim: int = -1) -> str:
    return flattened(draft, value, start_dim, end_dim)


def _permute(draft: Draft, value: Name, *order: Any) -> str:
    return draft.node("Transpose", value, perm=order[0] if isinstance(order[0], tuple | list) else order)


def _mean(draft: Draft, value: Name, dim: Any = None, keepdim: bool = False) -> str:
    if dim is None:
        raise InputError("dim=None: expected (2, 3), an image's rows and columns.")
    return draft.node("ReduceMean", value, axes=[dim] if isinstance(dim, int) else list(dim), keepdims=int(keepdim))


def _squeeze(draft: Draft, value: Name, dim: int | None = None) -> str:
    return draft.node("Squeeze", value, *([] if dim is None else [draft.array([dim])]))


def _conv(draft: Draft, value: Name, weight: Name, bias: Name | None = None, stride: Any = 1, padding: Any = 0,
          dilation: Any = 1, groups: int = 1) -> str:  # fmt: skip
    rows, columns = draft.arrays[weight].shape[2:]
    strides, around, apart = ((each, each) if isinstance(each, int) else each for each in (stride, padding, dilation))
    return convolution(draft, value, *_some(weight, bias), size=(rows, columns), strides=strides, padding=around,
                       dilation=apart, groups=groups)  # fmt: skip


def _linear(draft: Draft, value: Name, weight: Name, bias: Name | None = None) -> str:
    return draft.node("Gemm", value, *_some(weight, bias), transB=1)


def _some(*names: Name | None) -> list[Name]:
    return [name for name in names if name is not None]


def _pad(draft: Draft, images: Name, pad: Any, mode: str = "constant", value: float | None = None) -> str:
    if mode != "constant" or len(pad) != 4:
        raise InputError(f"pad={tuple(pad)}, mode={mode!r}: expected pixels at four sides, and 'constant'.")
    return padding(draft, images, pad, value or 0.0)


def _same(draft: Draft, value: Name, **how: Any) -> str:
    return value


CALLS: dict[Any, Put] = {
    **dict.fromkeys((operator.add, torch.add, "add", "add_"), _arithmetic("Add")),
    **dict.fromkeys((operator.sub, torch.sub, "sub", "sub_"), _arithmetic("Sub")),
    **dict.fromkeys((operator.mul, torch.mul, "mul", "mul_"), _arithmetic("Mul")),
    **dict.fromkeys((operator.truediv, torch.div, "div", "div_"), _arithmetic("Div")),
    **dict.fromkeys((operator.neg, torch.neg, "neg"), lambda draft, value: draft.node("Neg", value)),
    **dict.fromkeys((F.relu, torch.relu, "relu", "relu_"), _as_module(nn.ReLU, "inplace")),
    **dict.fromkeys((F.sigmoid, torch.sigmoid, "sigmoid"), _as_module(nn.Sigmoid)),
    **dict.fromkeys((F.tanh, torch.tanh, "tanh"), _as_module(nn.Tanh)),
    **dict.fromkeys((F.softmax, torch.softmax, "softmax"), _as_module(nn.Softmax, "dim")),
    **dict.fromkeys((F.log_softmax, torch.log_softmax, "log_softmax"), _as_module(nn.LogSoftmax, "dim")),
    F.relu6: _as_module(nn.ReLU6, "inplace"),
    F.leaky_relu: _as_module(nn.LeakyReLU, "negative_slope inplace"),
    F.elu: _as_module(nn.ELU, "alpha inplace"),
    F.silu: _as_module(nn.SiLU, "inplace"),
    F.gelu: _as_module(nn.GELU, "approximate"),
    F.hardswish: _as_module(nn.Hardswish, "inplace"),
    F.hardsigmoid: _as_module(nn.Hardsigmoid, "inplace"),
    F.hardtanh: _as_module(nn.Hardtanh, "min_val max_val inplace"),
    F.dropout: _as_module(nn.Dropout, "p training inplace"),
    F.dropout2d: _as_module(nn.Dropout2d, "p training inplace"),
    F.max_pool2d: _as_module(nn.MaxPool2d, "kernel_size stride padding dilation ceil_mode return_indices"),
    F.avg_pool2d: _as_module(nn.AvgPool2d, "kernel_size stride padding ceil_mode count_include_pad divisor_override"),
    F.adaptive_avg_pool2d: _as_module(nn.AdaptiveAvgPool2d, "output_size"),
    F.adaptive_max_pool2d: _as_module(nn.AdaptiveMaxPool2d, "output_size return_indices"),
    F.conv2d: _conv,
    F.linear: _linear,
    F.pad: _pad,
    **dict.fromkeys((torch.flatten, "flatten"), _flatten),
    **dict.fromkeys((torch.reshape, "reshape", "view"), _reshape),
    **dict.fromkeys((torch.permute, "permute"), _permute),
    **dict.fromkeys((torch.mean, "mean"), _mean),
    **dict.fromkeys((torch.squeeze, "squeeze"), _squeeze),
    **dict.fromkeys(("contiguous", "clone", "detach", "float"), _same),
    "size": _shape,
    getattr: _attribute,
    operator.getitem: _item,
}
