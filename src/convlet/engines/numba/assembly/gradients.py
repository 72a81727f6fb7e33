"""Where the gradients of values lie: in a few pieces of memory, each used again once its gradient has been read.

A gradient is read soon after it was written, and never again. If each had memory of its own, every block would write to
memory that has long left the cache; a few pieces, in turn, stay there. A piece is shared by gradients that are stored
in the same way, so that the place of an image is no other image's, for some images may be further on than others
(`chains.py`). Where there are padding channels, none is shared: some kernels leave them as they are, and others write
there what is 0 only as long as all gradients are numbers.

A gradient that several blocks give is written in parts, one by each of them, which are added up in the first one's
place.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from convlet.engines.numba.assembly.blocks import Block
from convlet.engines.numba.assembly.layouts import image_size, readers, view
from convlet.engines.numba.buffers import Frame

Part = tuple[str, str]  # a value's name, and that of the reader's output who gives its gradient; of the loss, ""


class Room(NamedTuple):
    """How much memory a value takes: floats for each image, and what a reader that begins later may write after all."""

    each: int
    after: int

    def floats(self, N: int) -> int:
        return N * self.each + self.after


def room(blocks: Sequence[Block], name: str, frame: Frame) -> Room:
    """The Room of a value, as its readers see it."""
    return Room(frame.size, max([0, *(view(frame, reader)[0] for reader in readers(blocks, name))]))


def places(blocks: Sequence[Block], frames: Mapping[str, Frame]) -> dict[Part, tuple[str, Room]]:
    """The memory's name, and all of its Room, of each gradient that a backward pass through these blocks writes."""
    memory = _memory(blocks, frames)
    rooms: dict[str, Room] = {}
    for (name, _), where in memory.items():
        each, after = room(blocks, name, frames[name])
        rooms[where] = Room(each, max(after, rooms[where].after if where in rooms else 0))
    return {part: (where, rooms[where]) for part, where in memory.items()}


def _memory(blocks: Sequence[Block], frames: Mapping[str, Frame]) -> dict[Part, str]:
    """Block by block, from the last one on: what it reads is there until it has written all that it gives."""
    shapes = {name: block.input_shape for block in blocks for name in block.inputs}
    shapes |= {block.gives: block.output_shape for block in blocks}
    padded = {name for name, frame in frames.items() if frame.channels > image_size(shapes[name]).C}
    kinds = {name: name if name in padded else frame for name, frame in frames.items()}
    found: dict[Part, str] = {}
    free: defaultdict[Any, list[str]] = defaultdict(list)

    def take(name: str, reader: str) -> None:
        new = f"gradient {name} by {reader}"
        found[name, reader] = free[kinds[name]].pop() if free[kinds[name]] else new

    def leave(part: Part) -> None:
        free[kinds[part[0]]].append(found[part])

    take(blocks[-1].gives, "")
    for block in reversed(blocks):
        total, *others = parts(blocks, block.gives)
        for part in others:
            leave(part)  # added up before anything else is written
        for name in block.inputs:
            take(name, block.gives)
        leave(total)
    return found


def parts(blocks: Sequence[Block], name: str) -> list[Part]:
    """The parts of a value's gradient, in the order in which they are added up."""
    return [(name, reader.gives) for reader in readers(blocks, name)] or [(name, "")]
