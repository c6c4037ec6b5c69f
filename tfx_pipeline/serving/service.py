"""The HTTP service that Vertex AI calls: one route for health, one for predictions.

"Custom container requirements for inference" of Vertex AI, read on 2026-11-29, specifies both:
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
The port must accept connections within 40 seconds, before TensorFlow is imported and the model is loaded. So the
service listens first and answers 503 until the model is ready.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tfx_pipeline.serving import HEALTH_ROUTE, PORT, PREDICT_ROUTE
from tfx_pipeline.serving.prediction import BadRequest, answered, load_signature, photos_of, rows_of

if TYPE_CHECKING:
    from tfx_pipeline.config.serving_log import ServingLog
    from tfx_pipeline.serving.observer import Observer

MAX_BODY = 12 << 20  # 12 MiB: above the 10 MB that a dedicated endpoint accepts


class Served(NamedTuple):
    """A model that answers.

    Attributes:
      signature: From `load_signature`.
      observer: Logs its answers; None where nothing is logged.
    """

    signature: Any
    observer: Observer | None = None


def create_app(
    load: Callable[[], Served], predict_route: str = PREDICT_ROUTE, health_route: str = HEALTH_ROUTE
) -> Starlette:
    """The service for one model, which is loaded in the background.

    Args:
      load: Loads the model. If it fails, the process ends, so that the deployment fails with the reason.
      predict_route, health_route: Paths.
    """
    loaded: list[Served] = []

    def load_model() -> None:
        try:
            loaded.append(load())
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=load_model, daemon=True).start()

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"state": "ready"} if loaded else {"state": "loading"}, 200 if loaded else 503)

    async def predict(request: Request) -> JSONResponse:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return JSONResponse({"error": f"a request has at most {MAX_BODY} bytes"}, 413)
        if not loaded:
            return JSONResponse({"error": "the model is being loaded"}, 503)
        try:
            return await run_in_threadpool(_answer, loaded[0], body)
        except BadRequest as error:
            return JSONResponse({"error": str(error)}, 400)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if loaded and loaded[0].observer:
            await run_in_threadpool(loaded[0].observer.close)

    routes = [Route(health_route, health, methods=["GET"]), Route(predict_route, predict, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


def _answer(served: Served, body: bytes) -> JSONResponse:
    """Answers a request; what is logged of it is measured after the answer was sent."""
    request = _content(body)
    photos = photos_of(request.get("instances"))
    began = time.perf_counter()
    outputs = answered(served.signature, photos)
    rows = rows_of(outputs)
    seconds = time.perf_counter() - began
    log = None
    if served.observer:
        log = BackgroundTask(served.observer.observe, photos, outputs, seconds, _client(request))
    return JSONResponse({"predictions": rows}, background=log)


def _client(request: dict[str, Any]) -> str:
    """What the caller says it is, in Vertex AI's `parameters`; empty where it says nothing."""
    parameters = request.get("parameters")
    client = parameters.get("client") if isinstance(parameters, dict) else None
    return client if isinstance(client, str) else ""


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the request is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest('give {"instances": [...]}')
    return content


def serve(model: str, log: ServingLog | None = None) -> None:
    """Serves a SavedModel where Vertex AI expects it, until it is stopped, and logs its answers where asked to."""
    import uvicorn

    print(f"serving {model}", file=sys.stderr, flush=True)
    app = create_app(
        lambda: _load(model, log),
        os.environ.get("AIP_PREDICT_ROUTE", PREDICT_ROUTE),
        os.environ.get("AIP_HEALTH_ROUTE", HEALTH_ROUTE),
    )
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("AIP_HTTP_PORT", PORT)), log_level="warning")


def _load(model: str, log: ServingLog | None) -> Served:
    if log is None:
        return Served(load_signature(model))
    from tfx_pipeline.serving.observer import Observer

    return Served(load_signature(model, observed=True), Observer(model, log))
