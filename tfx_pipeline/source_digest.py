"""A digest of our own source code, so that TFX's cache never serves the results of other code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from schemas.manifest import file_sha256

SOURCE_SUFFIXES = (".py", ".yaml", ".pbtxt", ".css", ".html", ".js", ".json", ".txt")


def source_sha256(*modules: str, files: Iterable[str] = ()) -> str:
    """Returns the SHA-256 over names and contents of the source files of packages and modules, without importing them.

    Args:
      modules: Names such as `trainer` (a package: all its files) or `tfx_pipeline.evaluation.iou_metrics` (one file).
      files: Other files that decide the result, such as weights; their names do not count.

    Raises:
      ModuleNotFoundError: There is no such module.
    """
    digest = hashlib.sha256()
    for name in modules:
        for relative_path, path in _source_files(name):
            content = path.read_bytes()
            digest.update(f"{name}/{relative_path}\n{len(content)}\n".encode() + content)
    for path in files:
        digest.update(f"{file_sha256(Path(path))}\n".encode())
    return digest.hexdigest()


def _source_files(name: str) -> list[tuple[str, Path]]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module named {name!r} to digest")
    origin = Path(spec.origin)
    if not spec.submodule_search_locations:
        return [(origin.name, origin)]
    root = origin.parent
    files = [path for path in root.rglob("*") if path.suffix in SOURCE_SUFFIXES and path.is_file()]
    return sorted((path.relative_to(root).as_posix(), path) for path in files)
