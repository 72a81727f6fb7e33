"""Engine against engine, on real images: every layer's output, every gradient, the first losses of training.

The measure is the numpy engine in float64. A difference is quoted as the largest there is, and relative to the
largest number it could be seen beside: max |a − b| / max |b|.

A gradient jumps where ReLU's input goes through 0, or two numbers of a pooling window change places. Where one of a
batch's many units lies within rounding of such a kink, engines may be on either side of it, and neither is wrong. So
where gradients differ, the measure says whether it jumps there itself, and as far, by weights moved as little as
rounding does; if so, the next batch is compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from convlet.datasets import Dataset, Pair
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import ENGINES, Program
from convlet.engines import engine as find_engine
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.runs.recipe import Recipe, Training, load_recipe
from convlet.training.batches import batch_of_step
from convlet.training.fit import check_data
from convlet.training.initial import initial_parameters

Kind = Literal["output", "gradient", "loss"]
TOLERANCES: dict[Kind, float] = {
    "output": 1e-5,  # some sixty roundings of float32, at 6e-8 each
    "gradient": 1e-4,  # sums over a batch of numbers that nearly cancel
    "loss": 1e-3,  # training lets small differences grow
}
ROUNDING = 3e-6  # of each weight: moves outputs as far as float32 does after some layers, a third of their tolerance
MOVES = 4  # each of all weights at random: so many miss a unit that rounding takes over its kink with a chance of 1/16
JUMPS = 10  # times the measure's own jump: what it excuses in an engine
BATCHES = 10  # to be compared on, at most


@dataclass(frozen=True)
class Difference:
    """How far one array of an engine is from the reference's."""

    kind: Kind
    name: str
    largest: float
    relative: float

    @property
    def within(self) -> bool:
        """Whether it is within the tolerance of its kind. A NaN never is."""
        return self.relative <= TOLERANCES[self.kind]


@dataclass(frozen=True)
class Comparison:
    """One engine against the reference. `batch` counts from 1: that whose gradients were compared."""

    engine: str
    differences: tuple[Difference, ...]
    losses: tuple[float, ...]
    reference_losses: tuple[float, ...]
    batch: int = 1

    @property
    def within(self) -> bool:
        return _all_within(self.differences)


def compare(
    network: Recipe | str | Path | Sequential,
    data: Dataset | str | Path | Pair | None = None,
    *,
    engines: Sequence[str] = ("numpy", "numba"),
    steps: int = 20,
    threads: int | None = None,
    watch: Callable[[str], None] = lambda name: None,
) -> list[Comparison]:
    """Each engine, in float32, against the numpy engine in float64: on a recipe's first batch, then `steps` steps.

    Gradients are of the first batch where none of them jumps within rounding, of at most ten.

    `network` is a recipe, the name of a built-in one, the path of a .toml file; or a network, which is trained by Adam
    on batches of 50. `data` is what `fit` takes; by default the recipe's own, and MNIST for a network. `threads` is how
    many this process uses from now on. Of a recipe with fewer steps, only those are compared.

    Raises what `engine` raises, before anything is computed; InputError without an engine; DataError where the recipe
    and the data do not fit.
    """
    if threads is not None:
        limit_threads(threads)
    if not engines:
        raise InputError(f"engines={list(engines)}: expected at least one of {', '.join(ENGINES)}.")
    for name in engines:
        find_engine(name)
    recipe, images = _recipe(network, steps).on(data)
    check_data(recipe, images)
    total = recipe.training.total_steps(len(images.train))
    steps = min(steps, total)
    outputs, gradients, losses = _observe("numpy", recipe, images, steps, np.float64)
    comparisons = []
    for name in engines:
        watch(name)
        own_outputs, own_gradients, own_losses = _observe(name, recipe, images, steps, np.float32)
        found, batch, still = tuple(_differences("gradient", own_gradients, gradients)), 0, gradients
        while (
            not _all_within(found) and batch + 1 < min(BATCHES, total) and _excused(found, still, recipe, images, batch)
        ):
            batch += 1
            still = _gradients("numpy", recipe, images, batch, np.float64)
            found = tuple(_differences("gradient", _gradients(name, recipe, images, batch, np.float32), still))
        differences = (
            *_differences("output", own_outputs, outputs),
            *found,
            *_differences("loss", own_losses, losses),
        )
        own_values, values = tuple(own_losses.values()), tuple(losses.values())
        comparisons.append(Comparison(name, differences, own_values, values, batch + 1))
    return comparisons


def _all_within(differences: Sequence[Difference]) -> bool:
    return all(difference.within for difference in differences)


def _excused(found: Sequence[Difference], still: Parameters, recipe: Recipe, data: Dataset, batch: int) -> bool:
    """Whether the reference's gradients, `still`, jump as far by a rounding of the weights. A NaN never is excused."""
    jump = dict.fromkeys((each.name for each in found), 0.0)
    for move in range(1, MOVES + 1):
        for each in _differences("gradient", _gradients("numpy", recipe, data, batch, np.float64, move), still):
            jump[each.name] = max(jump[each.name], each.relative)
    return all(each.within or each.relative <= JUMPS * jump[each.name] for each in found)


def _gradients(name: str, recipe: Recipe, data: Dataset, batch: int, dtype: Any, move: int = 0) -> Parameters:
    """An engine's gradients of a batch with the initial weights, moved at random where `move`, the seed, is not 0."""
    random = np.random.default_rng(move)
    parameters = {
        name: (array * (1 + ROUNDING * random.standard_normal(array.shape) * (move > 0))).astype(dtype)
        for name, array in initial_parameters(recipe.network, data, recipe.training.seed).items()
    }
    program = find_engine(name).compile(recipe.network, parameters, recipe.optimizer)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return program.gradients(batch_of_step(recipe, data.train, batch, engine=name))[1]


def _recipe(network: Recipe | str | Path | Sequential, steps: int) -> Recipe:
    if isinstance(network, Sequential):
        return Recipe("compare", network, Training(steps=steps))
    return network if isinstance(network, Recipe) else load_recipe(network)


def _observe(
    name: str, recipe: Recipe, data: Dataset, steps: int, dtype: Any
) -> tuple[Parameters, Parameters, dict[str, float]]:
    """Outputs and gradients of the first batch with the initial weights, and the loss of each of the first steps."""
    training = recipe.training
    initial = initial_parameters(recipe.network, data, training.seed)
    parameters = {name: array.astype(dtype) for name, array in initial.items()}
    program = find_engine(name).compile(recipe.network, parameters, recipe.optimizer)
    batch = batch_of_step(recipe, data.train, 0, engine=name)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is not finite is shown, in red
        outputs = program.activations(batch.images)
        _, gradients = program.gradients(batch)
        losses = {f"step {step}": loss for step, loss in enumerate(_losses(name, program, recipe, data, steps), 1)}
    return outputs, gradients, losses


def _losses(name: str, program: Program, recipe: Recipe, data: Dataset, steps: int) -> Iterator[float]:
    total = recipe.training.total_steps(len(data.train))
    for step in range(steps):
        loss, _ = program.step(batch_of_step(recipe, data.train, step, engine=name), recipe.optimizer.rate(step, total))
        yield loss


def _differences(kind: Kind, own: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterator[Difference]:
    for name, expected in reference.items():
        with np.errstate(invalid="ignore", over="ignore"):
            largest = float(np.max(np.abs(own[name] - expected)))
            scale = float(np.max(np.abs(expected))) or 1.0
            yield Difference(kind, name, largest, float(np.divide(largest, scale)))
