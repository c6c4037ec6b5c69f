"""One record: a photo and its mask, encoded, with the scalar features that statistics can reason about."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.masks import decode_mask
from beam_jobs.photos import decode_photo
from beam_jobs.rejections import UNKNOWN_SLICE, InputRejected
from schemas import features
from schemas.spec import DatasetSpec

MASK_COMPRESSION = 3  # zlib level: the best trade of time and bytes for masks
FULL_CHROMA = 0  # JPEG subsampling 4:4:4: at 128 pixels, halved chroma would blur the borders to be learned

Value = bytes | int | float


class Encoding(NamedTuple):
    """How records are encoded: side in pixels (0 keeps it), photo format `jpeg` or `png`, JPEG quality."""

    image_size: int
    image_format: str
    jpeg_quality: int


class Record(NamedTuple):
    """Feature values by name, each one value, and the kinds of repair that the photo needed."""

    values: dict[str, Value]
    repairs: tuple[str, ...]


def make_record(image_id: str, photo_data: bytes, mask_data: bytes, spec: DatasetSpec, encoding: Encoding) -> Record:
    """Checks, resizes and encodes one pair of files.

    Raises:
      InputRejected: The photo, the mask or the id cannot be published.
    """
    photo = decode_photo(photo_data, encoding.image_size)
    mask = decode_mask(mask_data, spec, (photo.source_width, photo.source_height), encoding.image_size)
    try:
        slices = spec.slices_of(image_id)
    except ValueError as error:
        raise InputRejected(UNKNOWN_SLICE, str(error)) from None
    brightness, contrast = luma_statistics(photo.image)
    fractions = np.bincount(mask.ravel(), minlength=len(spec.classes)) / mask.size
    values: dict[str, Value] = {
        features.IMAGE: _encode_photo(photo.image, encoding),
        features.MASK: _encode_png(Image.fromarray(mask)),
        features.IMAGE_ID: image_id.encode(),
        **{name: value.encode() for name, value in slices.items()},
        features.SOURCE_HEIGHT: photo.source_height,
        features.SOURCE_WIDTH: photo.source_width,
        **{name: float(share) for name, share in zip(spec.fraction_features, fractions)},
        features.BRIGHTNESS: brightness,
        features.CONTRAST: contrast,
    }
    return Record(values, photo.repairs)


def luma_statistics(image: Image.Image) -> tuple[float, float]:
    """Mean and standard deviation of a photo's luma (ITU-R 601-2), in [0, 1] and [0, 0.5]."""
    counts = image.convert("L").histogram()
    pixels = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    # integers up to the last step: every processor gives the same bytes
    return total / (255 * pixels), math.sqrt(pixels * squares - total * total) / (255 * pixels)


def _encode_photo(image: Image.Image, encoding: Encoding) -> bytes:
    if encoding.image_format == "png":
        return _encode_png(image)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=encoding.jpeg_quality, subsampling=FULL_CHROMA)
    return buffer.getvalue()


def _encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=MASK_COMPRESSION)
    return buffer.getvalue()


def to_example(values: dict[str, Value]) -> bytes:
    """Serializes feature values as a `tf.train.Example`, the same bytes for the same values."""
    import tensorflow as tf  # takes seconds; only workers need it, and TFDV brings it there anyway

    def feature(value: Value) -> tf.train.Feature:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    example = tf.train.Example(features=tf.train.Features(feature={n: feature(v) for n, v in values.items()}))
    return example.SerializeToString(deterministic=True)
