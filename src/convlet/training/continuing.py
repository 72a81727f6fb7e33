"""A new run from another's weights: fine-tuning, on other data, at another rate, for other classes.

What it is not: going on with a run that was stopped, as if it had not been (`resuming`).
"""

from dataclasses import replace

from convlet.descriptions.layers import Dense
from convlet.descriptions.network import Parameters, Sequential
from convlet.errors import InputError
from convlet.runs.run import Run


def from_run(run: Run, classes: int, seed: int) -> tuple[Sequential, Parameters, str]:
    """A run's network and weights, for so many classes, and in words what is new.

    Where the run has another number of classes, its last layer, a Dense, is made anew: with initial values, by the
    seed. Raises InputError where its last layer is none.
    """
    network, weights = run.network, run.program.state().parameters
    where = f"the run in {run.run_dir}" if run.run_dir else "a run in memory"
    said = f"From the weights of {where}, after step {run.history.steps:,}"
    if len(run.classes) == classes:
        return network, weights, f"{said}."
    head = network.layers[-1]
    if not isinstance(head, Dense):
        raise InputError(
            f"data of {classes} classes for a run of {len(run.classes)}: its last layer is {type(head).__name__}, and "
            "only a Dense is made anew. Build a network for these classes."
        )
    network = Sequential((*network.layers[:-1], replace(head, units=classes)), network.input_shape)
    fresh = network.initial_parameters(seed, weights[next(iter(weights))].dtype)
    kept = {name: weights[name] if not name.startswith(f"{head.name}/") else fresh[name] for name in fresh}
    return network, kept, f"{said}; its last layer, {head.name}, is made anew for {classes} classes."
