"""A stream for what is only shown: progress and messages on stderr must never end the work they tell of.

Whoever read them may have left (`2>&1 | head -1`), the disk that stderr goes to may be full, its terminal closed.

What this is not: for results. Whoever asked for those must hear that they could not be written.
"""

import os
from contextlib import suppress
from functools import cache
from typing import Any, TextIO


@cache
def _nowhere() -> TextIO:
    """One stream that loses everything, for as long as the process."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123


class Unfailing:
    """A text stream on which writing never fails: what cannot be written is lost. None stands for a closed one."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or _nowhere()

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):  # AttributeError: one that only has a write
            self._stream.flush()

    def isatty(self) -> bool:
        with suppress(OSError, ValueError, AttributeError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
