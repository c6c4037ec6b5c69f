"""A loopback web server that stands in for Google's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tfx_pipeline.vertex.rehearsal.proxy import Authority
from tfx_pipeline.vertex.rehearsal.storage import Answer

Answering = Callable[[str, str, "dict[str, str]", bytes], Answer]


@contextmanager
def running_web_server(answer: Answering, authority: Authority | None = None) -> Iterator[int]:
    """Runs until the block ends; yields the port.

    Args:
      answer: Maps method, path with query, headers with lower-case names, and body to the answer.
      authority: Signs the certificate for HTTPS; None speaks plain HTTP.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise a body waits up to 40 ms for the acknowledgement of its headers

        def _answer(self):
            headers = {key.lower(): value for key, value in self.headers.items()}
            try:
                status, content, extra = answer(self.command, self.path, headers, self._body(headers))
            except Exception as error:  # clients do not retry this status, so the rehearsal fails at once
                status, content, extra = 400, {"error": {"code": 400, "message": repr(error)}}, {}
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
            self.send_response(status)
            for key, value in ({"Content-Type": kind} | extra).items():
                self.send_header(key, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _body(self, headers: dict[str, str]) -> bytes:
            if headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (http.server calls them)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if authority:
        server.socket = authority.server_context().wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
