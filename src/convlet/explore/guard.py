"""Who is let in: what stands before every route of the page, and refuses before anything is looked at.

A page on another site can make a browser send requests to this machine. So a request must come under a name of this
machine (else a foreign name was pointed here: DNS rebinding), from a page of this very server, and with the token that
only the printed address holds. Its body has a size, and a time to arrive.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_BODY = 16 * 2**20  # bytes
SECONDS = 20.0  # for a body to arrive
READING, WRITING = ("GET", "HEAD"), ("POST",)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class RefusedError(Exception):
    """A request that is answered with this status, and nothing else."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """The routes, behind the checks. `hosts` are the names that the page may be asked for under."""

    def __init__(self, app: App, token: str, hosts: tuple[str, ...] = LOOPBACK) -> None:
        self._app, self._token, self._hosts = app, token, hosts
        self._cookie = f"convlet-{secrets.token_hex(4)}"  # cookies know no ports: two pages must not share one

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _with_headers(send)
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            self._check_address(scope["method"], headers)
            if self._brings_token(scope):
                await self._let_in(scope, answer)
                return
            self._check_cookie(headers)
            await self._app(scope, await _whole_body(headers, receive), answer)
        except RefusedError as refused:
            await _say(answer, refused.status, str(refused))

    def _check_address(self, method: str, headers: dict[str, str]) -> None:
        if method not in (*READING, *WRITING):
            raise RefusedError(405, "Only GET and POST.")
        host = headers.get("host", "")
        if _hostname(host) not in self._hosts:
            raise RefusedError(403, "This page is for this machine alone: open the address that convlet printed.")
        origin = headers.get("origin")
        if origin != f"http://{host}" and (origin is not None or method in WRITING):
            raise RefusedError(403, "Another page asked for this.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and method in WRITING:
            raise RefusedError(403, "Another page asked for this.")

    def _brings_token(self, scope: Message) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", []) if scope["path"] == "/" else []
        return scope["method"] == "GET" and any(_same(token, self._token) for token in given)

    async def _let_in(self, scope: Message, send: Send) -> None:
        """Put the token in a cookie, and take it out of the address, which people copy and show."""
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _check_cookie(self, headers: dict[str, str]) -> None:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            cookie = None
        if cookie is None or not _same(cookie.value, self._token):
            raise RefusedError(403, "The token is missing: open the address that convlet printed, with its token.")


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _hostname(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname if parts.netloc == host and parts.username is None and parts.port != 0 else None
    except ValueError:
        return None


async def _whole_body(headers: dict[str, str], receive: Receive) -> Receive:
    """The body, received here whole, so that no route waits for one that is too long or never comes."""
    declared = headers.get("content-length", "0")
    if not declared.isdecimal():
        raise RefusedError(400, "The length of the body is no number.")
    if int(declared[:20]) > LARGEST_BODY:
        raise RefusedError(413, f"At most {LARGEST_BODY:,} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "The body broke off.")
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise RefusedError(413, f"At most {LARGEST_BODY:,} bytes.")
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise RefusedError(408, "The body did not arrive in time.") from None
    waiting = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return answer


async def _say(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
