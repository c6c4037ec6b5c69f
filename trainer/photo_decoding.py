"""Photos as people send them, decoded inside the exported model to what the data jobs make of such photos.

The records of a published version need none of this: the data jobs have turned and flattened their photos already.
"""

from __future__ import annotations

import tensorflow as tf

from trainer.preprocessing import CHANNELS, decode_image

EXIF_BYTES = 1 << 16  # a JPEG's EXIF segment is its first or second, and each holds at most 64 kB
MAX_EXIF_ENTRIES = 256
ORIENTATION_TAG = 0x0112
PNG_START = b"\x89PNG"
JPEG_START = b"\xff\xd8\xff"


def decode_photo(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG or PNG to uint8 [H, W, 3], upright by its EXIF orientation, over white where transparent.

    As `beam_jobs.codec.photos.decode_photo` does it; an orientation in another format than JPEG is not read.
    """
    is_png = tf.strings.substr(image_bytes, 0, len(PNG_START)) == PNG_START
    pixels = tf.cond(is_png, lambda: _decode_png_over_white(image_bytes), lambda: decode_image(image_bytes))
    pixels.set_shape([None, None, CHANNELS])
    return turn_upright(pixels, exif_orientation(image_bytes))


def exif_orientation(image_bytes: tf.Tensor) -> tf.Tensor:
    """The orientation 1 to 8 that a JPEG's EXIF segment states, int64; 1 where it states none or is no JPEG.

    Source: EXIF 2.32, 4.5 (the APP1 segment) and 4.6.4 (tag 0x0112); TIFF 6.0, section 2 (byte order, directory).
    """
    data = tf.cast(tf.io.decode_raw(tf.strings.substr(image_bytes, 0, EXIF_BYTES), tf.uint8), tf.int64)
    data = tf.pad(data, [[0, 16]])  # so that every read below has bytes to read

    def byte(position: tf.Tensor) -> tf.Tensor:
        return tf.gather(data, tf.clip_by_value(position, 0, tf.size(data, tf.int64) - 1))

    segment = (0xFF, 0xE1, None, None, *b"Exif\x00\x00")
    starts = tf.reduce_all(
        [
            data[offset : tf.size(data) - len(segment) + offset] == value
            for offset, value in enumerate(segment)
            if value is not None
        ],
        axis=0,
    )
    is_jpeg = tf.strings.substr(image_bytes, 0, len(JPEG_START)) == JPEG_START
    tiff = tf.argmax(tf.cast(starts, tf.int32)) + len(segment)
    is_little = byte(tiff) == ord("I")

    def number(position: tf.Tensor, size: int) -> tf.Tensor:
        values = [byte(position + offset) for offset in range(size)]
        little = sum(value * 256**offset for offset, value in enumerate(values))
        big = sum(value * 256 ** (size - 1 - offset) for offset, value in enumerate(values))
        return tf.where(is_little, little, big)

    directory = tiff + number(tiff + 4, 4)
    count = tf.minimum(number(directory, 2), MAX_EXIF_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    is_orientation = number(entries, 2) == ORIENTATION_TAG
    value = tf.reduce_max(tf.where(is_orientation, number(entries + 8, 2), 1))
    is_known = is_jpeg & tf.reduce_any(starts) & (count > 0) & (value >= 1) & (value <= 8)
    return tf.where(is_known, value, tf.constant(1, tf.int64))


def turn_upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undoes an EXIF orientation: uint8 [H, W, 3] to the same, or with its sides exchanged for 5 to 8."""

    def turn() -> tf.Tensor:
        turned = tf.cond(orientation >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
        turned = tf.cond(_is_one_of(orientation, (2, 3, 6, 7)), lambda: turned[:, ::-1], lambda: turned)
        return tf.cond(_is_one_of(orientation, (3, 4, 7, 8)), lambda: turned[::-1], lambda: turned)

    return tf.cond(orientation > 1, turn, lambda: pixels)


def _is_one_of(orientation: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(orientation == tf.constant(values, tf.int64))


def _decode_png_over_white(image_bytes: tf.Tensor) -> tf.Tensor:
    pixels = tf.cast(tf.io.decode_png(image_bytes, channels=CHANNELS + 1), tf.float32)
    alpha = pixels[..., CHANNELS:] / 255.0
    return tf.cast(tf.round(pixels[..., :CHANNELS] * alpha + 255.0 * (1.0 - alpha)), tf.uint8)
