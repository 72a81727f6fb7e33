"""A predictor on this machine's network: a socket, uvicorn, and an end for connections that come to nothing.

uvicorn has a time for the pause between two requests. It has none for a request whose headers come a letter a minute,
nor for a client that never takes its answer: those `Watch` ends.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import uvicorn

from convlet.datasets.readers.pictures import quiet
from convlet.listening import Stopper, address, allowed, bound
from convlet.serving.app import Service, application
from convlet.serving.batching import Batcher
from convlet.serving.guard import Guard
from convlet.serving.limits import Limits
from convlet.serving.metrics import Metrics
from convlet.serving.predictor import Predictor
from convlet.signals import stop_on_signals

PORT = 8000
KEEP_ALIVE = 5  # seconds between two requests of a connection
LONGEST_HEADERS = 16_384  # bytes


class Watch:
    """Ends connections on which nothing has begun or ended for too long. Asked once a second, it says nothing."""

    def __init__(self, server: uvicorn.Server, limits: Limits, stopped: Callable[[], bool]) -> None:
        self._server, self._limits, self._stopped = server, limits, stopped
        self._since: dict[Any, tuple[Any, float]] = {}  # of each connection: what it was at, and from when on

    async def look(self) -> None:
        """End what is too slow; and the server, where it is to stop."""
        if self._stopped():
            self._server.should_exit = True
        now, since = time.monotonic(), self._since
        self._since = {}
        for connection in list(self._server.server_state.connections):
            cycle = connection.cycle
            state = (cycle, cycle is None or cycle.response_complete)
            before, begun = since.get(connection, (None, now))
            begun = begun if before == state else now
            self._since[connection] = (state, begun)
            if now - begun > (self._limits.headers_seconds if state[1] else self._limits.longest):
                connection.transport.abort()


def serve(
    predictor: Predictor,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    names: Sequence[str] = (),
    threads: int = 1,
    said: Callable[[str], None] = lambda address: None,
    stopper: Stopper | None = None,
) -> None:
    """Serve until a signal or the `stopper`; what has begun is finished. `said` is told the address.

    `names` are further ones that it may be asked for under, `threads` how many read pictures. Raises Stopped after a
    signal, what the first prediction raises, StorageError where the port is taken, InputError for no such host.
    """
    stopper = stopper or Stopper()
    metrics = Metrics()
    batcher = Batcher(
        predictor, limits.max_batch, wait=limits.max_wait / 1e3, computed=metrics.computed, at_failure=stopper
    )
    with (
        closing(bound(host, port)) as listening,
        stop_on_signals() as stop,
        ThreadPoolExecutor(threads, "convlet reader") as readers,
        quiet(),
    ):
        service = Service(predictor, batcher, readers, limits, metrics)
        guard = Guard(application(service), hosts_of(host, names), limits, metrics)
        stopper.server = server = _server(guard, limits)
        watch = Watch(server, limits, lambda: stop.signal is not None)
        server.config.callback_notify = watch.look
        batcher.start()
        said(address(host, listening.getsockname()[1]))
        try:
            server.run(sockets=[listening])
        finally:
            batcher.end()
        batcher.join(limits.deadline)
        if batcher.failure:
            raise batcher.failure
        stop.check()


def hosts_of(host: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """The names that requests may come under, in small letters."""
    return (*allowed(host), *(name.lower() for name in names))


def _server(guard: Guard, limits: Limits) -> uvicorn.Server:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # that a request is no HTTP is its sender's affair
    config = uvicorn.Config(
        guard,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_notify=0,
        timeout_graceful_shutdown=int(limits.deadline) + 1,
        h11_max_incomplete_event_size=LONGEST_HEADERS,
    )
    return uvicorn.Server(config)
