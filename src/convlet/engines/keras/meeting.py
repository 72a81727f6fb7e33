"""The processes of a run find each other, before JAX connects them: all arrive, or all are told who is missing.

JAX meets at the same place afterwards, but ends a process from within, with no error to catch, where another one does
not come. Here one line of JSON goes each way over TCP: from every other process who it is and what it has, and from
process 0, once all are there, either what is wrong or the files it gives them, whose bytes follow.
"""

import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

from convlet.errors import GroupError, InputError

LINE = 65536  # bytes that a line may have at most
GREETING = "convlet"  # what a line has that is ours, and no stranger's


@dataclass(frozen=True)
class Meeting:
    """Where process `place` of `count` meets the others, "host:port" of process 0, and for how many seconds."""

    place: int
    count: int
    address: str
    timeout: float

    def attend(self, alike: Mapping[str, str], files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return process 0's files once all are there.

        `alike` is what all processes must have in common. Raises GroupError after the timeout, and InputError, in
        every process that came, where one counts the processes differently or has something else.
        """
        deadline = time.monotonic() + self.timeout
        return self._receive_all(alike, files, deadline) if self.place == 0 else self._reach_first(alike, deadline)

    def _receive_all(self, alike: Mapping[str, str], files: Mapping[str, bytes], deadline: float) -> dict[str, bytes]:
        """Process 0: wait for the others, then tell all of them."""
        port = int(self.address.rpartition(":")[2])
        with ExitStack() as open_sockets:
            try:
                server = open_sockets.enter_context(_listen(port))
            except OSError as error:
                raise GroupError(f"hosts: port {port} cannot be used here ({error}). Choose another one.") from error
            arrived: dict[int, socket.socket] = {}
            wrong = ""
            while len(arrived) < self.count - 1 and not wrong:
                try:
                    server.settimeout(max(deadline - time.monotonic(), 0.001))
                    peer = open_sockets.enter_context(server.accept()[0])
                except TimeoutError:
                    missing = ", ".join(str(place) for place in range(1, self.count) if place not in arrived)
                    raise GroupError(
                        f"process 0 of {self.count} waited at port {port}, but these did not come: process {missing}. "
                        "Start all of them with the same hosts, and check that they can reach this port."
                    ) from None
                if (said := _read_line(peer)) is not None:
                    arrived[said["place"]] = peer
                    wrong = self._difference(said, alike)
            sizes = {name: len(content) for name, content in files.items()}
            for place, peer in arrived.items():
                try:
                    peer.sendall(_line(wrong=wrong, files=sizes) + (b"" if wrong else b"".join(files.values())))
                except OSError as error:
                    raise GroupError(f"process {place} came, and left before the run began ({error}).") from error
        if wrong:
            raise InputError(wrong)
        return dict(files)

    def _difference(self, said: Mapping[str, Any], alike: Mapping[str, str]) -> str:
        """What another process has that process 0 has not, in words."""
        place = said["place"]
        if said["count"] != self.count or not 0 < place < self.count:
            return f"hosts: process {place} counts {said['count']} of them, process 0 counts {self.count}."
        for name, value in alike.items():
            if (other := said["alike"].get(name)) != value:
                return f"{name}: process {place} has {other}, process 0 has {value}; all must have the same."
        return ""

    def _reach_first(self, alike: Mapping[str, str], deadline: float) -> dict[str, bytes]:
        """Any other process: go to process 0, as often as it takes, and wait for its word."""
        host, _, port = self.address.rpartition(":")
        answer = None
        while (left := deadline - time.monotonic()) > 0:
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=left) as first:
                    first.sendall(_line(place=self.place, count=self.count, alike=dict(alike)))
                    with first.makefile("rb") as stream:
                        answer = _parse(stream.readline(LINE), ("wrong", "files"))
                        if answer and not answer["wrong"]:
                            return {name: _read(stream, size) for name, size in answer["files"].items()}
            except OSError:  # not there yet, or gone again
                pass
            if answer and answer["wrong"]:
                raise InputError(answer["wrong"])
            time.sleep(0.1)
        raise GroupError(
            f"process {self.place} of {self.count} could not reach process 0 at {self.address}, or not all others "
            "came there. Start all of them with the same hosts, and check that the port is open."
        )


def _line(**what: Any) -> bytes:
    return json.dumps({GREETING: 1, **what}).encode() + b"\n"


def _parse(line: bytes, keys: Sequence[str]) -> dict[str, Any] | None:
    """What a line of ours says; None for a stranger's."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.keys() >= {GREETING, *keys} else None


def _read_line(connection: socket.socket) -> dict[str, Any] | None:
    """What the other side says first; None where it is a stranger, or stays silent."""
    connection.settimeout(5)
    try:
        return _parse(connection.makefile("rb").readline(LINE), ("place", "count", "alike"))
    except OSError:
        return None
    finally:
        connection.settimeout(None)


def _read(stream: BinaryIO, size: int) -> bytes:
    if len(content := stream.read(size)) < size:
        raise ConnectionError("process 0 left in the middle of a file")
    return content


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
