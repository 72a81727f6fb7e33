"""The page on this machine: a socket, an address with a token in it, and a browser that is shown it."""

import errno
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from convlet.errors import InputError, StorageError
from convlet.explore.app import application
from convlet.explore.guard import LOOPBACK, Guard
from convlet.explore.studio import Studio

PORT, TRIED = 8765, 50  # the first port, and how many after it are tried


@dataclass(frozen=True)
class Address:
    """Where the page is. `url` holds the token, which is this launch's own."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'127.0.0.1' if self.host in ('0.0.0.0', '::') else name}:{self.port}/?token={self.token}"


def bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens, on `port` or the next free one. Raises StorageError, InputError."""
    first = PORT if port is None else port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tried in range(first, min(first + TRIED, 65536)) if first else (0,):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, tried))
            listening.listen(64)
            return listening
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise InputError(f"host={host!r}: this machine has no such address ({error.strerror}).") from None
    raise StorageError(f"ports {first} to {first + TRIED - 1}: all are taken; name another with --port.")


def allowed(host: str) -> tuple[str, ...]:
    """The names that requests may come under: this machine's own, and the one that was asked for."""
    others = (socket.gethostname(), *_addresses()) if host in ("0.0.0.0", "::") else (host,)
    return tuple(dict.fromkeys((*LOOPBACK, *(name.lower() for name in others))))


def _addresses() -> tuple[str, ...]:
    try:
        return tuple(str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None))
    except OSError:
        return ()


class Stopper:
    """Ends a server from another thread: what Ctrl-C is for the main one."""

    def __init__(self) -> None:
        self.server: uvicorn.Server | None = None

    def __call__(self) -> None:
        if self.server is not None:
            self.server.should_exit = True


def serve(
    studio: Studio,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    language: str | None = None,
    browser: bool = True,
    said: Callable[[Address], None] = lambda address: None,
    stopper: Stopper | None = None,
) -> None:
    """Serve until Ctrl-C, SIGTERM or the `stopper`. `said` is told the address as soon as the page answers there."""
    listening = bound(host, port)
    address = Address(host, listening.getsockname()[1], secrets.token_urlsafe(24))
    guarded = Guard(application(studio, language), address.token, allowed(host))
    config = uvicorn.Config(
        guarded,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
        limit_concurrency=100,
        h11_max_incomplete_event_size=16_384,
        ws="none",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    if stopper is not None:
        stopper.server = server
    said(address)
    if browser:
        threading.Thread(target=_show, args=(address.url,), daemon=True).start()
    try:
        server.run(sockets=[listening])
    finally:
        studio.end()
        listening.close()


def _show(url: str) -> None:
    """Open a browser, if there is one; else the printed address has to do."""
    with suppress(webbrowser.Error):
        webbrowser.open(url)
