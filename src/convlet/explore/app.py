"""The routes of the page. Each is small: the page computes for itself, and what is asked here is asked of the studio.

GET  /                          the page, with /page/main.js and /page/style.css
GET  /texts/<language>          the words of a language
GET  /content                   network, weights, images: one packet
POST /picture                   an image file → pixels, through the strict reader
POST /evaluate                  accuracy on the whole test set with other weights
GET  /training                  how far the live training is
POST /training                  start, pause, resume, step, stop
GET  /training/moment           the weights of one moment
"""

import asyncio
import json
import logging
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from convlet.datasets.digits import find_digit
from convlet.datasets.readers.pictures import picture_in, prepared, quiet
from convlet.errors import ConvletError, InputError
from convlet.explore.content import Content
from convlet.explore.framing import framed
from convlet.explore.script import PAGE, bundled, modules
from convlet.explore.studio import Studio
from convlet.explore.wire import Packet
from convlet.explore.worker import BusyError
from convlet.locale import LANGUAGES, preferred, texts

Answer = TypeVar("Answer")

SECONDS = 120.0  # for an answer of the worker


def application(studio: Studio, language: str | None = None) -> Starlette:
    """The page's routes, not yet guarded. `language` is what the page opens in; by default the browser's wish."""

    async def index(request: Request) -> Response:
        chosen = language or preferred(request.headers.get("accept-language", ""))
        text = (PAGE / "index.html").read_text("utf-8").replace('lang="en"', f'lang="{chosen}"', 1)
        return Response(text, media_type="text/html; charset=utf-8")

    async def script(request: Request) -> Response:
        return Response(await asyncio.to_thread(_script), media_type="text/javascript; charset=utf-8")

    async def style(request: Request) -> Response:
        return FileResponse(PAGE / "style.css")

    async def words(request: Request) -> Response:
        name = request.path_params["language"]
        return JSONResponse(texts(name)) if name in LANGUAGES else _problem(404, "missing")

    async def content(request: Request) -> Response:
        return _binary(await asyncio.to_thread(studio.packet))

    async def picture(request: Request) -> Response:
        body, digit = await request.body(), request.query_params.get("digit") == "1"
        pixels = await asyncio.to_thread(_pixels, body, studio.content, digit)
        return Response(pixels, media_type="application/octet-stream")

    async def evaluate(request: Request) -> Response:
        asked = await _json(request)
        return JSONResponse(await _answered(studio.evaluate(asked.get("edits"), asked.get("moment"))))

    routes = [
        Route("/", index),
        Route("/page/main.js", script),
        Route("/page/style.css", style),
        Route("/texts/{language}", words),
        Route("/content", content),
        Route("/picture", picture, methods=["POST"]),
        Route("/evaluate", evaluate, methods=["POST"]),
        *_training(studio),
    ]
    handlers: Any = {ConvletError: _refused, HTTPException: _http, BusyError: _busy, Exception: _broken}
    made = Starlette(routes=routes, exception_handlers=handlers)
    made.router.redirect_slashes = False
    return made


def _training(studio: Studio) -> list[Route]:
    """The routes of live training."""

    async def training(request: Request) -> Response:
        return _binary(studio.status())

    async def command(request: Request) -> Response:
        asked = await _json(request)
        match asked.get("action"):
            case "start":
                done = studio.begin(asked.get("plan", "again"), _whole(asked.get("images")))
            case "pause" | "resume" | "step" | "stop" as action:
                done = studio.command(action)
            case _:
                raise InputError("action: expected start, pause, resume, step or stop.")
        await _answered(done)  # so that who looks at the training next sees what became of it
        return Response(status_code=204)

    async def moment(request: Request) -> Response:
        asked = request.query_params.get("which", "").split(",")
        which = [int(part) for part in asked if part.isdecimal() and len(part) < 12]
        return _binary(await asyncio.to_thread(studio.moment_packet, which))

    return [
        Route("/training", training),
        Route("/training", command, methods=["POST"]),
        Route("/training/moment", moment),
    ]


@cache
def _script() -> str:
    return bundled(modules())


async def _answered(answer: Future[Answer]) -> Answer:
    """What the worker answers. Raises BusyError where that takes too long."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(answer), SECONDS)
    except TimeoutError:
        raise BusyError(f"The worker had no answer within {SECONDS:.0f} seconds.") from None


def _binary(made: Packet) -> Response:
    return Response(framed(made), media_type="application/octet-stream")


def _pixels(body: bytes, content: Content, digit: bool) -> bytes:
    """The picture's pixels, in reading order. Where a network takes no picture, or the file is none: ConvletError."""
    with quiet():
        if digit:
            return find_digit(picture_in(body, "picture"), "picture").pixels.tobytes()
        return prepared(body, "picture", content.network.input_shape, content.fit).tobytes()


async def _json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InputError("body: expected application/json.")
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise InputError("body: not JSON.") from None
    if not isinstance(asked, dict):
        raise InputError("body: expected a JSON object.")
    return asked


def _whole(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise InputError("images: expected a whole number.")
    return value


def _problem(status: int, kind: str) -> Response:
    """What the page says in the reader's language, by kind. The library's own words stay here: they may hold paths."""
    return JSONResponse({"kind": kind}, status_code=status)


async def _refused(request: Request, error: Exception) -> Response:
    return _problem(400, type(error).__name__)


async def _busy(request: Request, error: Exception) -> Response:
    return _problem(503, "busy")


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse({404: "Not here.", 405: "Not so."}.get(status, "Refused."), status_code=status)


async def _broken(request: Request, error: Exception) -> Response:
    logging.getLogger("convlet.explore").error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _problem(500, "broken")
