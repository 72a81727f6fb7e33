"""PyTorch three times: as people write it, at its best in eager mode, and compiled."""

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from convlet.benchmarks.peers.peer import Array, Job, Peer, check_plain, plain_rate, unknown
from convlet.descriptions.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import IMAGE, Placed
from convlet.descriptions.optimizers import Adam

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
Batch = tuple[torch.Tensor, torch.Tensor]


class PyTorch(Peer):
    """Eager, channels first, `nn.Sequential` or, where there are shortcuts, a module that adds; default settings."""

    channels_last = False
    fused = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        torch.set_flush_denormal(True)  # before the first operation: threads inherit it
        torch.set_num_threads(job.threads)
        if torch.get_num_interop_threads() != 1:  # it can be set only once
            torch.set_num_interop_threads(1)
        torch.manual_seed(job.seed)
        self.version = f"torch {torch.__version__}"
        self.model = self.build().train(job.task == "training")
        self.optimizer = _optimizer(job, self.model, self.fused)
        self.loss = self.forward_and_loss
        self.logits = self.model.__call__

    def build(self) -> nn.Module:
        """The network with our weights."""
        made = {placed.name: nn.Sequential(*_modules(placed, self.channels_last)) for placed in self.job.network}
        for placed in self.job.network:
            made[placed.name].requires_grad_(placed.layer.trainable)
            _load(placed, list(made[placed.name]), self.job, self.channels_last)
        chain = [module for modules in made.values() for module in modules]
        branched = any(isinstance(placed.layer, Residual) for placed in self.job.network)
        model: nn.Module = _Branched(list(self.job.network), made) if branched else nn.Sequential(*chain)
        return model.to(memory_format=torch.channels_last) if self.channels_last else model

    def forward_and_loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(self.model(images), labels, label_smoothing=self.job.label_smoothing)

    def hold(self, images: Array, labels: Array) -> Batch:
        pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())  # (N, C, H, W)
        if self.channels_last:
            pixels = pixels.to(memory_format=torch.channels_last)
        return pixels, torch.from_numpy(labels.astype("int64"))

    def step(self, batch: Batch) -> torch.Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.zero_grad()
        loss = self.loss(*batch)
        loss.backward()
        self.optimizer.step()
        return loss

    def predict(self, batch: Batch) -> torch.Tensor:
        with torch.inference_mode():
            return self.logits(batch[0])

    def validated(self, images: Array) -> Array:
        self.model.eval()
        logits = super().validated(images)
        self.model.train()
        return logits

    def number(self, loss: torch.Tensor) -> float:
        return loss.item()

    def array(self, logits: torch.Tensor) -> Array:
        return logits.numpy()


class PyTorchAtItsBest(PyTorch):
    """Eager, channels last from end to end (flattening copies nothing), the optimizer's fused kernel."""

    channels_last = True
    fused = True


class PyTorchCompiled(PyTorchAtItsBest):
    """`torch.compile` around the network and its loss; for predicting, with the weights frozen."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        import torch._inductor.config as inductor

        warnings.filterwarnings("ignore", module="torch")
        inductor.freezing = job.task == "inference"
        if job.task == "training":
            self.loss = torch.compile(self.forward_and_loss, mode="max-autotune-no-cudagraphs")
        else:
            self.logits = torch.compile(self.model)


class _Branched(nn.Module):  # type: ignore[misc]  # unknown where PyTorch is not followed
    """A network with shortcuts: each layer is given the values of those before it that it names."""

    def __init__(self, network: list[Placed], made: dict[str, nn.Module]) -> None:
        super().__init__()
        self.rows = [(placed.name, placed.inputs) for placed in network]
        self.made = nn.ModuleDict(made)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = {IMAGE: images}
        for name, inputs in self.rows:
            first, *others = (values[each] for each in inputs)
            for other in others:  # not by sum(), which adds to 0: a copy more for every layer
                first = first + other
            values[name] = self.made[name](first)
        return values[name]


class _FlattenRows(nn.Module):  # type: ignore[misc]  # unknown where PyTorch is not followed
    """(N, C, H, W) in channels-last memory as (N, H·W·C), which is the same memory."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.permute(0, 2, 3, 1).flatten(1)


class _Rescaled(nn.Module):  # type: ignore[misc]  # likewise
    def __init__(self, scale: float, offset: float) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.scale + self.offset


