"""The log of what is served as a folder: records by the hour, whole files at a time, and a sample of the photos."""

from __future__ import annotations

from collections.abc import Sequence

from beam_jobs.records.tf_example import to_example
from beam_jobs.served.log_files import Keeping, WriteFile, framed, write_about
from beam_jobs.served.outbox import Answer, Delivery
from schemas.served import HOUR, PHOTO, photo_path, records_path


class FolderLog:
    """A `Destination` of files.

    Args:
      folder: The log, local or `gs://`.
      write: Writes a file; such as `beam_jobs.storage.files.write_atomically`.
    """

    seconds, keeps_photos = 60.0, True

    def __init__(self, folder: str, write: WriteFile):
        self.name = folder.rstrip("/")
        self._write = write
        self._writer, self._files = "", 0

    def open(self, writer: str, source: str, keeping: Keeping) -> None:
        """Writes what is kept of the photos."""
        self._writer = writer
        write_about(self.name, source, keeping, self._write)

    def deliver(self, answers: Sequence[Answer]) -> Delivery:
        """Writes a file for each hour, and before it the photos that its records name."""
        left: list[Answer] = []
        error = None
        for hour in sorted({one.time // HOUR for one in answers}):
            ready = []
            for one in answers:
                if one.time // HOUR == hour:
                    one, problem = self._with_photo(one)
                    ready.append(one)
                    error = problem or error
            path = records_path(hour * HOUR, self._writer, self._files)
            if problem := self._problem(path, framed(to_example(one.values) for one in ready)):
                left, error = left + ready, problem
            else:
                self._files += 1
        return Delivery(left, error)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _with_photo(self, one: Answer) -> tuple[Answer, Exception | None]:
        """An answer whose photo was written, or that has lost it: a photo that can't be written leaves its record."""
        if one.photo is None:
            return one, None
        path = photo_path(one.time, self._writer, one.number, "jpg")
        problem = self._problem(path, one.photo)
        values = one.values if problem else {**one.values, PHOTO: path.encode()}
        return one._replace(values=values, photo=None), problem

    def _problem(self, path: str, data: bytes) -> Exception | None:
        """What goes wrong when a file is written: of a disk, a bucket, the network."""
        try:
            self._write(f"{self.name}/{path}", data)
        except Exception as error:
            return error
        return None
