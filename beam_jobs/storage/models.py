"""What the folder of an exported model says of it, locally or in a bucket, without TensorFlow."""

from __future__ import annotations

import hashlib

from beam_jobs.storage.files import read_file, read_part
from schemas.documents import MAX_JSON_BYTES
from schemas.errors import UserError
from schemas.exported_model import INFO_PATH, WEIGHTS_INDEX, ModelInfo, parse_model_info

_MAX_INDEX_BYTES = 1 << 26  # 64 MiB; a variable takes 100 bytes
_DIGITS = 12


def read_info(model_dir: str) -> ModelInfo:
    """Reads `model_info.json` of a SavedModel; UserError if there is none."""
    path = f"{model_dir}/{INFO_PATH}"
    try:
        data = read_part(path, 0, MAX_JSON_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        reason = "missing" if isinstance(error, FileNotFoundError) else f"can't be read ({error})"
        raise UserError(f"{path}: {reason}") from None
    return parse_model_info(data, path)


def model_digest(model_dir: str) -> str:
    """12 hexadecimal digits of a SavedModel's weights, the same wherever it was copied to; UserError if it has none."""
    path = f"{model_dir}/{WEIGHTS_INDEX}"
    try:
        return hashlib.sha256(read_file(path, _MAX_INDEX_BYTES)).hexdigest()[:_DIGITS]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: can't be read ({reason}); give the folder of an exported model") from None
