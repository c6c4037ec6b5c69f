"""Deletes what is older than a log's rules allow, where no bucket does it: in a folder of this machine."""

from __future__ import annotations

import contextlib
import os
import time

from schemas.served import HOUR, PHOTOS_FOLDER, RECORDS_FOLDER, hour_folder, is_photo_path, parse_records_path

_DAY_IN_HOURS = 24


def delete_old(folder: str, days: int, now: int | None = None) -> int:
    """Deletes records and photos of answers that were given more than some days ago, and nothing else.

    Args:
      folder: The log.
      days: 1 or more.
      now: Milliseconds since 1970; None for the present.

    Returns:
      How many files were deleted. One that can't be deleted stays, and is tried again next time.
    """
    now = time.time_ns() // 1_000_000 if now is None else now
    oldest = hour_folder(now - (days * _DAY_IN_HOURS) * HOUR)  # the text sorts as the time does
    deleted = 0
    for kind in (RECORDS_FOLDER, PHOTOS_FOLDER):
        root = os.path.join(folder, kind)
        for day in _folders(root):
            for hour in _folders(os.path.join(root, day)):
                if f"{day}/{hour}" < oldest:
                    deleted += _delete_files(folder, f"{kind}/{day}/{hour}")
                    _remove_empty(os.path.join(root, day, hour))
            _remove_empty(os.path.join(root, day))
    return deleted


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _delete_files(log: str, folder: str) -> int:
    """Deletes what has the name of a file of a log."""
    deleted = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.join(log, folder)):
            if parse_records_path(f"{folder}/{name}") or is_photo_path(f"{folder}/{name}"):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(log, folder, name))
                    deleted += 1
    return deleted


def _remove_empty(folder: str) -> None:
    with contextlib.suppress(OSError):  # it is not empty
        os.rmdir(folder)
