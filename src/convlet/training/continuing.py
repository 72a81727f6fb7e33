"""A new run from another's weights: fine-tuning, on other data, at another rate, for other classes.

What it is not: going on with a run that was stopped, as if it had not been (`resuming`).
"""

from collections.abc import Sequence
from dataclasses import replace

from convlet.checks import listed
from convlet.descriptions.layers import Dense, Rescaling
from convlet.descriptions.network import Parameters, Sequential
from convlet.errors import InputError
from convlet.runs.run import Run


def from_run(
    run: Run, classes: tuple[str, ...], seed: int, freeze: Sequence[str] | None = None
) -> tuple[Sequential, Parameters, str]:
    """A run's network and weights, for these classes, and in words what is new.

    The layers that `freeze` names stay as they are, and all others are trained; where it is None, as in the run. Where
    the run has the same classes in another order, its last layer's outputs take that order. For any others its last
    layer, a Dense, is made anew: with initial values, by the seed. Raises InputError where its last layer is none, or
    is frozen and so cannot learn them, and where `freeze` names no layer.
    """
    network, weights = run.network, run.program.state().parameters
    if freeze is not None:
        network = network.freeze(*freeze)
    where = f"the run in {run.run_dir}" if run.run_dir else "a run in memory"
    said = f"From the weights of {where}, after step {run.history.steps:,}"
    if frozen := [placed.name for placed in network if not placed.layer.trainable]:
        said += f", with {', '.join(frozen)} frozen"
    if run.classes == classes:
        return network, weights, f"{said}."
    head = next(layer for layer in reversed(network.layers) if not isinstance(layer, Rescaling))
    if not isinstance(head, Dense):
        raise InputError(
            f"data of the classes {listed(classes[:20])} for a run of {listed(run.classes[:20])}: its last layer is "
            f"{type(head).__name__}, and only a Dense is made anew. Build a network for these classes."
        )
    if set(run.classes) == set(classes):
        return network, _in_order(weights, head, run.classes, classes), f"{said}; its classes in the order of the data."
    if not head.trainable:
        raise InputError(
            f"freeze={head.name!r}: for {_named(classes)}, this layer is made anew, and must be trained. Freeze others."
        )
    network = Sequential(
        [replace(head, units=len(classes)) if layer is head else layer for layer in network.layers], network.input_shape
    )
    fresh = network.initial_parameters(seed, weights[next(iter(weights))].dtype)
    kept = {name: weights[name] if not name.startswith(f"{head.name}/") else fresh[name] for name in fresh}
    return network, kept, f"{said}; its last layer, {head.name}, is made anew for {_named(classes)}."


def _in_order(weights: Parameters, head: Dense, before: tuple[str, ...], after: tuple[str, ...]) -> Parameters:
    """The weights with the last layer's outputs, the last axis of its kernel and bias, in another order."""
    places = [before.index(name) for name in after]
    own = {name: array[..., places] for name, array in weights.items() if name.startswith(f"{head.name}/")}
    return {**weights, **own}


def _named(classes: tuple[str, ...]) -> str:
    """How many classes there are, and which are the first of them."""
    return f"{len(classes)} classes: {listed(classes[:5])}{', …' if len(classes) > 5 else ''}"
