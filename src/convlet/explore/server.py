"""The page on this machine: a socket, an address with a token in it, and a browser that is shown it."""

import secrets
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from convlet.explore.app import application
from convlet.explore.guard import Guard
from convlet.explore.studio import Studio
from convlet.listening import Stopper, address, allowed, bound

PORT, TRIED = 8765, 50  # the first port, and how many after it are tried


@dataclass(frozen=True)
class Address:
    """Where the page is. `url` holds the token, which is this launch's own."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"{address(self.host, self.port)}?token={self.token}"


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
    listening = bound(host, PORT if port is None else port, TRIED)
    shown = Address(host, listening.getsockname()[1], secrets.token_urlsafe(24))
    guarded = Guard(application(studio, language), shown.token, allowed(host))
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
    said(shown)
    if browser:
        threading.Thread(target=_show, args=(shown.url,), daemon=True).start()
    try:
        server.run(sockets=[listening])
    finally:
        studio.end()
        listening.close()


def _show(url: str) -> None:
    """Open a browser, if there is one; else the printed address has to do."""
    with suppress(webbrowser.Error):
        webbrowser.open(url)
