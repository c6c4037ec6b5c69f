"""Pushes as the tests make them: small files, and retry_policy that does not wait."""

from __future__ import annotations

from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tests.tfx_pipeline.hub.server import LoopbackHub
from tfx_pipeline.hub.client import RetryPolicy, hub_api
from tfx_pipeline.hub.contents import Files, digest
from tfx_pipeline.hub.push import Message, Push, Pushed, Target

MODEL = "acme/pets"
FILES = {
    "README.md": b"---\ntags: [a]\n---\n# Pets\n",
    "model_info.json": b'{"classes": ["pet"]}\n',
    "model.tflite": b"TFL3\0" * 50,
    "saved_model/saved_model.pb": b"\x08\x01\0graph",
    "saved_model/variables/variables.data-00000-of-00001": bytes(range(256)) * 40,
}


def tag_of(files: Files) -> str:
    return f"1.0.0-{digest(files)[:12]}"


def push(
    hub: LoopbackHub,
    files: Files = FILES,
    token: str = WRITE_TOKEN,
    lines: list[str] | None = None,
    max_silence: float = 60,
    **changes,
):
    """Pushes to a repository on `hub`; `lines` gets what is reported meanwhile. Returns Pushed."""
    reported = [] if lines is None else lines
    retry_policy = RetryPolicy(sleep=lambda seconds: None, report=reported.append)
    target = Target(**{"repo_id": MODEL, "kind": "model", "private": False} | changes)
    api = hub_api(hub.endpoint, token, max_silence)
    pushed: Pushed = Push(api, target, retry_policy).run(files, tag_of(files), Message("Model 1", "Of a test."))
    return pushed


def held(hub: LoopbackHub, kind: str = "model", name: str = MODEL, branch: str = "main") -> dict[str, bytes]:
    """What the Hub holds in a repository, without the file that it put there itself."""
    repository = hub.api.repositories[kind, name]
    files = repository.commits[repository.branches[branch]].files
    return {path: file.content for path, file in files.items() if path != ".gitattributes"}
