"""The content of a repository before it is pushed: paths to bytes or local files, with digests."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Content = bytes | Path  # a large file stays on disk until it is sent
Files = Mapping[str, Content]

_PIECE = 1 << 20  # 1 MiB


def sha256(content: Content) -> str:
    """SHA-256 of a file's bytes: how the Hub identifies large files."""
    digest = hashlib.sha256()
    for piece in _pieces(content):
        digest.update(piece)
    return digest.hexdigest()


def git_blob_id(content: Content) -> str:
    """Git's id of a file's bytes: how the Hub identifies all others (`git hash-object`)."""
    digest = hashlib.sha1(b"blob %d\0" % size(content))
    for piece in _pieces(content):
        digest.update(piece)
    return digest.hexdigest()


def size(content: Content) -> int:
    """Bytes."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def digest(files: Files, without: Iterable[str] = ()) -> str:
    """SHA-256 over paths and contents, except of the paths in `without`."""
    total = hashlib.sha256()
    for path in sorted(set(files) - set(without)):
        total.update(f"{path}\n{sha256(files[path])}\n".encode())
    return total.hexdigest()


def write_folder(files: Files, folder: Path) -> None:
    """Replaces `folder` by a new folder with these files, completely or not at all.

    If killed, it leaves hidden folders beside `folder`, which the next call deletes: everything there must be ours.
    """
    incoming, outgoing = (folder.with_name(f".{folder.name}.{state}") for state in ("incoming", "outgoing"))
    for left in (incoming, outgoing):
        _delete(left)
    incoming.mkdir(parents=True)
    try:
        for path, content in files.items():
            target = incoming / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for piece in _pieces(content):
                    file.write(piece)
        if folder.exists():  # never half deleted at its own place
            folder.rename(outgoing)
        incoming.rename(folder)
    finally:
        for left in (incoming, outgoing):
            _delete(left)


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _pieces(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
