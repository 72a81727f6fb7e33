"""The processes of a run find each other, before JAX connects them: all arrive, or all are told who is missing.

JAX meets at the same place afterwards, but ends a process from within, with no error to catch, where another one does
not come. One line of text each way over TCP: "convlet 1/4" from process 1 of 4, "go" from process 0 once all are there.
"""

import socket
import time
from contextlib import ExitStack

from convlet.errors import EngineError, InputError

LINE = 64  # bytes that a greeting may have at most
GO = b"go\n"


def meet(place: int, count: int, meeting: str, timeout: float) -> None:
    """Return once all `count` processes are at `meeting`, "host:port" of process 0.

    Raises EngineError after `timeout` seconds, and InputError where a process counts differently.
    """
    host, _, port = meeting.rpartition(":")
    deadline = time.monotonic() + timeout
    if place == 0:
        _receive_all(count, int(port), deadline)
    else:
        _reach_first(place, count, (host.strip("[]"), int(port)), deadline)


def _receive_all(count: int, port: int, deadline: float) -> None:
    """Process 0: wait for the others, then let all of them go."""
    with ExitStack() as open_sockets:
        try:
            server = open_sockets.enter_context(_listen(port))
        except OSError as error:
            raise EngineError(f"hosts: port {port} cannot be used here ({error}). Choose another one.") from error
        arrived: dict[int, socket.socket] = {}
        while len(arrived) < count - 1:
            try:
                server.settimeout(max(deadline - time.monotonic(), 0.001))
                peer = open_sockets.enter_context(server.accept()[0])
            except TimeoutError:
                missing = ", ".join(str(place) for place in range(1, count) if place not in arrived)
                raise EngineError(
                    f"process 0 of {count} waited at port {port}, but these did not come: process {missing}. "
                    "Start all of them with the same hosts, and check that they can reach this port."
                ) from None
            if (place := _place_in(_read_line(peer), count)) is not None:
                arrived[place] = peer
        for peer in arrived.values():
            peer.sendall(GO)


def _reach_first(place: int, count: int, address: tuple[str, int], deadline: float) -> None:
    """Any other process: go to process 0, as often as it takes, and wait for its word."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(address, timeout=left) as first:
                first.sendall(f"convlet {place}/{count}\n".encode())
                if _read_line(first, left) == GO:
                    return
        except OSError:  # not there yet, or gone again
            pass
        time.sleep(0.1)
    raise EngineError(
        f"process {place} of {count} could not reach process 0 at {address[0]}:{address[1]}, or not all others came "
        "there. Start all of them with the same hosts, and check that the port is open."
    )


def _place_in(greeting: bytes, count: int) -> int | None:
    """The place that a process says it has; None for a stranger."""
    if not greeting.startswith(b"convlet ") or not greeting.endswith(b"\n"):
        return None
    place, _, total = greeting.removeprefix(b"convlet ").strip().partition(b"/")
    if not (place.isdigit() and total.isdigit()):
        return None
    if int(total) != count:
        raise InputError(f"hosts: process {int(place)} counts {int(total)} of them, process 0 counts {count}.")
    return int(place) if 0 < int(place) < count else None


def _read_line(connection: socket.socket, timeout: float = 5) -> bytes:
    """What the other side says, to the end of its line; nothing where it stays silent."""
    connection.settimeout(timeout)
    try:
        return connection.makefile("rb").readline(LINE)
    except OSError:
        return b""


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
