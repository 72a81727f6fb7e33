"""The scales of a network in integers, by what its layers make of images; and how often it is right then.

A scale reaches from the smallest number that occurs to the largest. To cut off the rarest was measured too: it made
logits differ more, on every network that was tried (docs/log.md).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from convlet.datasets import Examples
from convlet.datasets.images import Images, scaled
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import engine
from convlet.errors import DataError
from convlet.exchange.c.int8.quantizing import Ranges, Step, answer, quantized
from convlet.exchange.seen import as_bytes, data_of, few_enough
from convlet.runs.run import Run

AT_ONCE, ROOM = 50, 10_000_000  # images that are computed at a time, and the numbers that layers may make of them
CALIBRATING = 1000  # images at most
PRODUCTS, EVALUATING = 20_000_000_000, 50_000_000_000  # multiply-adds that either may cost: seconds


@dataclass(frozen=True)
class Calibrated:
    """A network in integers: its scales are from so many images of a part, "validation", or "train" without such.

    On so many validation images the trained network has one accuracy, and this one the other; None without such.
    """

    images: int
    part: str
    validation_images: int = 0
    float32_accuracy: float | None = None
    int8_accuracy: float | None = None


def calibrated(run: Run, network: Sequential, parameters: Parameters, *, uint8: bool) -> tuple[list[Step], Calibrated]:
    """A run's network, which was simplified, in integers, by its own images.

    Raises DataError where these cannot be found, InputError where a layer cannot be in integers.
    """
    data = data_of(run)
    if data is None:
        raise DataError(
            "weights='int8': scales are measured on the run's own images, and these cannot be found. Put the data back "
            "where the run's recipe.toml says, or let weights be 'float32'."
        )
    part = data.train if data.validation is None else data.validation
    seen = part.images[: min(CALIBRATING, few_enough(run, PRODUCTS))]
    steps = quantized(network, parameters, ranges(network, parameters, seen), uint8=uint8)
    if data.validation is None:
        return steps, Calibrated(len(seen), "train")
    validation = data.validation.take(slice(few_enough(run, EVALUATING)))
    right = run.evaluate(validation).accuracy, _accuracy(steps, validation, uint8)
    return steps, Calibrated(len(seen), "validation", len(validation), *right)


def ranges(network: Sequential, parameters: Parameters, images: Images) -> Ranges:
    """The smallest and the largest number that each layer of a simplified network makes of images (N, H, W, C)."""
    program, found = engine("numpy").compile(network, parameters), dict[str, tuple[float, float]]()
    for some in _batches(len(images), sum(math.prod(placed.output_shape) for placed in network)):
        for name, values in program.activations(scaled(images[some])).items():
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found


def _batches(images: int, numbers: int) -> Iterator[slice]:
    """All images, as many at a time as there is room for, where so many numbers are made of each."""
    size = min(AT_ONCE, max(1, ROOM // numbers))
    return (slice(start, start + size) for start in range(0, images, size))


def _accuracy(steps: list[Step], examples: Examples, uint8: bool) -> float:
    right = 0
    for some in _batches(len(examples), sum(step.call.size for step in steps)):
        images, labels = examples.batch(some)
        right += int((answer(steps, as_bytes(images) if uint8 else images).argmax(axis=1) == labels).sum())
    return right / len(examples)
