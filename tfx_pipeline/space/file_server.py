"""Serves the folder of a static Space, as the Hub serves its files."""

from __future__ import annotations

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from schemas.errors import UserError
from tfx_pipeline.space.segmentation_app.hosts import is_own_host


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".wasm": "application/wasm"}
    timeout = 60  # seconds without a byte, after which the connection and its thread are closed

    def __init__(self, *args: Any, name: str, **options: Any):
        self._name = name
        super().__init__(*args, **options)

    def send_head(self) -> BinaryIO | None:
        """Answers only under this machine's own name, so that no other website's script can read the model."""
        if not is_own_host(self.headers.get("Host", ""), self._name):
            self.send_error(403, "This app answers in its own name only.")
            return None
        path = self.translate_path(self.path)
        if not self._is_own(path):
            self.send_error(404, "There is nothing here.")
            return None
        return super().send_head()

    def _is_own(self, path: str) -> bool:
        """Whether a path leads to a file in the folder, not by a link to another one, and not to a folder's listing."""
        try:
            real = os.path.realpath(os.path.join(path, "index.html") if os.path.isdir(path) else path)
            return os.path.isfile(real) and real.startswith(os.path.realpath(self.directory) + os.sep)
        except ValueError:  # it contains characters that no path can have
            return False

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the address is all that a user needs."""


def file_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the folder's files; its caller runs and closes it. Port 0 takes a free one.

    Raises:
      UserError: The port is taken.
    """
    try:
        return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder), name=host))
    except OSError as error:
        raise UserError(f"port {port} of {host}: {error.strerror}; choose another --port") from None


def serve_folder(folder: Path, host: str, port: int) -> int:
    """Serves until Ctrl-C."""
    with file_server(folder, host, port) as server:
        print(f"open http://{host}:{server.server_port}/ in a browser", flush=True)
        server.serve_forever()
    return 0
