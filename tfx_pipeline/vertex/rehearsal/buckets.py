"""Buckets of Cloud Storage as folders of this machine, with older generations of their objects where asked for."""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PreconditionFailed(Exception):
    """An object is not as a request expects it (https://cloud.google.com/storage/docs/request-preconditions)."""


class Buckets:
    """Buckets and their objects as folders and files below one folder.

    While `versioning` is on, what is overwritten or deleted is kept, in memory, as an older generation.

    An object whose name ends in `/` is an empty folder: TensorFlow creates these, and Cloud Storage lists them.
    """

    def __init__(self, root: Path, made_by_name: bool = True):
        """Args: `root` is the folder; `made_by_name`: whether every bucket that a request names exists."""
        self.root = root
        self.versioning = False
        self._older: dict[tuple[str, str], dict[int, bytes]] = {}
        self._made_by_name = made_by_name
        self._lock = threading.RLock()
        self._last_generation = 0
        root.mkdir(parents=True, exist_ok=True)

    def path(self, bucket: str, name: str = "") -> Path:
        """Path of a bucket or an object; ValueError for a name that would leave the folder.

        Raises:
          FileNotFoundError: There is no such bucket.
        """
        if any(part in ("", ".", "..") for part in [bucket, *name.rstrip("/").split("/")][: None if name else 1]):
            raise ValueError(f"no object can be called gs://{bucket}/{name}")
        if not self._made_by_name and not (self.root / bucket).is_dir():
            raise FileNotFoundError(f"no such bucket: {bucket}")
        return self.root / bucket / name

    def of_uri(self, uri: str) -> Path:
        """Path of `gs://bucket/name`."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self.path(bucket, name)

    def exists(self, bucket: str, name: str) -> bool:
        """Whether there is such an object."""
        path = self.path(bucket, name)
        return path.is_dir() and not any(path.iterdir()) if name.endswith("/") else path.is_file()

    def read(self, bucket: str, name: str) -> bytes:
        """The bytes of an object that exists."""
        return b"" if name.endswith("/") else self.path(bucket, name).read_bytes()

    def write(self, bucket: str, name: str, data: bytes) -> None:
        """Writes an object atomically."""
        path = self.path(bucket, name)
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            return
        self._keep(bucket, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.root / f".{uuid.uuid4().hex}"
        temporary.write_bytes(data)
        with self._lock:  # two writes within one tick of the file system's clock would have one generation
            self._last_generation = max(time.time_ns(), self._last_generation + 1)
            os.utime(temporary, ns=(self._last_generation, self._last_generation))
            os.replace(temporary, path)

    def delete(self, bucket: str, name: str) -> None:
        """Deletes an object that exists, and the folders that become empty: buckets have no folders."""
        path = self.path(bucket, name)
        self._keep(bucket, name)
        path.rmdir() if name.endswith("/") else path.unlink()
        for folder in path.parents:
            if folder == self.root / bucket or any(folder.iterdir()):
                return
            folder.rmdir()

    def generation(self, bucket: str, name: str) -> int:
        """When an object was written, in ns, which no other state of it shares; 0 if there is no such object."""
        return self.path(bucket, name).stat().st_mtime_ns if self.exists(bucket, name) else 0

    @contextmanager
    def expecting(self, bucket: str, name: str, generation: str | None) -> Iterator[None]:
        """Keeps others from changing an object inside the `with` block.

        Raises:
          PreconditionFailed: The object is of another generation than a request expects, as text; None expects nothing.
        """
        with self._lock:
            if generation is not None and self.generation(bucket, name) != int(generation):
                raise PreconditionFailed(f"gs://{bucket}/{name}: is not of generation {generation}")
            yield

    def older(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, bytes]]:
        """Name, generation and bytes of what was overwritten or deleted, oldest first."""
        for (in_bucket, name), kept in sorted(self._older.items()):
            if in_bucket == bucket and name.startswith(prefix):
                yield from ((name, generation, data) for generation, data in sorted(kept.items()))

    def read_generation(self, bucket: str, name: str, generation: int) -> bytes:
        """The bytes of one generation of an object; FileNotFoundError where it is not there, or no longer."""
        if self.exists(bucket, name) and self.generation(bucket, name) == generation:
            return self.read(bucket, name)
        kept = self._older.get((bucket, name), {})
        if generation not in kept:
            raise FileNotFoundError(f"{name}#{generation}")
        return kept[generation]

    def _keep(self, bucket: str, name: str) -> None:
        if self.versioning and not name.endswith("/") and self.exists(bucket, name):
            kept = self._older.setdefault((bucket, name), {})
            kept[self.generation(bucket, name)] = self.read(bucket, name)

    def names(self, bucket: str, prefix: str) -> Iterator[str]:
        """Names of the objects that start with `prefix`, sorted."""
        root = self.path(bucket)
        start = root / prefix.rpartition("/")[0]
        found = []
        for folder, folders, files in os.walk(start):
            relative = Path(folder).relative_to(root).as_posix()
            base = "" if relative == "." else f"{relative}/"
            found += [f"{base}{name}" for name in files]
            if not folders and not files and base:
                found.append(base)
        return iter(sorted(name for name in found if name.startswith(prefix)))

    def add_folder(self, folder: Path, uri: str) -> None:
        """Copies a local folder to `gs://...`."""
        shutil.copytree(folder, self.of_uri(uri), dirs_exist_ok=True)
