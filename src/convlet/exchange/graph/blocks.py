"""From steps to a network: rows of layers, and blocks where two ways part and come together.

Where two values are added, the ways back from them meet at the last value that both depend on: there the block begins.
What is between is its layers, and its shortcut. A network of ours has no other ways than these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from convlet.descriptions.layers import Layer, Rescaling, Residual
from convlet.descriptions.network import Parameters, Sequential
from convlet.errors import InputError
from convlet.exchange.graph.steps import Array, Step

DEEPEST = 50  # blocks in blocks


@dataclass(frozen=True)
class Block:
    """Two rows from one value on, and the step that adds what they end in."""

    layers: "Row"
    shortcut: "Row"


Row = list[Step | Block]


def network_of(image: Step, last: Step) -> tuple[Sequential, Parameters]:
    """The network from the image to its last step, with its weights by public name.

    Raises InputError where values go other ways than a network of ours has.
    """
    row = _Ways(image, last).row(image, last, 0)
    if not row:
        return Sequential([Rescaling(1.0)], image.shape), {}
    try:
        network = Sequential(_layers(row, set()), image.shape)
    except InputError:  # one of the names is another layer's, which has none of its own
        network = Sequential(_layers(row, None), image.shape)
    parameters = dict(_weights(row, network.layers))
    network.check_parameters(parameters)
    return network, parameters


class _Ways:
    """The steps that an output depends on, each after those it is given, and what each depends on, as bits."""

    def __init__(self, image: Step, last: Step) -> None:
        self._steps = _in_order(last)
        self._place = {id(step): place for place, step in enumerate(self._steps)}
        self._before: list[int] = []
        for place, step in enumerate(self._steps):
            bits = 1 << place
            for given in step.inputs:
                bits |= self._before[self._place[id(given)]]
            self._before.append(bits)
        self._seen: set[int] = set()
        if self._steps[0] is not image:
            raise InputError("what comes out does not depend on what goes in.")

    def row(self, start: Step, end: Step, depth: int) -> Row:
        """What is between two steps, the last among it."""
        if depth > DEEPEST:
            raise InputError(f"more than {DEEPEST} blocks in each other.")
        row: Row = []
        while end is not start:
            place = self._place[id(end)]
            if place < self._place[id(start)] or place in self._seen:
                giving = repr(end.name) if end.name else "a node"
                raise InputError(
                    f"what {giving} gives goes to several nodes, and their ways do not come together "
                    "in a sum, as in a residual block; a network here has no other ways that part."
                )
            self._seen.add(place)
            if len(end.inputs) == 2:
                first, second = end.inputs
                fork = self._fork(first, second)
                layers, shortcut = self.row(fork, first, depth + 1), self.row(fork, second, depth + 1)
                row.append(Block(layers, shortcut) if layers else Block(shortcut, layers))
                end = fork
            else:
                row.append(end)
                (end,) = end.inputs
        return row[::-1]

    def _fork(self, first: Step, second: Step) -> Step:
        """The last step that both depend on, or are."""
        both = self._before[self._place[id(first)]] & self._before[self._place[id(second)]]
        return self._steps[both.bit_length() - 1]


def _in_order(last: Step) -> list[Step]:
    """All steps that the last one depends on, each after those it is given."""
    done: dict[int, Step] = {}
    waiting = [last]
    while waiting:
        step = waiting[-1]
        missing = [given for given in step.inputs if id(given) not in done]
        if missing:
            waiting += missing
        else:
            done[id(step)] = step
            waiting.pop()
    return list(done.values())


def _layers(row: Row, names: set[str] | None) -> list[Layer]:
    """The layers of a row, each with its step's name where that is not among `names` yet; with None, without names."""
    layers: list[Layer] = []
    for item in row:
        if isinstance(item, Block):
            layers.append(Residual(_layers(item.layers, names), shortcut=_layers(item.shortcut, names)))
            continue
        if item.layer is None:
            raise InputError(f"{item.curve.operator if item.curve else 'a node'}: no layer of convlet does that alone.")
        name = "" if names is None or item.name in names else item.name
        if names is not None:
            names.add(name)
        layers.append(replace(item.layer, name=name))
    return layers


def _weights(row: Row, layers: Sequence[Layer]) -> Iterator[tuple[str, Array]]:
    """Each weight by its public name: the layers are those of the row, named."""
    for item, layer in zip(row, layers, strict=True):
        if isinstance(item, Block):
            for inside, branch in zip((item.layers, item.shortcut), layer.branches, strict=True):
                yield from _weights(inside, branch)
        else:
            yield from ((f"{layer.name}/{name}", array) for name, array in item.weights.items())
