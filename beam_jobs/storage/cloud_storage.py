"""Google Cloud Storage where Beam's file system is too general: many small reads, and listings of any length.

Beam opens a client, so a connection, for each file, asks for the object's metadata, and reads at least 16 MiB. Its
listing keeps every name. Here a read is one request over a connection that stays, and a listing holds one page.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from apache_beam.io.filesystems import FileSystems
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RequestRangeNotSatisfiable

_thread = threading.local()


def _client():
    """This thread's client, made by Beam, so with the credentials that Beam's options name."""
    if not hasattr(_thread, "client"):
        _thread.client = FileSystems.get_filesystem("gs://")._gcsIO().client
    return _thread.client


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


def read_object(uri: str, offset: int | None, length: int) -> bytes:
    """Reads an object, or `length` bytes of it from `offset` on; fewer where it ends before.

    Raises:
      FileNotFoundError: It is not there.
      PermissionError: It may not be read.
      OSError: It can't be read.
    """
    bucket, name = _split(uri)
    if offset is not None and not length:
        return b""
    part = {} if offset is None else {"start": offset, "end": offset + length - 1, "checksum": None}
    try:
        # raw: the bytes that are stored, also where the object says that it is compressed
        return _client().bucket(bucket).blob(name).download_as_bytes(raw_download=True, **part)
    except RequestRangeNotSatisfiable:
        return b""
    except NotFound:
        raise FileNotFoundError(f"{uri}: no such object") from None
    except Forbidden as error:
        raise PermissionError(f"{uri}: {error.message or 'may not be read'}") from None
    except GoogleAPICallError as error:
        raise OSError(f"{uri}: {error.message or type(error).__name__}") from error


def check_bucket(uri: str) -> None:
    """Looks up a URI's bucket, as Beam does before it stages a file; OSError where it is absent or may not be seen."""
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
        for _ in listing:  # the prefixes are there once every page was read
            pass
    except GoogleAPICallError as error:
        raise OSError(f"{prefix}: {error.message or type(error).__name__}") from error
    return [f"gs://{bucket}/{name.rstrip('/')}" for name in sorted(listing.prefixes)]


def delete_objects(uris: list[str]) -> None:
    """Deletes objects by their literal names; one that is gone already is no error. OSError names what can't be."""
    for uri, error in FileSystems.get_filesystem("gs://")._gcsIO().delete_batch(uris):
        if error:
            raise OSError(f"{uri}: can't be deleted ({error})")
