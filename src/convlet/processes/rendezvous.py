"""The processes of a run find each other, before JAX connects them: all arrive, or all are told what is wrong.

JAX meets at the same place afterwards, but ends a process from within, with no error to catch, where another one does
not come. Here process 0 listens, and lines of JSON go both ways over TCP:

    every other process    who it is, and what it has that all must have alike
    process 0              once all are there: the files it gives them, whose bytes follow
    every other process    that it can use them
    process 0              once all can: go

In place of any of these lines a process may refuse, with a reason, and then all of them end with that reason. Whoever
says the right words is believed, so the network must be one that is trusted; JAX asks no more of it.
"""

import json
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from convlet.errors import ConvletError, GroupError, InputError
from convlet.processes.group import Accept, Files

LINE = 65_536  # bytes that a line may have at most
GREETING_SECONDS = 5.0  # for a first line; who is silent for longer is not one of ours
REFUSAL_SECONDS = 10.0  # how long a refusal waits for those who are still on their way, to tell them too

REASON = (str, type(None))  # of a refusal, if it is one


@dataclass(frozen=True)
class Rendezvous:
    """Where process `place` of `count` meets the others, "host:port" of process 0, and for how many seconds."""

    place: int
    count: int
    address: str
    timeout: float

    def meet(self, alike: Mapping[str, str], files: Files, accept: Accept) -> None:
        """Return once all are there, and every other process has accepted process 0's files.

        `alike` is what all must have in common; `accept` may raise a ConvletError. Raises GroupError where somebody is
        missing or has refused, and InputError, in every process, where one has something else.
        """
        if self.place == 0:
            self._lead(alike, files, None, self.timeout)
        else:
            self._follow(alike, accept, None, self.timeout)

    def refuse(self, reason: str) -> None:
        """Tell the others, where they are there, that this process cannot take part."""
        seconds = min(self.timeout, REFUSAL_SECONDS)
        with suppress(ConvletError):
            if self.place == 0:
                self._lead({}, {}, reason, seconds)
            else:
                self._follow({}, lambda files: None, reason, seconds)

    def _lead(self, alike: Mapping[str, str], files: Files, refused: str | None, seconds: float) -> None:
        """Process 0: gather the others, and tell them."""
        deadline = time.monotonic() + seconds
        port = int(self.address.rpartition(":")[2])
        with ExitStack() as stack:
            try:
                server = stack.enter_context(_listen(port))
            except OSError as error:
                raise GroupError(f"hosts: port {port} cannot be used here ({error}). Choose another one.") from error
            gathering = _Gathering(self.count, alike, GroupError(f"process 0: {refused}") if refused else None)
            try:
                while gathering.missing:
                    server.settimeout(gathering.seconds_left(deadline))
                    connection = _Connection(stack.enter_context(server.accept()[0]))
                    gathering.welcome(connection)
            except TimeoutError:
                missing = ", ".join(map(str, gathering.missing))
                gathering.error = gathering.error or GroupError(
                    f"process 0 of {self.count} waited at port {port}, but these did not come: process "
                    f"{missing}. Start all of them with the same hosts, and check that they can reach "
                    "this port."
                )
            gathering.hand_out(files, self.timeout)
            if gathering.error is not None:
                raise gathering.error

    def _follow(self, alike: Mapping[str, str], accept: Accept, refused: str | None, seconds: float) -> None:
        """Any other process: go to process 0, as often as it takes, and do what it says.

        Once it is there, process 0 decides how long to wait: it may have begun later, and waits for the files' use too.
        """
        deadline = time.monotonic() + seconds
        host, _, port = self.address.rpartition(":")
        greeting = {"place": self.place, "count": self.count, "key": secrets.token_hex(8), "alike": dict(alike)}
        failure: OSError | None = None
        while (left := deadline - time.monotonic()) > 0:
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=left) as first:
                    connection, failure = _Connection(first), None
                    deadline = time.monotonic() + 2 * self.timeout + REFUSAL_SECONDS
                    connection.say({**greeting, "refused": refused}, deadline)
                    if self._take_files(connection, accept, deadline):
                        return
            except OSError as error:  # not there yet, or gone again
                failure = error
            time.sleep(0.1)
        raise GroupError(
            f"process {self.place} of {self.count} could not reach process 0 at {self.address} "
            f"({failure or 'it left'}). Start all of them with the same hosts, and check that the port is open."
        )

    def _take_files(self, connection: "_Connection", accept: Accept, deadline: float) -> bool:
        """Take process 0's files, and wait for its go; whether it came. Raises what is wrong."""
        if (answer := connection.hear({"refused": REASON, "files": dict}, deadline)) is None:
            return False
        _raise_refusal(answer)
        files = {name: connection.read(size, deadline) for name, size in answer["files"].items()}
        try:
            accept(files)
        except Exception as error:
            with suppress(OSError):
                connection.say({"refused": str(error) or type(error).__name__}, deadline)
            if isinstance(error, OSError):  # not of this connection, which could be made anew
                raise GroupError(f"process {self.place}: {error}") from error
            raise
        connection.say({"refused": None}, deadline)
        answer = connection.hear({"refused": REASON}, deadline)
        if answer is not None:
            _raise_refusal(answer)
        return answer is not None


