"""Whole files and folders, read, written, listed and deleted wherever they are.

A path is never a pattern here. Beam's `FileSystems.match` and `FileSystems.delete` treat `*`, `?` and `[` anywhere in a
path as wildcards, so nothing else in this project calls them. Nothing heavy is imported until a file that is not local
is opened, so command lines can use this module.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from beam_jobs.storage.locations import refuse_wildcards
from schemas.regular_files import open_regular

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # which the system says without a name
TEMPORARY = r"\.[0-9a-f]{32}\.tmp$"  # suffix of a file while it is written; a killed process leaves it behind


class StoredFile(NamedTuple):
    """A file that a listing found: its path or URI, and its size in bytes."""

    path: str
    size: int


def open_file(uri: str) -> BinaryIO:
    """Opens a seekable file for reading, never decompressed, regardless of its extension.

    OSError if it can't be opened or, locally, is not a regular file.
    """
    if "://" not in uri:
        return open_regular(uri)
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(uri, mime_type="application/octet-stream", compression_type="uncompressed")


class FileTooLarge(OSError):
    """A file has more bytes than its reader accepts; no more than these were read."""


def read_file(uri: str, max_bytes: int | None = None) -> bytes:
    """All bytes of a file.

    Raises:
      FileTooLarge: It has more than `max_bytes`; where it is checked against its checksum, as in a bucket, it still is.
      OSError: It can't be read.
    """
    if uri.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        return cloud_storage.read_object(uri, max_bytes)
    with open_file(uri) as file:
        data = file.read() if max_bytes is None else file.read(max_bytes + 1)
    if max_bytes is not None and len(data) > max_bytes:
        raise FileTooLarge(f"{uri}: more than {max_bytes:,} bytes")
    return data


def read_part(uri: str, offset: int, length: int) -> bytes:
    """`length` bytes of a file from `offset` on; fewer where it ends before. Raises OSError where it can't be read."""
    if uri.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        return cloud_storage.read_object_part(uri, offset, length)
    with open_file(uri) as file:
        file.seek(offset)
        return file.read(length)


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file under a temporary name, see TEMPORARY, and renames it, so that no reader meets half a file."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    with create_file(temporary) as file:
        file.write(data)
    if "://" not in path:
        os.replace(temporary, path)
        return
    from apache_beam.io.filesystems import FileSystems

    FileSystems.rename([temporary], [path])


@contextlib.contextmanager
def create_file(path: str) -> Iterator[BinaryIO]:
    """Writes a file, as it is, inside the `with` block; OSError where that fails, naming the folder of a full disk."""
    translated: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if path.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        translated = cloud_storage.written(path)
    try:
        with translated, _created(path) as file:
            yield file
    except OSError as error:
        if error.errno not in _FULL or error.filename:
            raise
        folder = path.rpartition("/")[0]
        raise OSError(error.errno, f"{error.strerror} in {folder}; make room there, or choose another folder") from None


def _created(path: str) -> BinaryIO:
    """Opens a new file for writing, and locally makes the folders that it lies in."""
    if "://" not in path:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        return open(path, "wb")
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.create(path, "application/octet-stream", "uncompressed")


def exists(uri: str) -> bool:
    """Whether a file (locally, or a folder) of exactly this name exists."""
    if "://" not in uri:
        return os.path.exists(uri)
    if uri.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        return cloud_storage.generation_of(uri) != 0
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.exists(uri)


def files_below(folder: str) -> Iterator[StoredFile]:
    """Every file below a folder, by its literal name; none where there is no such folder.

    A local symbolic link is listed as a file, and never followed. A bucket is listed page by page.

    Raises:
      UserError: Another file system of Beam's, which lists by pattern alone, and a folder that would be one.
    """
    if "://" not in folder:
        yield from _walk(folder)
    elif folder.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        for uri, size in cloud_storage.list_objects(f"{folder}/"):
            if not uri.endswith("/"):  # the console's placeholder for an empty folder
                yield StoredFile(uri, size)
    else:
        from apache_beam.io.filesystems import FileSystems

        refuse_wildcards("folder", folder)
        for found in FileSystems.match([f"{folder}/**"])[0].metadata_list:
            yield StoredFile(found.path, found.size_in_bytes)


def _walk(folder: str) -> Iterator[StoredFile]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                yield StoredFile(entry.path, entry.stat(follow_symlinks=False).st_size)


def sizes_below(folder: str) -> dict[str, int]:
    """Path to size in bytes of each file below a folder, as `files_below` finds them."""
    return {file.path: file.size for file in files_below(folder)}


def folders_in(folder: str) -> list[str]:
    """Paths of the folders right in a folder, sorted; none where there is no such folder. OSError as `files_below`."""
    if folder.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        return cloud_storage.list_folders(f"{folder}/")
    below = (file.path.removeprefix(f"{folder}/").split("/") for file in files_below(folder))
    return sorted({f"{folder}/{parts[0]}" for parts in below if len(parts) > 1})


def delete_files(uris: Iterable[str]) -> None:
    """Deletes files by their literal names; missing ones are no error. Deletes a link, not its target."""
    objects, others = [], []
    for uri in uris:
        if "://" not in uri:
            with contextlib.suppress(FileNotFoundError):
                os.remove(uri)
        elif uri.startswith("gs://"):
            objects.append(uri)
        else:
            refuse_wildcards("file", uri)
            others.append(uri)
    if objects:
        from beam_jobs.storage import cloud_storage

        cloud_storage.delete_objects(objects)
    if others:
        from apache_beam.io.filesystems import FileSystems

        FileSystems.delete(others)


def remove_empty_folders(folder: str) -> None:
    """Removes a local folder and the folders in it as far as they hold nothing; buckets have no folders."""
    if "://" not in folder:
        for path, _, _ in os.walk(folder, topdown=False):
            remove_if_empty(path)


def remove_if_empty(folder: str) -> None:
    """Removes a local folder if it exists and is empty."""
    if "://" not in folder:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
