"""Reads `origin.yaml`, which says where the photos come from."""

from __future__ import annotations

from beam_jobs.storage.files import read_part
from schemas.documents import parse_yaml
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.origin import MAX_ORIGIN_BYTES, ORIGIN_FILE, Origin


def read_origin(folder: str) -> Origin | None:
    """The content of `origin.yaml` in a folder, local or `gs://`; None where there is none.

    Raises:
      UserError: It can't be read, or is invalid; names it.
    """
    path = f"{folder}/{ORIGIN_FILE}"
    try:
        data = read_part(path, 0, MAX_ORIGIN_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a file system of Beam's that is not set up
        raise UserError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > MAX_ORIGIN_BYTES:
        raise UserError(f"{path}: has more than {MAX_ORIGIN_BYTES} bytes; give title, license and source")
    return parse_model(Origin, parse_yaml(data, path), path)
