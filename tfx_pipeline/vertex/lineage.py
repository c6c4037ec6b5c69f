"""The data and code that a job and a model come from, as labels on Google Cloud."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from schemas.manifest import Manifest

DIGEST_LENGTH = 32  # of a SHA-256's 64 hex digits; a label's value has at most 63 characters
GIT_COMMIT = "GIT_COMMIT"  # environment variable, for launchers without a checkout


def lineage_labels(manifest: Manifest, git_commit: str | None) -> dict[str, str]:
    """Labels that name a data set version and the code: lower-case letters, digits, `_` and `-`, at most 63."""
    labels = {
        "dataset": manifest.dataset,
        "dataset_version": re.sub("[^a-z0-9_-]", "-", manifest.version.lower())[:63],
        "manifest_sha256": manifest.sha256[:DIGEST_LENGTH],
        "schema_sha256": manifest.schema_sha256[:DIGEST_LENGTH],
    }
    return labels | ({"git_commit": git_commit} if git_commit else {})


def lineage_text(manifest: Manifest, git_commit: str | None) -> str:
    """The same as text, with full digests."""
    return (
        f"{manifest.dataset} {manifest.version}, manifest sha256 {manifest.sha256}, schema sha256"
        f" {manifest.schema_sha256}, git commit {git_commit or 'unknown'}"
    )


def git_commit() -> str | None:
    """The commit of this code: GIT_COMMIT, or the checkout's, with `-dirty` if files differ; None if unknown."""
    if given := os.environ.get(GIT_COMMIT):
        return re.sub("[^a-z0-9_-]", "-", given.lower())[:63]
    project = Path(__file__).parents[2]
    if not (project / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(project), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
