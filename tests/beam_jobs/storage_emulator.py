"""Google Cloud Storage on loopback: what `gs://` means to Beam, in this process and in those that it starts.

The server is the rehearsal's, over plain HTTP: `STORAGE_EMULATOR_HOST` leads Google's storage client to it. The
credentials are a service account called `deployer`, unknown to Google: its key is made here, its tokens come from
the same server, and it may do what Terraform grants the account of that name. The tests see the server's folder.
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tfx_pipeline.vertex.rehearsal.access import DEPLOYER, granted_access
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.proxy import new_account_key, service_account
from tfx_pipeline.vertex.rehearsal.storage import StorageService
from tfx_pipeline.vertex.rehearsal.web_server import running_web_server

PROJECT = "a-test-project"
ACCOUNT = f"{DEPLOYER}@{PROJECT}.iam.gserviceaccount.com"
GATE = Gate(granted_access())  # of Cloud Storage and of Dataflow


class Storage:
    """The objects of the server, seen from outside Beam; objects are named by their `gs://` URI."""

    def __init__(self, buckets: Buckets, endpoint: str, credentials: Path):
        self._buckets = buckets
        self._endpoint = endpoint
        self._credentials = credentials

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead Google's clients to the server, and keep them from looking for a metadata server."""
        return {
            "STORAGE_EMULATOR_HOST": self._endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._credentials),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "NO_GCE_CHECK": "true",
            "no_proxy": "localhost",
        }

    @property
    def private_key(self) -> str:
        """The service account's key as PEM text, which must never turn up anywhere."""
        return json.loads(self._credentials.read_text())["private_key"]

    def make_bucket(self) -> str:
        """Makes an empty bucket and returns its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        (self._buckets.root / name).mkdir()
        return name

    def put(self, uri: str, data: bytes) -> None:
        """Writes an object."""
        self._buckets.write(*_split(uri), data)

    def put_folder(self, folder: Path, uri: str) -> None:
        """Writes every file below a local folder as `<uri>/<relative path>`."""
        shutil.copytree(folder, self._buckets.of_uri(uri), dirs_exist_ok=True)

    def get(self, uri: str) -> bytes:
        """All bytes of an object; FileNotFoundError where there is none."""
        return self._buckets.read(*_split(uri))

    def list(self, uri: str) -> list[str]:
        """URIs of all objects whose URI starts with this one, sorted."""
        bucket, prefix = _split(uri)
        return [f"gs://{bucket}/{name}" for name in self._buckets.names(bucket, prefix)]

    def delete(self, uri: str) -> None:
        """Deletes an object."""
        self._buckets.delete(*_split(uri))


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory) -> Iterator[Storage]:
    """One server for all tests: Beam reads the credentials once in a process and keeps their `token_uri`."""
    folder = tmp_path_factory.mktemp("cloud_storage")
    buckets = Buckets(folder / "buckets", made_by_name=False)
    with running_web_server(StorageService(buckets, GATE, scheme="http").answer) as port:
        endpoint, credentials = f"http://localhost:{port}", folder / "key.json"
        key = service_account(ACCOUNT, new_account_key(), f"{endpoint}/token")
        credentials.write_text(json.dumps(key))
        yield Storage(buckets, endpoint, credentials)


@pytest.fixture(scope="module")
def storage(storage_server) -> Iterator[Storage]:
    """The server, with the environment of this process and of its children set to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in storage_server.environment.items():
            patch.setenv(name, value)
        forget_clients(patch)
        yield storage_server


def forget_clients(patch: pytest.MonkeyPatch) -> None:
    """Makes this process connect again: it keeps clients and credentials, which may come from other tests."""
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
