"""Whole files and folders, read, written and deleted wherever they are.

Nothing heavy is imported until something that is not local is opened, so that command lines may use this module.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import shutil
import uuid
from typing import BinaryIO


def open_file(uri: str) -> BinaryIO:
    """Opens a file for reading, seekable and as it is: no name makes it be decompressed."""
    if "://" not in uri:
        return open(uri, "rb")
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(uri, mime_type="application/octet-stream", compression_type="uncompressed")


def read_file(uri: str) -> bytes:
    """All bytes of a file; raises OSError where it can't be read."""
    return _read(uri, None, 0)


def read_part(uri: str, offset: int, length: int) -> bytes:
    """`length` bytes of a file from `offset` on; fewer where it ends before. Raises OSError where it can't be read."""
    return _read(uri, offset, length)


def _read(uri: str, offset: int | None, length: int) -> bytes:
    if uri.startswith("gs://"):
        from beam_jobs.storage import cloud_storage

        return cloud_storage.read_object(uri, offset, length)
    with open_file(uri) as file:
        if offset is None:
            return file.read()
        file.seek(offset)
        return file.read(length)


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that no reader meets half a file."""
    from apache_beam.io.filesystems import FileSystems

    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    with FileSystems.create(temporary, "application/octet-stream", "uncompressed") as file:
        file.write(data)
    FileSystems.rename([temporary], [path])


def sizes_below(folder: str) -> dict[str, int]:
    """Path to size in bytes of each file below a folder."""
    from apache_beam.io.filesystems import FileSystems

    return {file.path: file.size_in_bytes for file in FileSystems.match([f"{folder}/**"])[0].metadata_list}


def delete_folder(folder: str) -> None:
    """Deletes a folder with all its files, and its parent where that is empty then; no error where there is none."""
    if "://" not in folder:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # its parent holds other versions
            os.rmdir(posixpath.dirname(folder))
    elif files := sizes_below(folder):
        from apache_beam.io.filesystems import FileSystems

        FileSystems.delete(list(files))
