"""Several runs as one: a network that holds all of theirs side by side, and answers the mean of what they answer.

What it is not: a further kind of run. Its network is a plain one, of residual blocks whose branches are added: so it is
evaluated, saved, explained and exported as any other is.
That several small networks do better than one large one at the same cost: arXiv 2111.14493.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from convlet.checks import listed
from convlet.descriptions.layers import Layer, Rescaling, Residual
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.placing import nameless
from convlet.engines import engine as find_engine
from convlet.errors import InputError
from convlet.runs.history import History
from convlet.runs.run import Run


def average(runs: Sequence[Run]) -> Run:
    """One run of several, whose logits are the mean of theirs: a class is as probable as by their geometric mean.

    Raises InputError where they are no two runs or more, or do not know the same classes of images of one shape.
    """
    if not isinstance(runs, list | tuple) or len(runs) < 2 or not all(isinstance(run, Run) for run in runs):
        raise InputError(f"runs={runs!r}: expected a list of two runs or more.")
    first = runs[0]
    for run in runs[1:]:
        if (run.classes, run.network.input_shape) != (first.classes, first.network.input_shape):
            raise InputError(
                f"runs: one takes images of {first.network.input_shape} for {listed(first.classes[:20])}, another of "
                f"{run.network.input_shape} for {listed(run.classes[:20])}; expected the same."
            )
    network = _side_by_side([run.network for run in runs])
    program = find_engine(first.engine).compile(network, _together(runs, network))
    return Run(
        network, program, first.classes, History(first.history.batch_size), first.seed, first.engine, 0, data=first.data
    )


def _side_by_side(networks: Sequence[Sequential]) -> Sequential:
    """The networks as branches of blocks, in their order, and the mean behind them."""
    layers = _summed([nameless(network.layers) for network in networks])
    return Sequential([*layers, Rescaling(1 / len(networks))], networks[0].input_shape)


def _summed(rows: Sequence[tuple[Layer, ...]]) -> tuple[Layer, ...]:
    """What sums all that these rows of layers make: half of them in either branch, so that few blocks are in others."""
    if len(rows) == 1:
        return rows[0]
    half = (len(rows) + 1) // 2
    return (Residual(_summed(rows[:half]), shortcut=_summed(rows[half:])),)


def _together(runs: Sequence[Run], network: Sequential) -> Parameters:
    """Their parameters by the names that they have in the network of all: in its order, one run after the other."""
    arrays = [array for run in runs for array in _in_order(run)]
    return dict(zip(network.parameters, arrays, strict=True))


def _in_order(run: Run) -> list[NDArray[Any]]:
    parameters = run.program.state().parameters
    return [parameters[name] for name in run.network.parameters]