def _modules(placed: Placed, channels_last: bool) -> list[nn.Module]:
    """The layer as PyTorch's, its activation after it."""
    match placed.layer:
        case Conv2D() as it if it.activation in (None, *ACTIVATIONS):
            return [*_convolution(placed, it), *_activation(it.activation)]
        case DepthwiseConv2D() as it if it.activation in (None, *ACTIVATIONS):
            return [*_convolution(placed, it, groups=placed.input_shape[2]), *_activation(it.activation)]
        case Dense() as it if it.activation in (None, *ACTIVATIONS):
            return [nn.Linear(placed.input_shape[0], it.units, bias=it.use_bias), *_activation(it.activation)]
        case MaxPooling2D() as it if it.padding == "valid":
            window = it.window(placed.input_shape)
            return [nn.MaxPool2d(window.size, window.strides)]
        case BatchNormalization() as it if len(placed.input_shape) == 3:
            return [nn.BatchNorm2d(placed.input_shape[2], it.epsilon, 1 - it.momentum)]
        case GlobalAveragePooling2D():
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case GlobalMaxPooling2D():
            return [nn.AdaptiveMaxPool2d(1), nn.Flatten()]
        case Residual():
            return []
        case Rescaling() as it:
            return [_Rescaled(it.scale, it.offset)]
        case Flatten():
            return [_FlattenRows() if channels_last and len(placed.input_shape) == 3 else nn.Flatten()]
        case Dropout() as it:
            return [nn.Dropout(it.rate)]
        case Activation() as it if it.activation in ACTIVATIONS:
            return _activation(it.activation)
    raise unknown(placed.layer)


def _convolution(placed: Placed, it: Conv2D | DepthwiseConv2D, groups: int = 1) -> list[nn.Module]:
    """Padding that differs before and after is a layer of its own."""
    window = it.window(placed.input_shape)
    (top, bottom), (left, right) = window.padding
    even = (top, left) == (bottom, right)
    padding = [] if even else [nn.ZeroPad2d((left, right, top, bottom))]
    options = {"padding": (top, left) if even else 0, "groups": groups, "bias": it.use_bias}
    channels, filters = placed.input_shape[2], placed.output_shape[2]
    return [*padding, nn.Conv2d(channels, filters, window.size, window.strides, **options)]


def _activation(name: str | None) -> list[nn.Module]:
    return [ACTIVATIONS[name]()] if name else []


def _load(placed: Placed, layers: list[nn.Module], job: Job, channels_last: bool) -> None:
    """Copy the layer's weights: kernels (KH, KW, C, F) to (F, C, KH, KW), dense (inputs, units) to (units, inputs)."""
    if not placed.parameters:
        return
    if isinstance(layers[-1], nn.BatchNorm2d):
        _load_normalization(placed, layers[-1], job)
        return
    module = next(layer for layer in reversed(layers) if isinstance(layer, nn.Conv2d | nn.Linear))
    kernel = job.parameters[f"{placed.name}/kernel"]
    if kernel.ndim == 4:
        kernel = kernel.transpose((2, 3, 0, 1) if isinstance(placed.layer, DepthwiseConv2D) else (3, 2, 0, 1))
    else:
        kernel = (kernel if channels_last else _channels_first(placed, kernel, job)).T
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel.copy()))
        if module.bias is not None:
            module.bias.copy_(torch.from_numpy(job.parameters[f"{placed.name}/bias"].copy()))


def _load_normalization(placed: Placed, module: nn.BatchNorm2d, job: Job) -> None:
    """What the layer has not, PyTorch's keeps as it begins: a scale of 1, an offset of 0."""
    arrays = (module.weight, module.bias, module.running_mean, module.running_var)
    with torch.no_grad():
        for array, name in zip(arrays, ("gamma", "beta", "moving_mean", "moving_variance"), strict=True):
            if f"{placed.name}/{name}" in placed.parameters:
                array.copy_(torch.from_numpy(job.parameters[f"{placed.name}/{name}"].copy()))
            else:
                array.requires_grad_(False)


def _channels_first(placed: Placed, kernel: Array, job: Job) -> Array:
    """A dense kernel whose inputs are flattened images, with its rows in (C, H, W) order; any other as it is."""
    image = next((each.input_shape for each in job.network if isinstance(each.layer, Flatten)), ())
    first = next(each.name for each in job.network if isinstance(each.layer, Dense))
    if placed.name != first or len(image) != 3:
        return kernel
    return kernel.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)


def _optimizer(job: Job, model: nn.Module, fused: bool) -> torch.optim.Optimizer:
    optimizer, rate = check_plain(job.optimizer), plain_rate(job.optimizer)
    options: dict[str, Any] = {"fused": True} if fused else {}
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if isinstance(optimizer, Adam):
        betas = (optimizer.beta_1, optimizer.beta_2)
        return torch.optim.Adam(learnt, rate, betas, optimizer.epsilon, **options)
    return torch.optim.SGD(learnt, rate, **options)
