"""What PyTorch lacks of our layers, each as a small module: images (N, C, H, W), as all of PyTorch's have them."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

Tensor = Any  # torch.Tensor
Sides = tuple[int, int, int, int]  # left, right, top, bottom, as PyTorch's padding modules have them


class Residual(nn.Module):  # type: ignore[misc]  # unknown where PyTorch is not followed
    """What layers make of a value, plus what the shortcut makes of it: without layers that is the value itself."""

    def __init__(self, layers: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.layers, self.shortcut = layers, shortcut

    def forward(self, values: Tensor) -> Tensor:
        return self.layers(values) + self.shortcut(values)


class Rescaling(nn.Module):  # type: ignore[misc]  # likewise, as all below
    """Every number times one number, plus another."""

    def __init__(self, scale: float, offset: float) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, values: Tensor) -> Tensor:
        return values * self.scale + self.offset

    def extra_repr(self) -> str:
        return f"scale={self.scale:g}, offset={self.offset:g}"


class Normalization(nn.Module):  # type: ignore[misc]
    """Each channel of the images less its mean, divided by the root of its variance: numbers that are never learnt."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, images: Tensor) -> Tensor:
        return F.batch_norm(images, self.mean, self.variance, eps=self.eps)


class AveragePooling2d(nn.Module):  # type: ignore[misc]
    """The mean of each window, with pixels around the images that do not count, more on one side than on the other."""

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], padding: Sides) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, images: Tensor) -> Tensor:
        return self._pool(images) / self._pool(torch.ones_like(images))

    def _pool(self, images: Tensor) -> Tensor:
        """The mean of each window, padding counted as zeros."""
        return F.avg_pool2d(F.pad(images, self.padding), self.kernel_size, self.stride)


class ChannelsLast(nn.Module):  # type: ignore[misc]
    """Images (N, C, H, W) as (N, H, W, C): before they are flattened where no dense layer takes them as they are."""

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1)
