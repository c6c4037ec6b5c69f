"""Google Cloud Storage for what Beam's file system does slowly: many small reads, and long listings.

Beam opens a client, and so a connection, per file, requests the object's metadata, and reads at least 16 MiB. Its
listing keeps every name. Here a read is one request over a persistent connection, and a listing holds one page.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from typing import Any

from apache_beam.io.filesystems import FileSystems
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RequestRangeNotSatisfiable

from beam_jobs.storage.files import FileTooLarge

_thread = threading.local()


def _beam_io() -> Any:
    """What Beam's file system is made of, with its credentials."""
    file_system: Any = FileSystems.get_filesystem("gs://")
    return file_system._gcsIO()


def _client() -> Any:
    """This thread's client; Beam makes it, with the credentials that Beam's options name."""
    if not hasattr(_thread, "client"):
        _thread.client = _beam_io().client
    return _thread.client


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


class _Bounded(io.BytesIO):
    """Receives a download, up to a number of bytes."""

    def __init__(self, uri: str, max_bytes: int):
        super().__init__()
        self._uri, self._max_bytes = uri, max_bytes

    def write(self, piece: bytes) -> int:
        if self.tell() + len(piece) > self._max_bytes:
            raise FileTooLarge(f"{self._uri}: more than {self._max_bytes:,} bytes")
        return super().write(piece)


def read_object(uri: str, max_bytes: int | None = None) -> bytes:
    """All bytes of an object, checked against the checksum that Cloud Storage keeps of it.

    Raises:
      FileTooLarge: It has more than `max_bytes`; the download ends there.
      FileNotFoundError, PermissionError, OSError: As `read_object_part`.
    """
    content = _Bounded(uri, sys.maxsize if max_bytes is None else max_bytes)
    with _as_os_errors(uri):
        # raw: the stored bytes, even if the object's metadata says that they are compressed
        _blob(uri).download_to_file(content, raw_download=True)
    return content.getvalue()


def read_object_part(uri: str, offset: int, length: int) -> bytes:
    """`length` bytes of an object from `offset` on; fewer where it ends before.

    Raises:
      FileNotFoundError: It is not there.
      PermissionError: Access is denied.
      OSError: It can't be read.
    """
    if not length:
        return b""
    with _as_os_errors(uri):
        try:
            return _blob(uri).download_as_bytes(raw_download=True, start=offset, end=offset + length - 1, checksum=None)
        except RequestRangeNotSatisfiable:
            return b""


def _blob(uri: str):
    bucket, name = _split(uri)
    return _client().bucket(bucket).blob(name)


@contextlib.contextmanager
def _as_os_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except NotFound:
        raise FileNotFoundError(f"{uri}: no such object") from None
    except Forbidden as error:
        raise PermissionError(f"{uri}: {error.message or 'may not be read'}") from None
    except GoogleAPICallError as error:
        raise OSError(f"{uri}: {error.message or type(error).__name__}") from error


def check_bucket(uri: str) -> None:
    """Looks up a URI's bucket, as Beam does before it stages a file; OSError if it is absent or access is denied."""
    bucket, _ = _split(uri)
    try:
        _client().get_bucket(bucket)
    except GoogleAPICallError as error:
        raise OSError(f"gs://{bucket}: {error.message or type(error).__name__}") from error


def list_objects(prefix: str) -> Iterator[tuple[str, int]]:
    """URI and bytes of each object whose URI begins with `prefix`; OSError where the bucket can't be listed."""
    bucket, start = _split(prefix)
    try:
        for blob in _client().list_blobs(bucket, prefix=start, fields="items(name,size),nextPageToken"):
            yield f"gs://{bucket}/{blob.name}", blob.size
    except GoogleAPICallError as error:
        raise OSError(f"{prefix}: {error.message or type(error).__name__}") from error


def list_folders(prefix: str) -> list[str]:
    """URIs of the folders right below `prefix`, which ends in `/`; OSError where the bucket can't be listed."""
    bucket, start = _split(prefix)
    try:
        listing = _client().list_blobs(bucket, prefix=start, delimiter="/", fields="prefixes,nextPageToken")
        for _ in listing:  # the prefixes are complete once every page is read
            pass
    except GoogleAPICallError as error:
        raise OSError(f"{prefix}: {error.message or type(error).__name__}") from error
    return [f"gs://{bucket}/{name.rstrip('/')}" for name in sorted(listing.prefixes)]


def delete_objects(uris: list[str]) -> None:
    """Deletes objects by their literal names; missing ones are fine. An OSError names one that can't be deleted."""
    for uri, error in _beam_io().delete_batch(uris):
        if error:
            raise OSError(f"{uri}: can't be deleted ({error})")
