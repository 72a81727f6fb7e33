"""Weights changed by hand: silenced filters and edited weights, as the page sends them, put into a copy."""

from typing import Any

import numpy as np

from convlet.descriptions.network import Parameters, Sequential
from convlet.errors import InputError

MOST = 10_000


def edited(network: Sequential, parameters: Parameters, edits: Any) -> Parameters:
    """A copy of the parameters with the edits in it: [["silence", layer, filter], ["weight", name, index, value], …].

    To silence a filter is to make all its weights and its bias 0, so that it says nothing wherever it looks; `index` is
    a weight's place in reading order. Raises InputError where an edit has another form, or names what is not there.
    """
    if not isinstance(edits, list) or len(edits) > MOST:
        raise InputError(f"edits: {type(edits).__name__}; expected a list of at most {MOST:,}.")
    copy = {name: array.copy() for name, array in parameters.items()}
    learnt = {name for placed in network for name in placed.learnt}
    for edit in edits:
        match edit:
            case ["silence", str(layer), int(which)] if not isinstance(which, bool):
                _silence(network, copy, layer, which)
            case ["weight", str(name), int(index), int(value) | float(value)] if name in learnt:
                _set(copy, name, index, float(value))
            case _:
                raise InputError('edits: expected ["silence", layer, filter] or ["weight", name, index, value].')
    return copy


def _silence(network: Sequential, parameters: Parameters, layer: str, which: int) -> None:
    channels = next((placed.output_shape[-1] for placed in network if placed.name == layer), 0)
    names = [name for name in (f"{layer}/kernel", f"{layer}/bias") if name in parameters]
    if not names or not 0 <= which < channels:
        raise InputError("edits: no such filter to silence.")
    for name in names:  # the output's channels come last, also in (KH, KW, C, 1)
        parameters[name].reshape(-1, channels)[:, which] = 0


def _set(parameters: Parameters, name: str, index: int, value: float) -> None:
    if not 0 <= index < parameters[name].size or not np.isfinite(value) or abs(value) > 1e6:
        raise InputError("edits: no such weight, or no value for it: expected at most a million.")
    parameters[name].flat[index] = value
