"""TensorFlow Serving's predict call in its row format, over a SavedModel, for requests as a client would send them.

Only what the protocol says of it (TensorFlow Serving, "RESTful API": request and response format of `:predict`, and how
binary values are encoded): batching, versions and model status are the real server's.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import tensorflow as tf

PREDICT = re.compile(r"/v1/models/[^/:]+:predict")


@contextmanager
def rest_server(model: tf.Module) -> Iterator[str]:
    """Serves the model's signatures and gives the address of the predict call."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                if not PREDICT.fullmatch(self.path):
                    raise ValueError(f"Malformed request: POST {self.path}")
                status, answer = 200, {"predictions": _predict(model, json.loads(body))}
            except (ValueError, KeyError, TypeError, tf.errors.InvalidArgumentError) as error:
                status, answer = 400, {"error": str(error)}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/models/pets:predict"
    finally:
        server.shutdown()
        server.server_close()


def _predict(model: tf.Module, request: dict[str, Any]) -> list[Any]:
    signature = model.signatures[request.get("signature_name", "serving_default")]
    _, inputs = signature.structured_input_signature
    rows = [_as_named(_decode(row), inputs) for row in request["instances"]]
    columns = {name: tf.constant([row[name] for row in rows], spec.dtype) for name, spec in inputs.items()}
    outputs = {name: [_encode(one) for one in value.numpy()] for name, value in signature(**columns).items()}
    if len(outputs) == 1:  # the one output's values, without its name
        return next(iter(outputs.values()))
    return [{name: values[index] for name, values in outputs.items()} for index in range(len(rows))]


def _as_named(row: Any, inputs: dict[str, tf.TensorSpec]) -> dict[str, Any]:
    return row if isinstance(row, dict) and set(row) == set(inputs) else {next(iter(inputs)): row}


def _encode(value: Any) -> Any:
    """Numbers as lists; binary values, of outputs called `*_bytes`, in base64."""
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value.tolist()


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    if isinstance(value, dict):
        return {name: _decode(one) for name, one in value.items()}
    return [_decode(one) for one in value] if isinstance(value, list) else value
