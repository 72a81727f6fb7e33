"""What libraries say below Python, straight to a file descriptor, at moments when nobody asked them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """While inside, what is said on stdout goes to stderr: on stdout only results belong."""
    sys.stdout.flush()
    with _in_place_of(1, 2):
        yield


@contextmanager
def hold_back_stderr() -> Iterator[None]:
    """While inside, nothing is said on stderr. It is said afterwards, where that ends with an error."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        try:
            with _in_place_of(2, held.fileno()):
                yield
        except BaseException:
            held.seek(0)
            os.write(2, held.read())
            raise


@contextmanager
def _in_place_of(descriptor: int, other: int) -> Iterator[None]:
    """While inside, the descriptor leads where the other one does."""
    kept = os.dup(descriptor)
    os.dup2(other, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
