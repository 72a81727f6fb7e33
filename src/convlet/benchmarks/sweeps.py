"""Sweeps: workloads in a row that differ in one number, to see how a cost grows."""

from collections.abc import Callable
from dataclasses import replace

from convlet.benchmarks.workloads import Workload, convolution, of_recipe
from convlet.checks import one_of
from convlet.descriptions.initializers import HeNormal
from convlet.descriptions.layers import Dense, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.environment import cores


def two_convolutions(channels: int = 32, side: int = 28) -> Sequential:
    """deep-mnist's plan with a small dense layer, so that it is the convolutions that grow."""
    first, second = convolution(channels, 5), convolution(2 * channels, 5)
    dense = Dense(128, "relu", kernel_initializer=HeNormal())
    return Sequential(
        [first, MaxPooling2D(), second, MaxPooling2D(), Flatten(), dense, Dense(10)], input_shape=(side, side, 1)
    )


def _batches() -> list[Workload]:
    sizes = (1, 5, 10, 20, 50, 100, 200, 500)
    return [replace(of_recipe("deep-mnist", batch_size=size), name=f"batch-{size}", value=size) for size in sizes]


def _images() -> list[Workload]:
    return [
        Workload(f"image-{side}", f"{side} × {side} pixels, batch 16", two_convolutions(side=side), 16, value=side)
        for side in (14, 28, 56, 112)
    ]


def _channels() -> list[Workload]:
    return [
        Workload(f"channels-{c}", f"{c} and {2 * c} filters, batch 16", two_convolutions(c), 16, value=c)
        for c in (4, 8, 16, 32, 64, 128)
    ]


def _threads() -> list[Workload]:
    base = of_recipe("deep-mnist")
    return [
        replace(base, name=f"threads-{n}", title=f"{base.title}, {n} threads", value=n, threads=n)
        for n in range(1, cores() + 1)
    ]


SWEEPS: dict[str, Callable[[], list[Workload]]] = {
    "batch": _batches,
    "image": _images,
    "channels": _channels,
    "threads": _threads,
}
AXES = {  # what grows, and a title
    "batch": ("images a batch", "How a step's time grows with the batch"),
    "image": ("rows and columns of an image", "How a step's time grows with the images"),
    "channels": (
        "filters of the first convolution; the second has twice as many",
        "How a step's time grows with the filters",
    ),
    "threads": ("threads", "How a step's time shrinks with more threads"),
}


def sweep(name: str) -> list[Workload]:
    """The workloads of a sweep, smallest first. Raises InputError."""
    one_of("sweep", name, SWEEPS)
    return SWEEPS[name]()
