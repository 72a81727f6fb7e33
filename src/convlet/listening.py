"""What both servers of this machine stand on: a socket, the names it may be asked under, and bodies that have a size
and a time to arrive. Routes, and who else is let in, are each server's own.

A page on another site can make a browser send requests to this machine. So a request must come under a name of this
machine (else a foreign name was pointed here: DNS rebinding), and from no page but one of this very server.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from convlet.errors import InputError, StorageError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")  # addresses that stand for all of a machine's
READING, WRITING = ("GET", "HEAD"), ("POST",)


class RefusedError(Exception):
    """A request that is answered with this status, and nothing else."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Stopper:
    """Ends a server of uvicorn's from another thread: what Ctrl-C is for the main one."""

    def __init__(self) -> None:
        self.server: Any = None

    def __call__(self) -> None:
        if self.server is not None:
            self.server.should_exit = True


def bound(host: str, port: int, tried: int = 1) -> socket.socket:
    """A socket that listens, on `port` or the first free one of so many; 0 is any.

    Raises StorageError where they are taken, or not for this user; InputError where there is no such host.
    """
    if not host:  # which would be all of this machine's addresses
        raise InputError("host='': expected an address of this machine, such as 127.0.0.1; 0.0.0.0 is all of them.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    permitted = False  # to listen on at least one of them
    for number in range(port, min(port + tried, 65536)) if port else (0,):
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio lets Nagle delay
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(64)
            return listening
        except TypeError:  # what Python raises for a name that nothing can have
            listening.close()
            raise InputError(f"host={host!r}: this machine has no such address.") from None
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise InputError(f"host={host!r}: this machine has no such address ({error.strerror}).") from None
            permitted = permitted or error.errno != errno.EACCES
    which = f"port {port}: it is" if tried == 1 else f"ports {port} to {port + tried - 1}: all are"
    if not permitted:
        other = "one from 1024 on" if port < 1024 else "another"
        raise StorageError(f"{which} not for this user (permission denied); name {other} with --port.")
    raise StorageError(f"{which} taken; name another with --port.")


def address(host: str, port: int) -> str:
    """The address under which this machine reaches what listens there."""
    name = LOOPBACK[0] if host in ANY else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


def allowed(host: str) -> tuple[str, ...]:
    """The names that requests may come under: this machine's own, and the one that was asked for."""
    others = (socket.gethostname(), *_addresses()) if host in ANY else (host,)
    return tuple(dict.fromkeys((*LOOPBACK, *(name.lower() for name in others))))


def _addresses() -> tuple[str, ...]:
    try:
        return tuple(str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None))
    except OSError:
        return ()


def headers_of(scope: Message) -> dict[str, str]:
    """A request's headers, by their names in small letters."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def hostname(host: str) -> str | None:
    """The name in a Host header, without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname if parts.netloc == host and parts.username is None and parts.port != 0 else None
    except ValueError:
        return None


def check_addressed(method: str, headers: Mapping[str, str], hosts: Collection[str], otherwise: str) -> None:
    """Raise RefusedError unless a request comes under one of the `hosts`, and from no page of another server.

    `otherwise` is what it is told where it comes under another name.
    """
    if method not in (*READING, *WRITING):
        raise RefusedError(405, "Only GET and POST.")
    if hostname(headers.get("host", "")) not in hosts:
        raise RefusedError(403, otherwise)
    own = f"http://{headers['host']}"
    if headers.get("origin", own) != own:
        raise RefusedError(403, "origin: a page of another server asked for this.")


async def whole_body(
    headers: Mapping[str, str],
    receive: Receive,
    *,
    largest: int,
    seconds: float,
    arrived: Callable[[int], None] = lambda size: None,
) -> bytes:
    """The body, received here whole, so that no route waits for one that is too long or never comes.

    `arrived` is told of each piece's bytes, and may refuse them. Raises RefusedError with 400, 408 or 413.
    """
    declared = headers.get("content-length", "0")
    if not declared.isdecimal():
        raise RefusedError(400, "The length of the body is no number.")
    if int(declared[:20]) > largest:
        raise RefusedError(413, f"At most {largest:,} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "The body broke off.")
                piece = message.get("body", b"")
                arrived(len(piece))
                body += piece
                if len(body) > largest:
                    raise RefusedError(413, f"At most {largest:,} bytes.")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise RefusedError(408, "The body did not arrive in time.") from None


def replayed(body: bytes, receive: Receive) -> Receive:
    """What gives the body once more, and then what is yet to come: that the client leaves."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
