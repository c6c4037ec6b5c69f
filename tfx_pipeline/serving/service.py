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
import traceback
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tfx_pipeline.serving import HEALTH_ROUTE, PORT, PREDICT_ROUTE
from tfx_pipeline.serving.prediction import BadRequest, load_signature, predictions

MAX_BODY = 12 << 20  # 12 MiB: above the 10 MB that a dedicated endpoint accepts


def create_app(
    load: Callable[[], Any], predict_route: str = PREDICT_ROUTE, health_route: str = HEALTH_ROUTE
) -> Starlette:
    """The service for one model, which is loaded in the background.

    Args:
      load: Loads the serving signature. If it fails, the process ends, so that the deployment fails with the reason.
      predict_route, health_route: Paths.
    """
    loaded: list[Any] = []

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
            return JSONResponse({"predictions": await run_in_threadpool(predictions, loaded[0], _instances(body))})
        except BadRequest as error:
            return JSONResponse({"error": str(error)}, 400)

    return Starlette(
        routes=[Route(health_route, health, methods=["GET"]), Route(predict_route, predict, methods=["POST"])]
    )


def _instances(body: bytes) -> Any:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the request is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest('give {"instances": [...]}')
    return content.get("instances")


def serve(model: str) -> None:
    """Serves a SavedModel where Vertex AI expects it, until it is stopped."""
    import uvicorn

    print(f"serving {model}", file=sys.stderr, flush=True)
    app = create_app(
        lambda: load_signature(model),
        os.environ.get("AIP_PREDICT_ROUTE", PREDICT_ROUTE),
        os.environ.get("AIP_HEALTH_ROUTE", HEALTH_ROUTE),
    )
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("AIP_HTTP_PORT", PORT)), log_level="warning")