class _Gathering:
    """Process 0's view of the others: who has come, and what is wrong, if anything is."""

    def __init__(self, count: int, alike: Mapping[str, str], error: ConvletError | None) -> None:
        self.count, self.alike, self.error = count, alike, error
        self._wrong_since = time.monotonic() if error else None
        self._connections: dict[tuple[int, str], _Connection] = {}  # who comes again is heard where it came last

    @property
    def missing(self) -> list[int]:
        """The places of those who have not come."""
        came = {place for place, _ in self._connections}
        return [place for place in range(1, self.count) if place not in came]

    def seconds_left(self, deadline: float) -> float:
        """Until the deadline; where something is wrong already, not for long."""
        if self._wrong_since is not None:
            deadline = min(deadline, self._wrong_since + REFUSAL_SECONDS)
        return max(deadline - time.monotonic(), 0.001)

    def welcome(self, connection: "_Connection") -> None:
        """Hear who has connected; one that is no process of this run is ignored."""
        kinds = {"place": int, "count": int, "key": str, "alike": dict, "refused": REASON}
        said = connection.hear(kinds, time.monotonic() + GREETING_SECONDS)
        if said is None:
            return
        self._connections[said["place"], said["key"]] = connection
        if self.error is None and (wrong := self._difference(said)):
            self.error, self._wrong_since = wrong, time.monotonic()

    def _difference(self, said: Mapping[str, Any]) -> ConvletError | None:
        """What another process has that process 0 has not."""
        place = said["place"]
        if said["refused"] is not None:
            return GroupError(f"process {place}: {said['refused']}")
        if said["count"] != self.count or not 0 < place < self.count:
            return InputError(f"hosts: process {place} counts {said['count']} of them, process 0 counts {self.count}.")
        if any(other == place and key != said["key"] for other, key in self._connections):
            return InputError(f"process_id={place}: two processes say so; each needs its own, 0 to {self.count - 1}.")
        for name, value in self.alike.items():
            if (other := said["alike"].get(name)) != value:
                return InputError(
                    f"{name}: process {place} has {other}, process 0 has {value}; all must have the same."
                )
        return None

    def hand_out(self, files: Files, seconds: float) -> None:
        """Give all of them the files, hear that they can use them, and let them go; or tell them what is wrong."""
        deadline = time.monotonic() + seconds
        if self.error is None:
            self._tell_all(deadline, files)
            for (place, _), connection in self._connections.items():
                answer = connection.hear({"refused": REASON}, deadline)
                if answer is None or answer["refused"] is not None:
                    reason = answer["refused"] if answer else "it came, and then left, or did not answer."
                    self.error = self.error or GroupError(f"process {place}: {reason}")
        self._tell_all(deadline, {})

    def _tell_all(self, deadline: float, files: Files) -> None:
        refusal = {"refused": str(self.error) if self.error else None, "usage": isinstance(self.error, InputError)}
        sizes = {name: len(content) for name, content in files.items()}
        for connection in self._connections.values():
            with suppress(OSError):  # who has left is noticed by what it does not answer
                connection.say({**refusal, "files": sizes}, deadline)
                for content in files.values():
                    connection.send(content, deadline)


class _Connection:
    """Lines of JSON, and bytes, over a socket; every call ends at its deadline, with an OSError or with None."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._heard = connection, b""

    def say(self, what: Mapping[str, Any], deadline: float) -> None:
        self.send(json.dumps({"convlet": 1, **what}).encode() + b"\n", deadline)

    def send(self, content: bytes, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        self._socket.sendall(content)

    def hear(self, kinds: Mapping[str, Any], deadline: float) -> dict[str, Any] | None:
        """The next line, if it has these keys, with values of these types; None where it is something else."""
        try:
            while b"\n" not in self._heard and len(self._heard) < LINE:
                self._heard += self._receive(deadline)
            line, _, self._heard = self._heard.partition(b"\n")
            said = json.loads(line)
        except (OSError, ValueError, RecursionError):
            return None
        ours = isinstance(said, dict) and "convlet" in said
        if not ours or not all(key in said and _is(said[key], kind) for key, kind in kinds.items()):
            return None
        return said

    def read(self, size: int, deadline: float) -> bytes:
        parts, got = [self._heard[:size]], min(size, len(self._heard))
        self._heard = self._heard[size:]
        while got < size:
            parts.append(self._receive(deadline, size - got))
            got += len(parts[-1])
        return b"".join(parts)

    def _receive(self, deadline: float, at_most: int = LINE) -> bytes:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        if not (content := self._socket.recv(min(at_most, 1 << 20))):
            raise ConnectionError("the other side has left")
        return content


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _raise_refusal(answer: Mapping[str, Any]) -> None:
    if answer["refused"] is not None:
        raise (InputError if answer.get("usage") else GroupError)(answer["refused"])


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
