"""Decodes and fits a photo as a model takes it."""

from __future__ import annotations

import numpy as np

from beam_jobs.codec.fitting import inner_size, pad_photo
from beam_jobs.codec.photos import decode_photo, resize_photo
from beam_jobs.elements import SourceFile
from beam_jobs.predict.model import ReadyPhoto
from schemas.exported_model import ModelInfo
from schemas.image_size import sides


def ready_photo(image_id: str, source: SourceFile, data: bytes, info: ModelInfo) -> ReadyPhoto:
    """Decodes the bytes of a photo for a model; InputRejected where they are none."""
    photo = decode_photo(data, max(sides(info.photo_size)), photo_range=info.photo_range)
    size = inner_size((photo.source_height, photo.source_width), info.photo_size, info.fit)
    pixels = np.asarray(pad_photo(resize_photo(photo.image, size), info.photo_size))
    return ReadyPhoto(image_id, str(source), pixels, photo.source_width, photo.source_height, b"")
