"""Who is let in: what stands before every route of the page, and refuses before anything is looked at.

A request must come under a name of this machine, from a page of this very server, and with the token that only the
printed address holds (`convlet.listening` says why). Its body has a size, and a time to arrive.
"""

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from convlet.listening import (
    LOOPBACK,
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

LARGEST_BODY = 16 * 2**20  # bytes
SECONDS = 20.0  # for a body to arrive

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
            headers = headers_of(scope)
            self._check_address(scope["method"], headers)
            if self._brings_token(scope):
                await self._let_in(scope, answer)
                return
            self._check_cookie(headers)
            body = await whole_body(headers, receive, largest=LARGEST_BODY, seconds=SECONDS)
            await self._app(scope, replayed(body, receive), answer)
        except RefusedError as refused:
            await _say(answer, refused.status, str(refused))

    def _check_address(self, method: str, headers: dict[str, str]) -> None:
        otherwise = "This page is for this machine alone: open the address that convlet printed."
        check_addressed(method, headers, self._hosts, otherwise)
        own = "origin" in headers and headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        if method in WRITING and not own:
            raise RefusedError(403, "origin: only the page itself may ask for this.")

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
