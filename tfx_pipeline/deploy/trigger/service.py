"""The HTTP service: one route, which receives CloudEvents.

It answers 2xx if a retry would not help, also for requests that are not events and versions that can't be used; the log
has the reason. For any other answer, Pub/Sub sends the event again, up to 20 times, and then sets it aside.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from threading import Lock

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.errors import UserError
from schemas.secrets import redacted
from tfx_pipeline.deploy.trigger.events import BadEvent, published_version, read_event
from tfx_pipeline.deploy.trigger.submission import TryAgain, submit_version

MAX_BODY = 1 << 20  # 1 MiB; an event has a few kilobytes
REFUSED, LATER = 200, 503  # Pub/Sub also repeats requests that are answered with 4xx


def create_app(config_file: Path, data: str) -> Starlette:
    """Creates the service for one pipeline.

    Args:
      config_file: The pipeline's configuration.
      data: Its `data`, whose data set the service waits for.
    """
    one_at_a_time = Lock()  # TFX compiles into global state

    def submit(version_dir: str) -> Response:
        with one_at_a_time:
            try:
                submission = submit_version(config_file, version_dir)
            except UserError as error:
                return _answer(REFUSED, "ERROR", state="refused", version=version_dir, reason=str(error))
            except TryAgain as error:
                return _answer(LATER, "WARNING", state="later", version=version_dir, reason=str(error))
            except Exception:
                return _answer(LATER, "ERROR", state="failed", version=version_dir, reason=traceback.format_exc())
        if submission.waits:
            return _answer(200, "WARNING", state="waiting", version=version_dir, reason=submission.waits)
        state = "submitted" if submission.made else "already submitted"
        return _answer(200, "INFO", state=state, version=version_dir, job=submission.job_id)

    async def take(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return _answer(REFUSED, "WARNING", state="refused", reason=f"an event has at most {MAX_BODY} bytes")
        try:
            finished = read_event(request.headers, body)
        except BadEvent as error:
            return _answer(REFUSED, "WARNING", state="refused", reason=str(error))
        version_dir = finished and published_version(finished, data)
        return await run_in_threadpool(submit, version_dir) if version_dir else Response(status_code=204)

    return Starlette(routes=[Route("/", take, methods=["POST"])])


def _answer(status: int, severity: str, **fields: str) -> Response:
    """Logs the answer as a line of JSON, as Cloud Logging reads it, and returns it."""
    fields = {name: redacted(value) for name, value in fields.items()}
    line = {"severity": severity, "message": f"{fields.get('version', 'event')}: {fields['state']}", **fields}
    print(json.dumps(line), file=sys.stderr, flush=True)
    return JSONResponse(fields if status < LATER else {"state": fields["state"]}, status_code=status)
