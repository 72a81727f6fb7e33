"""Modules of PyTorch's own, and two of ours, in the words of ONNX's operators."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from convlet.checks import Pair
from convlet.errors import InputError
from convlet.exchange.graph.drafting import Draft
from convlet.exchange.graph.nodes import Array
from convlet.exchange.torch.modules import AveragePooling2d, Normalization

Put = Callable[[Draft, Any, str, str], str]  # of the module, its path, and its input's name; its output's name


def numbers(tensor: torch.Tensor) -> Array:
    """A tensor's numbers, as an array of its own."""
    array: Array = tensor.detach().numpy().copy()
    return array


def _conv(draft: Draft, it: nn.Conv2d, path: str, value: str) -> str:
    if it.padding_mode != "zeros":
        raise InputError(f"padding_mode={it.padding_mode!r}: expected 'zeros'.")
    weights = [draft.array(numbers(weight), name) for name, weight in _own(it, path, "weight", "bias")]
    return convolution(draft, value, *weights, size=it.kernel_size, strides=it.stride, padding=it.padding,
                       dilation=it.dilation, groups=it.groups)  # fmt: skip


def convolution(
    draft: Draft, value: str, *weights: str, size: Pair, strides: Pair, padding: Any, dilation: Pair, groups: int
) -> str:
    """A convolution by a kernel and perhaps a bias, as PyTorch has them."""
    if tuple(dilation) != (1, 1):
        raise InputError(f"dilation={tuple(dilation)}: expected 1, the pixels of a kernel together.")
    named = {"valid": (0, 0, 0, 0), "same": tuple([(one - 1) // 2 for one in size] + [one // 2 for one in size])}
    pads = named[padding] if isinstance(padding, str) else (*padding, *padding)
    return draft.node("Conv", value, *weights, strides=strides, pads=pads, group=groups)


def _linear(draft: Draft, it: nn.Linear, path: str, value: str) -> str:
    weights = [draft.array(numbers(weight), name) for name, weight in _own(it, path, "weight", "bias")]
    return draft.node("Gemm", value, *weights, transB=1)


def _own(it: nn.Module, path: str, *names: str) -> list[tuple[str, torch.Tensor]]:
    """Those of a module's tensors that it has, by the names that they have in the whole."""
    return [(f"{path}.{name}", getattr(it, name)) for name in names if getattr(it, name) is not None]


def _batch_norm(draft: Draft, it: nn.BatchNorm2d, path: str, value: str) -> str:
    """What is not learnt though something else of it is, and does nothing, is left out: it was never there."""
    if it.running_mean is None:
        raise InputError("track_running_stats=False: expected it to have measured what it divides by.")
    if it.momentum is None:
        raise InputError("momentum=None: expected a number; set that of the module, such as 0.1.")
    learns = draft.trainable and it.affine and any(weight.requires_grad for weight in it.parameters())
    names = []
    for name, nothing in (("weight", 1), ("bias", 0)):
        tensor = getattr(it, name)
        idle = tensor is None or (learns and not tensor.requires_grad and bool((tensor == nothing).all()))
        names.append("" if idle else draft.array(numbers(tensor), f"{path}.{name}"))
    measured = [draft.array(numbers(tensor), name) for name, tensor in _own(it, path, "running_mean", "running_var")]
    how = {"epsilon": it.eps, "momentum": _past(it.momentum)}
    return draft.node("BatchNormalization", value, *names, *measured, **how)


def _past(momentum: float) -> float:
    """The weight on the past, where PyTorch has that on the present; and the other way round."""
    return round(1 - momentum, 12)


def _normalization(draft: Draft, it: Normalization, path: str, value: str) -> str:
    measured = (draft.array(numbers(tensor), name) for name, tensor in _own(it, path, "mean", "variance"))
    return draft.node("BatchNormalization", value, "", "", *measured, epsilon=it.eps)


def _max_pool(draft: Draft, it: nn.MaxPool2d, path: str, value: str) -> str:
    if it.return_indices or _pair(it.dilation) != (1, 1):
        raise InputError(f"return_indices={it.return_indices}, dilation={it.dilation}: expected False, and 1.")
    return draft.node("MaxPool", value, **_window(it))


def _average_pool(draft: Draft, it: nn.AvgPool2d, path: str, value: str) -> str:
    if it.divisor_override is not None:
        raise InputError(f"divisor_override={it.divisor_override}: expected None.")
    return draft.node("AveragePool", value, count_include_pad=int(it.count_include_pad), **_window(it))


def _window(it: nn.Module) -> dict[str, Any]:
    sizes = {"kernel_shape": _pair(it.kernel_size), "strides": _pair(it.stride)}
    return {**sizes, "pads": _pair(it.padding) * 2, "ceil_mode": int(it.ceil_mode)}


def _uneven_average(draft: Draft, it: AveragePooling2d, path: str, value: str) -> str:
    left, right, top, bottom = it.padding
    window = {"kernel_shape": it.kernel_size, "strides": it.stride, "pads": (top, left, bottom, right)}
    return draft.node("AveragePool", value, **window)


def _pair(value: Any) -> tuple[Any, Any]:
    """A number twice, or two numbers, as PyTorch has them both."""
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return first, second


def _adaptive(operator: str) -> Put:
    return lambda draft, it, path, value: draft.node(operator, value, output_size=_pair(it.output_size))


def _pad(draft: Draft, it: nn.ConstantPad2d, path: str, value: str) -> str:
    return padding(draft, value, it.padding, it.value)


def padding(draft: Draft, value: str, sides: Any, filling: float) -> str:
    """Pixels of one number around images; `sides` are (left, right, top, bottom)."""
    left, right, top, bottom = sides
    return draft.node("Pad", value, pads=(0, 0, top, left, 0, 0, bottom, right), value=filling)


def _dropout(draft: Draft, it: nn.Dropout, path: str, value: str) -> str:
    if type(it) is not nn.Dropout:
        warnings.warn(
            f"{draft.origin}: in training it drops whole channels; Dropout({it.p:g}) here drops numbers. "
            "Predictions are the same.",
            stacklevel=2,
        )
    return draft.node("Dropout", value, ratio=it.p)


def _flatten(draft: Draft, it: nn.Flatten, path: str, value: str) -> str:
    return flattened(draft, value, it.start_dim, it.end_dim)


def flattened(draft: Draft, value: str, start: int, end: int) -> str:
    """All axes from one on as one."""
    if end not in (-1, 3):
        raise InputError(f"end_dim={end}: expected -1, the last.")
    return draft.node("Flatten", value, axis=start)


def _unflatten(draft: Draft, it: nn.Unflatten, path: str, value: str) -> str:
    if it.dim != 1:
        raise InputError(f"dim={it.dim}: expected 1.")
    return draft.node("Reshape", value, draft.array([0, *it.unflattened_size]))


def _softmax(operator: str) -> Put:
    def put(draft: Draft, it: nn.Softmax, path: str, value: str) -> str:
        if it.dim is None:
            raise InputError("dim=None: expected 1.")
        return draft.node(operator, value, axis=it.dim)

    return put


def _silu(draft: Draft, it: nn.SiLU, path: str, value: str) -> str:
    return draft.node("Mul", value, draft.node("Sigmoid", value))


def _plain(operator: str, *told: str, **known: float) -> Put:
    """A module that is one operator; `told` are its attributes, as `ours=theirs`."""
    names = [each.split("=") for each in told]
    return lambda draft, it, path, value: draft.node(
        operator, value, **known, **{ours: getattr(it, theirs) for ours, theirs in names}
    )


KINDS: dict[type[nn.Module], Put] = {
    nn.Conv2d: _conv,
    nn.Linear: _linear,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    Normalization: _normalization,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    AveragePooling2d: _uneven_average,
    nn.AdaptiveAvgPool2d: _adaptive("AdaptiveAveragePool"),
    nn.AdaptiveMaxPool2d: _adaptive("AdaptiveMaxPool"),
    nn.ZeroPad2d: _pad,
    nn.ConstantPad2d: _pad,
    nn.Dropout: _dropout,
    nn.Dropout1d: _dropout,
    nn.Dropout2d: _dropout,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Identity: _plain("Identity"),
    nn.ReLU: _plain("Relu"),
    nn.ReLU6: _plain("Clip", min=0.0, max=6.0),
    nn.Hardtanh: _plain("Clip", "min=min_val", "max=max_val"),
    nn.LeakyReLU: _plain("LeakyRelu", "alpha=negative_slope"),
    nn.PReLU: lambda draft, it, path, value: draft.node("PRelu", value, draft.array(numbers(it.weight))),
    nn.ELU: _plain("Elu", "alpha=alpha"),
    nn.SiLU: _silu,
    nn.GELU: _plain("Gelu", "approximate=approximate"),
    nn.Hardswish: _plain("HardSwish"),
    nn.Hardsigmoid: _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    nn.Sigmoid: _plain("Sigmoid"),
    nn.Tanh: _plain("Tanh"),
    nn.Softmax: _softmax("Softmax"),
    nn.LogSoftmax: _softmax("LogSoftmax"),
}
