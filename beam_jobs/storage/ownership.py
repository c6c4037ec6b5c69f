"""Proof that a folder is ours: a marker in it, without which nothing there is ever cleaned up.

A name proves nothing: a user's own `logs/` has the same one. The marker names the command that made the folder.
"""

from __future__ import annotations

import os

from beam_jobs.storage.files import (
    delete_files,
    exists,
    files_below,
    read_file,
    remove_empty_folders,
    remove_if_empty,
    write_atomically,
)
from beam_jobs.storage.local_paths import real_folder
from schemas.errors import UserError

MARKER_FILE = ".made_by"


def mark_folder(folder: str, owner: str) -> None:
    """Marks a folder, local or in a bucket, as made by `owner`, such as `beam_jobs.prepare`; may be repeated."""
    if not is_marked(folder, owner):
        write_atomically(f"{folder}/{MARKER_FILE}", _content(owner))


def is_marked(folder: str, owner: str) -> bool:
    """Whether `owner` made this very folder; the target of a symbolic link does not count."""
    path = f"{folder}/{MARKER_FILE}"
    return not os.path.islink(folder) and exists(path) and read_file(path) == _content(owner)


def check_claim(option: str, folder: str, owner: str) -> None:
    """Checks that a folder is missing, empty, or marked by `owner`, who may then clean it up; writes nothing.

    Raises:
      UserError: Names `option`, the folder and the remedy.
    """
    real = real_folder(folder)
    try:
        free = is_marked(real, owner) or _is_empty(real)
    except OSError as error:
        raise _unusable(option, folder, error) from None
    if not free:
        raise UserError(
            f"{option} {folder}: holds files, and nothing says that {owner} made it, which would delete some of them;"
            " choose a new or an empty folder"
        )


def claim_folder(option: str, folder: str, owner: str) -> None:
    """Makes and marks a folder that `owner` may clean up from now on; UserError as in `check_claim`."""
    check_claim(option, folder, owner)
    try:
        if "://" not in folder:
            os.makedirs(folder, exist_ok=True)
        mark_folder(real_folder(folder), owner)
    except OSError as error:
        raise _unusable(option, folder, error) from None


def _is_empty(folder: str) -> bool:
    if "://" in folder:
        return next(files_below(folder), None) is None
    return not os.path.lexists(folder) or not os.listdir(folder)


def _unusable(option: str, folder: str, error: OSError) -> UserError:
    return UserError(f"{option} {folder}: can't be used ({error.strerror or error}); choose another folder")


def delete_marked_folder(folder: str) -> None:
    """Deletes everything in a folder, the marker last: if the process is killed, the folder is still marked."""
    marker = f"{folder}/{MARKER_FILE}"
    delete_files([file.path for file in files_below(folder) if file.path != marker])
    remove_empty_folders(folder)
    delete_files([marker])
    remove_if_empty(folder)


def _content(owner: str) -> bytes:
    return f"{owner}\n".encode()
