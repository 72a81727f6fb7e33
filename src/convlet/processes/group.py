"""The processes that train one network together: what they ask of each other, and the group of one."""

from collections.abc import Callable, Mapping
from typing import Protocol

Files = dict[str, bytes]  # of a run, by name
Accept = Callable[[Files], None]  # what is done with files that another process sends


class Group(Protocol):
    """The processes that train one network together. Each runs the same program on the same batches.

    `place` is this one's, from 0 to `count` - 1.
    """

    @property
    def place(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files and prints: the first."""
        ...

    def join(self, alike: Mapping[str, str], files: Files | None = None, accept: Accept | None = None) -> None:
        """Become one of the group, before anything is compiled.

        `alike` is what all must have in common, by name. The main process's `files` are given to every other one's
        `accept`, which may raise a ConvletError. Raises InputError, in every process, where something differs;
        GroupError where somebody does not come, or cannot take part.
        """
        ...

    def refuse(self, reason: str) -> None:
        """Tell the others that this process cannot take part, in place of joining."""
        ...


class Alone:
    """A group of one process, which has nobody to wait for."""

    place, count, is_main = 0, 1, True

    def join(self, alike: Mapping[str, str], files: Files | None = None, accept: Accept | None = None) -> None:
        """There is nobody to join."""

    def refuse(self, reason: str) -> None:
        """There is nobody to tell."""
