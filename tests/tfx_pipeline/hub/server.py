"""A Hub on loopback: an HTTP server around `HubApi` that records requests and injects faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.tfx_pipeline.hub.api import HubApi
from tests.tfx_pipeline.hub.faults import Fault
from tests.tfx_pipeline.hub.http_messages import Answer, Request
from tests.tfx_pipeline.hub.storage import Repository


class LoopbackHub:
    """A running Hub.

    Attributes:
      endpoint: Its address, such as `http://127.0.0.1:4711`.
      api: Its state and rules.
      faults: What goes wrong; the first that strikes a request decides.
      requests: The requests so far.
    """

    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self.api = HubApi(endpoint)
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None where the connection is to be dropped without one."""
        answer, hold = self._answer(request)
        if hold is not None:
            hold.wait()
        return answer

    def _answer(self, request: Request) -> tuple[Answer | None, threading.Event | None]:
        with self._lock:  # one after the other, as the Hub serialises what concerns one repository
            self.requests.append(request)
            label = f"{request.method} {request.path}"
            fault = next((one for one in self.faults if one.strikes(label)), None)
            if fault is not None and fault.meanwhile:
                fault.meanwhile(self)
            if fault is None or fault.meanwhile:
                return self.api.answer(request), None
            if fault.after:
                self.api.answer(request)
            if not fault.status:
                return None, fault.hold
            return Answer(fault.status, fault.body, {"Content-Type": "application/json", **fault.headers}), None

    def model(self, name: str) -> Repository:
        """A model repository by `owner/name`."""
        return self.api.repositories["model", name]

    def space(self, name: str) -> Repository:
        """A Space repository by `owner/name`."""
        return self.api.repositories["space", name]

    def asked(self, method: str, part: str = "") -> list[Request]:
        """The requests with this method whose path holds `part`."""
        return [one for one in self.requests if one.method == method and part in one.path]


@contextmanager
def running_hub() -> Iterator[LoopbackHub]:
    """A Hub that answers on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 << 10  # headers and body leave together; apart, each answer waits 40 ms for an acknowledgement

        def _answer(self):
            url = urlsplit(self.path)
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = self._read_body(headers)
            answer = hub.answer(Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body))
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def _read_body(self, headers):
            if headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 (names that http.server calls)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub = LoopbackHub(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
