"""One process at a time: a lock on a file, which the operating system releases however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from schemas.errors import UserError


@contextlib.contextmanager
def sole_use(path: str, refusal: str) -> Iterator[None]:
    """Holds a lock on a local file inside the `with` block; the file is created, and deleted afterwards.

    The lock belongs to this process, not to the workers that it forks. A killed process leaves an unlocked file, which
    blocks no other process.

    Args:
      path: The file; its folder exists.
      refusal: Message of the UserError if another process holds the lock.

    Raises:
      UserError: Another process holds the lock.
      OSError: The file can't be made.
    """
    file = _locked(path, refusal)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):  # the folder was removed while the lock was held
            os.unlink(path)  # before the release, so that a waiting process notices that the file is gone
        os.close(file)


def _locked(path: str, refusal: str) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                return file
        except OSError as error:
            os.close(file)
            if isinstance(
                error, (BlockingIOError, PermissionError)
            ):  # POSIX allows either errno for a lock that is held
                raise UserError(refusal) from None
            raise
        os.close(file)  # its last holder has removed it since it was opened


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
