"""Google Cloud Storage on loopback: what `gs://` means to Beam, in this process and in those that it starts.

The server is gcp-storage-emulator's. `STORAGE_EMULATOR_HOST` leads Google's storage client to it. The credentials are a
service account that nobody has, called `deployer`: its key is made here, its tokens come from a second small server on
loopback, and it may do what Terraform grants the account of that name. Requests without credentials are a test's own.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import pytest
from gcp_storage_emulator import server as emulator

from tfx_pipeline.vertex.rehearsal.access import DEPLOYER, Denied, granted_access
from tfx_pipeline.vertex.rehearsal.gate import Gate, token_of

PROJECT = "a-test-project"
ACCOUNT = f"{DEPLOYER}@{PROJECT}.iam.gserviceaccount.com"


class Storage:
    """The objects of the emulator, seen from outside Beam; objects are named by their `gs://` URI."""

    def __init__(self, endpoint: str, credentials: Path):
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        self.endpoint = endpoint
        self.credentials = credentials
        self._client = storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": endpoint})

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead Google's clients to the emulator, and keep them from looking for a metadata server."""
        return {
            "STORAGE_EMULATOR_HOST": self.endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.credentials),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "NO_GCE_CHECK": "true",
            "no_proxy": "localhost",
        }

    @property
    def private_key(self) -> str:
        """The service account's key as PEM text, which must never turn up anywhere."""
        return json.loads(self.credentials.read_text())["private_key"]

    def make_bucket(self) -> str:
        """Makes an empty bucket and returns its name."""
        return self._client.create_bucket(f"bucket-{uuid.uuid4().hex[:12]}").name

    def put(self, uri: str, data: bytes) -> None:
        """Writes an object."""
        self._blob(uri).upload_from_string(data)

    def put_folder(self, folder: Path, uri: str) -> None:
        """Writes every file below a local folder as `<uri>/<relative path>`."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{uri}/{path.relative_to(folder)}", path.read_bytes())

    def get(self, uri: str) -> bytes:
        """All bytes of an object; google.cloud.exceptions.NotFound where there is none."""
        return self._blob(uri).download_as_bytes()

    def list(self, uri: str) -> list[str]:
        """URIs of all objects whose URI starts with this one, sorted."""
        bucket, _, prefix = uri.removeprefix("gs://").partition("/")
        return sorted(f"gs://{bucket}/{blob.name}" for blob in self._client.list_blobs(bucket, prefix=prefix))

    def delete(self, uri: str) -> None:
        """Deletes an object."""
        self._blob(uri).delete()

    def _blob(self, uri: str):
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._client.bucket(bucket).blob(name)


class _TokenHandler(BaseHTTPRequestHandler):
    """Answers every request with an access token, as the `token_uri` of a service account does."""

    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        token = token_of(asked["assertion"][0])
        answer_json(self, 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def log_message(self, format, *args):
        pass


def answer_json(handler: BaseHTTPRequestHandler, status: int, content: dict) -> None:
    """Answers one request of an `http.server`."""
    body = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


GATE = Gate(granted_access())  # of Cloud Storage and of Dataflow


class _GuardedHandler(emulator.RequestHandler):
    """The emulator's handler, behind a gate that lets through what Terraform grants the sender."""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if (sender := self.headers.get("Authorization")) is None:
            return True
        path = self.path.partition("?")[0]
        # A batch is only ever asked to delete.
        method, path = ("DELETE", "/b/bucket/o/object") if path.startswith("/batch") else (self.command, path)
        try:
            GATE.check_storage(sender, method, path)
        except Denied as denied:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer_json(self, 403, {"error": {"code": 403, "message": str(denied)}})
            return False
        return True


class _Servers(NamedTuple):
    endpoint: str
    credentials: Path


@pytest.fixture(scope="session")
def storage_servers(tmp_path_factory) -> Iterator[_Servers]:
    """One pair of servers for all tests: Beam reads the credentials once in a process and keeps their `token_uri`."""
    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)
    tokens = ThreadingHTTPServer(("localhost", 0), _TokenHandler)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    credentials = tmp_path_factory.mktemp("service_account") / "key.json"
    credentials.write_text(json.dumps(_service_account(f"http://localhost:{tokens.server_port}/token")))
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "RequestHandler", _GuardedHandler)
        buckets = emulator.create_server("localhost", port, in_memory=True)
        buckets.start()
        yield _Servers(f"http://localhost:{port}", credentials)
        buckets.stop()
    tokens.shutdown()


@pytest.fixture(scope="module")
def storage(storage_servers) -> Iterator[Storage]:
    """The emulator, with the environment of this process and of its children set to it."""
    storage = Storage(*storage_servers)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in storage.environment.items():
            patch.setenv(name, value)
        forget_clients(patch)
        yield storage


def forget_clients(patch: pytest.MonkeyPatch) -> None:
    """Makes this process connect anew: it keeps clients and credentials, which other tests may have had of others."""
    from apache_beam.internal.gcp import auth

    from beam_jobs.storage import cloud_storage

    patch.setattr(cloud_storage, "_thread", threading.local())
    patch.setattr(auth._Credentials, "_credentials_init", False)
    patch.setattr(auth._Credentials, "_credentials", None)


@pytest.fixture
def without_role(monkeypatch) -> Callable[[str], None]:
    """Takes a role from who deploys, at Cloud Storage and Dataflow on loopback."""

    def take(role: str) -> None:
        monkeypatch.setattr(GATE, "access", granted_access().without(DEPLOYER, role))

    return take


@pytest.fixture
def bucket(storage) -> str:
    """A new, empty bucket as `gs://<name>`."""
    return f"gs://{storage.make_bucket()}"


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def _service_account(token_uri: str) -> dict[str, str]:
    """The content of a service account's key file, with a key made on the spot."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": uuid.uuid4().hex,
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": token_uri,
    }
