"""Google Cloud Storage for what Beam's file system does slowly: many small reads, and long listings.

Beam opens a client, and so a connection, per file, requests the object's metadata, and reads at least 16 MiB. Its
listing keeps every name. Here a read is one request over a persistent connection, and a listing holds one page.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import google.auth
from apache_beam.io.filesystems import FileSystems
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
    RetryError,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.resumable_media import InvalidResponse

from beam_jobs.storage.files import FileTooLarge
from schemas.errors import UserError

_FAILURES = (GoogleAPICallError, GoogleAuthError, RetryError)  # the last where it was tried for minutes, in vain
_thread = threading.local()


def _beam_io() -> Any:
    """What Beam's file system is made of, with its credentials."""
    file_system: Any = FileSystems.get_filesystem("gs://")
    return file_system._gcsIO()


def _client() -> Any:
    """This thread's client; Beam makes it, with the credentials that Beam's options name."""
    if not hasattr(_thread, "client"):
        _require_credentials()
        _thread.client = _beam_io().client
    return _thread.client


@functools.cache
def _require_credentials() -> None:
    """UserError where there are no credentials; Beam would look for them five times, and then try without."""
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return
    os.environ.setdefault("GCE_METADATA_TIMEOUT", "2")  # seconds; that server is on Google's machines alone
    try:
        google.auth.default()
    except DefaultCredentialsError as error:
        raise UserError(
            f"Google Cloud Storage: no credentials ({str(error).split('. ')[0].strip('.')}); run gcloud auth"
            " application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a key"
        ) from None


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
    except _FAILURES as error:
        raise OSError(f"{uri}: {_says(error)}") from error


@contextlib.contextmanager
def written(uri: str) -> Iterator[None]:
    """Raises what Google's client raises when a write is refused, which Beam passes on as it is, as OSError."""
    try:
        with _as_os_errors(uri):
            yield
    except InvalidResponse as error:
        raise OSError(f"{uri}: Google Cloud Storage answers with HTTP status {error.response.status_code}") from None


def _says(error: Exception) -> str:
    return getattr(error, "message", "") or str(error) or type(error).__name__


def check_bucket(uri: str) -> None:
    """Looks up a URI's bucket, as Beam does before it stages a file; OSError if it is absent or access is denied."""
    bucket, _ = _split(uri)
    try:
        _client().get_bucket(bucket)
    except _FAILURES as error:
        raise OSError(f"gs://{bucket}: {_says(error)}") from error


def list_objects(prefix: str) -> Iterator[tuple[str, int]]:
    """URI and bytes of each object whose URI begins with `prefix`; OSError where the bucket can't be listed."""
    bucket, start = _split(prefix)
    try:
        for blob in _client().list_blobs(bucket, prefix=start, fields="items(name,size),nextPageToken"):
            yield f"gs://{bucket}/{blob.name}", blob.size
    except _FAILURES as error:
        raise OSError(f"{prefix}: {_says(error)}") from error


def list_folders(prefix: str) -> list[str]:
    """URIs of the folders right below `prefix`, which ends in `/`; OSError where the bucket can't be listed."""
    bucket, start = _split(prefix)
    try:
        listing = _client().list_blobs(bucket, prefix=start, delimiter="/", fields="prefixes,nextPageToken")
        for _ in listing:  # the prefixes are complete once every page is read
            pass
    except _FAILURES as error:
        raise OSError(f"{prefix}: {_says(error)}") from error
    return [f"gs://{bucket}/{name.rstrip('/')}" for name in sorted(listing.prefixes)]


def delete_objects(uris: list[str]) -> None:
    """Deletes objects by their literal names; missing ones are fine. An OSError names one that can't be deleted."""
    for uri, error in _beam_io().delete_batch(uris):
        if error:
            raise OSError(f"{uri}: can't be deleted ({error})")


# The functions below change an object only if nothing else has changed it in the meantime. Each object has a
# generation, a number that changes with each write; 0 means that there is no object:
# https://cloud.google.com/storage/docs/request-preconditions.


def generation_of(uri: str) -> int:
    """The generation of an object; 0 where there is none."""
    with _as_os_errors(uri):
        found = _client().bucket(_split(uri)[0]).get_blob(_split(uri)[1])
    return found.generation if found else 0


def list_generations(prefix: str) -> dict[str, tuple[int, int]]:
    """URI to bytes and generation of each object whose URI begins with `prefix`; OSError as `list_objects`."""
    bucket, start = _split(prefix)
    with _as_os_errors(prefix):
        listing = _client().list_blobs(bucket, prefix=start, fields="items(name,size,generation),nextPageToken")
        found = {f"gs://{bucket}/{blob.name}": (blob.size, blob.generation) for blob in listing}
    return {uri: seen for uri, seen in found.items() if not uri.endswith("/")}


def write_if(uri: str, data: bytes, generation: int) -> int | None:
    """Writes an object if it is of a generation; returns its new one, or None where it was of another."""
    blob = _blob(uri)
    with _as_os_errors(uri):
        try:
            blob.upload_from_string(data, "application/octet-stream", if_generation_match=generation)
        except PreconditionFailed:
            return None
    return blob.generation


def copy_if(source: str, destination: str, generation: int, source_generation: int | None = None) -> int | None:
    """Copies an object in a bucket if the destination, and the source too where that is given, are of a generation.

    Returns:
      The destination's new generation; None where one of them was of another.

    Raises:
      FileNotFoundError: There is no source.
      PermissionError, OSError: It may not be copied, or can't be.
    """
    blob, token = _blob(destination), ""
    with _as_os_errors(source):
        try:
            while token is not None:  # within one bucket, one request is enough; the protocol allows for more
                token, _, _ = blob.rewrite(
                    _blob(source),
                    token=token or None,
                    if_generation_match=generation,
                    if_source_generation_match=source_generation,
                )
        except PreconditionFailed:
            return None
    return blob.generation


def delete_if(uri: str, generation: int) -> None:
    """Deletes an object if it is of a generation; one of another stays, and one that is gone is no error."""
    with _as_os_errors(uri), contextlib.suppress(NotFound, PreconditionFailed):
        _blob(uri).delete(if_generation_match=generation)
