"""One call of a C function, and where in the scratch memory its values lie.

A value lives from the call that makes it to the last one that is given it. Those that live at the same time lie beside
each other, others on top of each other: the largest is placed first, each as low as it can be (as TensorFlow Lite's
planner does). So a network needs little more memory than its two largest neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from convlet.descriptions.network import IMAGE

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """A call of a C function: the values that it is given and the one that it makes, by name; what else, as C.

    `size` is how many numbers it makes; `arrays` what has to be defined for it, by name: an array, or C after the type
    of a struct. One that works number by number may be `in_place`: what it makes may lie where what it is given lay.
    """

    function: str
    inputs: tuple[str, ...]
    output: str
    size: int
    more: tuple[str, ...] = ()
    arrays: Mapping[str, "Array | Struct"] = field(default_factory=dict)
    in_place: bool = False


@dataclass(frozen=True)
class Struct:
    """A constant of one of the functions' own types: its members in order, as C."""

    kind: str
    members: tuple[str, ...]


@dataclass
class _Span:
    """So many numbers, needed from one call to another, both included."""

    size: int
    begin: int
    end: int
    at: int = 0

    def meets(self, other: "_Span") -> bool:
        return self.begin <= other.end and other.begin <= self.end


def places(calls: Sequence[Call]) -> tuple[dict[str, int], int]:
    """Where each value lies, but for the last, which is not kept in the scratch memory; and how large that must be."""
    last_use = {name: place for place, call in enumerate(calls) for name in call.inputs}
    spans: dict[str, _Span] = {}
    for place, call in enumerate(calls[:-1]):
        end = last_use[call.output]
        ending = [name for name in call.inputs if name != IMAGE and last_use[name] == place]
        if call.in_place and ending:
            spans[call.output] = spans[ending[0]]
            spans[call.output].end = end
        else:
            spans[call.output] = _Span(call.size, place, end)
    placed: list[_Span] = []
    for span in sorted({id(span): span for span in spans.values()}.values(), key=lambda span: -span.size):
        for other in sorted((other for other in placed if other.meets(span)), key=lambda other: other.at):
            if other.at - span.at >= span.size:
                break
            span.at = max(span.at, other.at + other.size)
        placed.append(span)
    return {name: span.at for name, span in spans.items()}, max((span.at + span.size for span in placed), default=0)
