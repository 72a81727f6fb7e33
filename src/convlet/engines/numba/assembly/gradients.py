"""Where the gradients of values lie: in a few pieces of memory, each used again once its gradient has been read.

A gradient is read soon after it was written, and never again. If each had memory of its own, every block would write to
memory that has long left the cache; a few pieces, in turn, stay there.

A gradient that several blocks give is written in parts, one by each of them, which are added up in the first one's
place. Values with padding channels have memory of their own: kernels leave what is 0 there as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

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
    memory = _memory(blocks, _has_padding(blocks, frames))
    rooms: dict[str, Room] = {}
    for (name, _), where in memory.items():
        own, so_far = room(blocks, name, frames[name]), rooms.get(where, Room(0, 0))
        rooms[where] = Room(max(own.each, so_far.each), max(own.after, so_far.after))
    return {part: (where, rooms[where]) for part, where in memory.items()}


def _has_padding(blocks: Sequence[Block], frames: Mapping[str, Frame]) -> Callable[[str], bool]:
    shapes = {name: block.input_shape for block in blocks for name in block.inputs}
    shapes |= {block.gives: block.output_shape for block in blocks}
    return lambda name: frames[name].channels != image_size(shapes[name]).C


def _memory(blocks: Sequence[Block], has_padding: Callable[[str], bool]) -> dict[Part, str]:
    """Block by block, from the last one on: what it reads is there until it has written all that it gives."""
    found: dict[Part, str] = {}
    free: list[str] = []
    made = 0

    def take(name: str, reader: str) -> None:
        nonlocal made
        if has_padding(name):
            found[name, reader] = f"gradient {name} by {reader}"
            return
        if not free:
            free.append(f"gradients {made}")
            made += 1
        found[name, reader] = free.pop()

    def leave(part: Part) -> None:
        if not has_padding(part[0]):
            free.append(found[part])

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
