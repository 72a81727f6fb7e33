"""Files that are always whole.

A file appears complete or not at all: it is written beside its place, flushed to the disk, and then put there by one
rename, and the folder's entry is flushed too. A crash at any moment leaves the file as it was before, or as it is
after.
"""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from convlet.errors import StorageError


def write_file(path: Path, content: bytes) -> None:
    """Put a file in its place, whole, or leave what was there. Raises StorageError."""
    temporary = None
    try:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
        _flush_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written: {error.strerror or error}. What stands there is whole."
        ) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, nor need be
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:  # some network file systems flush no folders; the file itself is safe
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)
