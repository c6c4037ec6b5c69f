"""The serving container's server: in this process, and as the command that the container runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.tfx_pipeline.deploy.trigger.test_trigger import served
from tfx_pipeline.serving.service import Served, create_app


@contextmanager
def answering(load: Callable[[], Served]) -> Iterator[str]:
    """The address of a server in this process, whose model is there."""
    ready = threading.Event()

    def loaded() -> Served:
        model = load()
        ready.set()
        return model

    with served(create_app(loaded)) as address:
        assert ready.wait(60)
        yield address


@contextmanager
def running_container(
    *arguments: str, variables: Mapping[str, str], health: str = "/health"
) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of the server that the container's command starts, once it is healthy, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tfx_pipeline.serving", *arguments]
    process = subprocess.Popen(command, env=os.environ | {"AIP_HTTP_PORT": str(port)} | variables)
    try:
        while process.returncode is None and not _is_healthy(f"{address}{health}"):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        yield address, process
    finally:
        process.kill()
        process.wait()


def _is_healthy(url: str) -> bool:
    with suppress(urllib.error.URLError):  # it does not listen yet
        return ask(url)[0] == 200
    return False


def ask(url, body=None):
    """Status and JSON of the answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
