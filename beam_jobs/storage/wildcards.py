"""Characters in a path that some library treats as a pattern, so that it would read or miss other files.

TensorFlow matches the shards of a version, lists checkpoints and reads a SavedModel's variables by patterns that begin
with the folder (`tf.io.gfile.glob`): there `*`, `?`, `[` and `\\` are special, and cannot be quoted.
Beam does the same on file systems other than local folders and `gs://`.
"""

from __future__ import annotations

from schemas.errors import UserError

WILDCARDS = "*?[\\"


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
