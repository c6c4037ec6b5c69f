"""Paths and URIs from a command line, checked before anything looks there."""

from __future__ import annotations

import re

from schemas.errors import UserError

_SCHEMES = ("gs", "s3", "hdfs", "azfs")  # the last three need Beam's own extras
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
