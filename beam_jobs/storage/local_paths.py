"""Paths as users give them: made absolute, or refused in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import UserError

_BUCKET = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # `Path` makes `gs:/bucket` of `gs://bucket`


def local_path(option: str, path: str | Path) -> Path:
    """The absolute path without links of a file or folder of this machine, whether it exists or not.

    Args:
      option: Names the path in messages.
      path: As the user gave it; `~` is the home folder.

    Raises:
      UserError: It is in a bucket, or the system can't use it: it is too long, a loop of links, or leads through a
        file.
    """
    if _BUCKET.match(str(path)):
        raise UserError(f"{option} {path}: is not on this machine; give a folder here, or run on Vertex AI")
    try:
        real = Path(os.path.expanduser(path)).resolve()
        real.exists()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links, before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{option} {path}: can't be used ({reason}); choose another path") from None
    if os.path.islink(real):  # Python 3.13 leaves a loop of links as it is
        raise UserError(f"{option} {path}: can't be used (a loop of links); choose another path")
    return real


def real_folder(folder: str) -> str:
    """Resolves links in a local folder, which could lead anywhere; an address such as `gs://` stays as it is."""
    return folder if "://" in folder else os.path.realpath(folder)


def check_outside(option: str, folder: str, inputs: Mapping[str, str]) -> None:
    """Raises UserError where a folder to write to, if there is one, lies in one that is read.

    Args:
      option: That names the folder.
      folder: It; empty for none.
      inputs: Option to a folder that is read, or to nothing.
    """
    own = f"{real_folder(folder)}/" if folder else ""
    for name, one in inputs.items():
        if one and own.startswith(f"{real_folder(one)}/"):
            raise UserError(f"{option} {folder}: lies in {name} {one}, which is read; give a folder outside of it")
