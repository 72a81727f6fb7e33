"""Who is let in: what stands before every route, refuses before anything is looked at, and counts what is answered.

A request comes under a name of this machine and from no other site's page (`convlet.listening` says why). So many are
in the house at once, with bodies of a size and a time; who comes when it is full is told to come again.
"""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

from convlet.listening import (
    WRITING,
    App,
    Message,
    Receive,
    RefusedError,
    Send,
    check_addressed,
    headers_of,
    replayed,
    whole_body,
)
from convlet.serving.limits import Limits
from convlet.serving.metrics import Metrics

PREDICT = "/predict"
PATHS = (PREDICT, "/health", "/metrics", "/openapi.json", "/")
GONE = 499  # the client left; nginx's number, for there is no other
LONGEST = 500  # letters of a message
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def problem(status: int, detail: str) -> JSONResponse:
    """An error as JSON, in the form of RFC 9457."""
    title = "Client Closed Request" if status == GONE else HTTPStatus(status).phrase
    headers = {503: {"retry-after": "1"}, 408: {"connection": "close"}}.get(status)
    content = {"title": title, "status": status, "detail": detail[:LONGEST]}
    return JSONResponse(content, status, headers, "application/problem+json")


class Guard:
    """The routes, behind the checks. `hosts` are the names that the server may be asked for under."""

    def __init__(self, app: App, hosts: tuple[str, ...], limits: Limits, metrics: Metrics) -> None:
        self._app, self._hosts, self._limits, self._metrics = app, hosts, limits, metrics
        self._inside, self._held = 0, 0  # predictions that are not answered yet, and the bytes of their bodies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun, statuses = time.perf_counter(), list[int]()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        self._metrics.in_progress += 1
        try:
            await self._checked(scope, receive, answer)
        except RefusedError as refused:
            await problem(refused.status, str(refused))(scope, receive, answer)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            await problem(503, "The server is ending.")(scope, receive, answer)
        except Exception:  # answered and written down by the routes, which hand it on
            if not statuses:
                raise
        finally:
            self._metrics.in_progress -= 1
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._metrics.answered(path, statuses[0] if statuses else GONE, time.perf_counter() - begun)

    async def _checked(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        otherwise = "host: no name of this server; --allow-host lets requests in under another."
        check_addressed(scope["method"], headers, self._hosts, otherwise)
        if scope["path"] == PREDICT and scope["method"] in WRITING:
            await self._with_body(headers, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _with_body(self, headers: Mapping[str, str], scope: Message, receive: Receive, send: Send) -> None:
        """Let a prediction in when its body is here: a slow one holds no place."""
        held = 0

        def arrived(size: int) -> None:
            nonlocal held
            if self._held + size > self._limits.held_bytes:
                raise RefusedError(503, "Too many bytes are waiting already.")
            self._held, held = self._held + size, held + size

        limits = self._limits
        try:
            self._check_room()
            body = await whole_body(
                headers, receive, largest=limits.body_bytes, seconds=limits.body_seconds, arrived=arrived
            )
            self._check_room()
            self._inside += 1
            try:
                await self._app(scope, replayed(body, receive), send)
            finally:
                self._inside -= 1
        finally:
            self._held -= held

    def _check_room(self) -> None:
        if self._inside >= self._limits.max_waiting:
            raise RefusedError(503, f"{self._inside} requests are waiting already.")
