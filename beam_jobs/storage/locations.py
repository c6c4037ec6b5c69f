"""Paths and URIs from a command line, checked before they are used."""

from __future__ import annotations

import re

from schemas.errors import UserError

_SCHEMES = ("gs", "s3", "hdfs", "azfs")  # the last three need Beam's own extras
# TensorFlow finds the shards of a version, checkpoints and a SavedModel's variables by patterns that begin with the
# folder (`tf.io.gfile.glob`), where these are special and cannot be quoted; Beam does the same on file systems other
# than local folders and `gs://`.
WILDCARDS = "*?[\\"
_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]*[a-z0-9](/.*)?", re.DOTALL)  # cloud.google.com/storage/docs/buckets


def check_location(place: str) -> None:
    """Refuses paths that the jobs can neither read nor write.

    Raises:
      UserError: It has control characters, a scheme that nothing here reads, or no bucket; names it and the remedy.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in place):
        raise UserError(f"{place}: has a control character in its path; choose another folder")
    scheme, mark, rest = place.partition("://")
    if not mark:
        return
    if scheme == "file":
        raise UserError(f"{place}: give the path alone, such as /{rest.lstrip('/')}")
    if scheme not in _SCHEMES:
        raise UserError(f"{place}: nothing here reads {scheme}://; give a local folder or gs://BUCKET/FOLDER")
    if scheme == "gs" and not _BUCKET.fullmatch(place):
        raise UserError(f"{place}: names no bucket; give gs://BUCKET/FOLDER")


def wildcard_problem(path: str) -> str | None:
    """Says what is wrong with a path that must not contain a wildcard; None if nothing is."""
    found = [one for one in WILDCARDS if one in path]
    if not found:
        return None
    return (
        f"has {' and '.join(found)} in its path, which libraries that read it treat as a wildcard; choose a folder"
        f" without any of {' '.join(WILDCARDS)}"
    )


def refuse_wildcards(option: str, path: str) -> None:
    """Raises a UserError that names the option, the path and the character where a path holds a wildcard."""
    if problem := wildcard_problem(path):
        raise UserError(f"{option} {path}: {problem}")
