"""The routes of the server.

POST /predict        pictures or arrays → classes and probabilities; ?top=3 for the three most probable alone
GET  /health         whether the first prediction is done
GET  /metrics        counts and times, for Prometheus
GET  /openapi.json   all of this, described
GET  /               how to ask, for a person
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from convlet.checks import whole_number
from convlet.errors import DataError, InputError
from convlet.listening import Receive, RefusedError
from convlet.report.facts.evaluation import prediction_json
from convlet.serving.batching import Batcher
from convlet.serving.description import described, told
from convlet.serving.guard import GONE, PREDICT, problem
from convlet.serving.limits import Limits
from convlet.serving.metrics import CONTENT_TYPE, Metrics
from convlet.serving.predictor import Predictor
from convlet.serving.reading import Reader


class GoneError(Exception):
    """The client left before its answer."""


@dataclass(frozen=True)
class Service:
    """What the routes need: who answers, who reads and where, and who counts."""

    predictor: Predictor
    batcher: Batcher
    readers: Executor
    limits: Limits
    metrics: Metrics

    async def predict(self, request: Request) -> Response:
        """What it answers, unless it takes too long or its client leaves; then what is left of it is dropped."""
        body, kind = await request.body(), request.headers.get("content-type", "")
        asked = request.query_params.get("top", str(len(self.predictor.classes)))
        top = whole_number("top", int(asked) if asked.isdecimal() and len(asked) < 10 else asked)
        try:
            async with asyncio.timeout(self.limits.deadline):
                facts = await _unless_gone(request.receive, self._facts(body, kind))
        except TimeoutError:
            return problem(504, f"No answer within {self.limits.deadline:g} seconds.")
        for fact in facts:
            fact["probabilities"] = dict(list(fact["probabilities"].items())[:top])
        return JSONResponse({"predictions": facts})

    async def _facts(self, body: bytes, kind: str) -> list[dict[str, Any]]:
        dropped, reader = threading.Event(), Reader(self.predictor, self.limits)
        read = partial(reader.read, body, kind, lambda: not dropped.is_set())
        try:
            names, images = await asyncio.get_running_loop().run_in_executor(self.readers, read)
            self._check_room(len(images))
            return prediction_json(names, await self.batcher.ask(images), self.predictor.classes)
        finally:
            dropped.set()

    def _check_room(self, images: int) -> None:
        waiting = self.batcher.waiting()
        if waiting + images > self.limits.images_waiting(self.predictor.image_shape):
            raise RefusedError(503, f"{waiting} images are waiting already.")


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, Any]) -> Any:
    """What the work comes to; it is cancelled where the client leaves. Raises GoneError."""
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    leaving.add_done_callback(lambda _: doing.cancel())
    try:
        return await doing
    except asyncio.CancelledError:
        if leaving.done() and not leaving.cancelled():
            raise GoneError from None
        raise
    finally:
        leaving.cancel()


def application(service: Service) -> Starlette:
    """The server's routes, not yet guarded."""

    async def health(request: Request) -> Response:
        if service.batcher.ready:
            return JSONResponse({"status": "ready"})
        return problem(503, "Preparing for the first prediction.")

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(
            service.metrics.text(service.batcher.waiting()), headers={"content-type": CONTENT_TYPE}
        )

    async def description(request: Request) -> Response:
        return JSONResponse(described(service.predictor))

    async def index(request: Request) -> Response:
        return PlainTextResponse(told(service.predictor, str(request.base_url)))

    routes = [
        Route(PREDICT, service.predict, methods=["POST"]),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/openapi.json", description),
        Route("/", index),
    ]
    handlers: Any = {
        RefusedError: _refused,
        InputError: _unfit,
        DataError: _unfit,
        GoneError: _gone,
        HTTPException: _http,
        Exception: _broken,
    }
    made = Starlette(routes=routes, exception_handlers=handlers)
    made.router.redirect_slashes = False
    return made


async def _refused(request: Request, error: RefusedError) -> Response:
    return problem(error.status, str(error))


async def _unfit(request: Request, error: Exception) -> Response:
    return problem(422, str(error))


async def _gone(request: Request, error: Exception) -> Response:
    return problem(GONE, "The client left.")


async def _http(request: Request, error: HTTPException) -> Response:
    return problem(error.status_code, {404: "Not here.", 405: "Not so."}.get(error.status_code, "Refused."))


async def _broken(request: Request, error: Exception) -> Response:
    logging.getLogger("convlet.serving").error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "The server could not answer this.")
