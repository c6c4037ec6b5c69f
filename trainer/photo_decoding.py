"""Decodes photos as users send them, inside the exported model, exactly as the data jobs do.

The records of a published version need none of this: the data jobs have turned and flattened their photos already.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import tensorflow as tf

from schemas.photo_range import level_table
from schemas.photos import GIF_STARTS, JPEG_START, PNG_START, UPRIGHT
from trainer.graphs import graph
from trainer.photo_headers import png_depth, png_is_transparent, read_gif_header, read_jpeg_header
from trainer.preprocessing import CHANNELS, decode_image

INKS = 4  # components of a JPEG for print
# An APP14 segment; its transform 0 marks four components as inks. Adobe Technical Note 5116, section 18.
ADOBE_SEGMENT = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
WHITE = b"\xff\xff\xff"


def decode_photo(image_bytes: tf.Tensor, photo_range: tuple[int, int] | None = None) -> tf.Tensor:
    """Decodes a JPEG, PNG or GIF (its first frame) to upright uint8 [H, W, 3] over white.

    Samples of 16 bits are mapped by a `photo_range`, if there is one (`schemas.photo_range`).
    By the rules of `schemas.photos`, and so like `beam_jobs.codec.photos.decode_photo`.
    """
    return _decoder(photo_range)(image_bytes)


@cache
def _decoder(photo_range: tuple[int, int] | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """`decode_photo` as a graph that is traced once, as that takes half of an export of a small model."""

    @graph(input_signature=[tf.TensorSpec([], tf.string)])
    def decode(image_bytes: tf.Tensor) -> tf.Tensor:
        data = tf.io.decode_raw(image_bytes, tf.uint8)
        pixels = tf.cond(
            _begins(image_bytes, PNG_START),
            lambda: _decode_png(image_bytes, data, photo_range),
            lambda: tf.cond(
                _begins(image_bytes, GIF_STARTS[0]) | _begins(image_bytes, GIF_STARTS[1]),
                lambda: _decode_gif(image_bytes, data),
                lambda: _decode_jpeg(image_bytes, data),
            ),
        )
        pixels.set_shape([None, None, CHANNELS])
        return pixels

    return decode


def exif_orientation(image_bytes: tf.Tensor) -> tf.Tensor:
    """The orientation 1 to 8 in a JPEG's EXIF segment, int64; 1 if there is none, or for other formats."""
    orientation = read_jpeg_header(tf.io.decode_raw(image_bytes, tf.uint8)).orientation
    return tf.where(_begins(image_bytes, JPEG_START), orientation, tf.constant(UPRIGHT, tf.int64))


def turn_upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undoes an EXIF orientation: uint8 [H, W, 3] to the same, or with its sides exchanged for 5 to 8."""

    def turn() -> tf.Tensor:
        turned = tf.cond(orientation >= 5, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
        turned = tf.cond(_is_one_of(orientation, (2, 3, 6, 7)), lambda: turned[:, ::-1], lambda: turned)
        return tf.cond(_is_one_of(orientation, (3, 4, 7, 8)), lambda: turned[::-1], lambda: turned)

    return tf.cond(orientation > 1, turn, lambda: pixels)


def _is_one_of(orientation: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(orientation == tf.constant(values, tf.int64))


def _begins(image_bytes: tf.Tensor, start: bytes) -> tf.Tensor:
    return tf.strings.substr(image_bytes, 0, len(start)) == start


def _decode_jpeg(image_bytes: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    header = read_jpeg_header(data)
    # TensorFlow takes inks without Adobe's marker for the opposite of what Pillow and browsers, and so training, see.
    lacks_marker = (header.components == INKS) & tf.logical_not(header.is_marked)
    marked = tf.cond(lacks_marker, lambda: _replaced(image_bytes, 2, 0, ADOBE_SEGMENT), lambda: image_bytes)
    return turn_upright(decode_image(marked), header.orientation)


def _decode_png(image_bytes: tf.Tensor, data: tf.Tensor, photo_range: tuple[int, int] | None) -> tf.Tensor:
    if photo_range is None:
        return _decode_levels(image_bytes, data)
    table = tf.constant(level_table(photo_range))
    return tf.cond(
        png_depth(data) == 16,
        lambda: _decode_mapped(image_bytes, data, table),
        lambda: _decode_levels(image_bytes, data),
    )


def _decode_mapped(image_bytes: tf.Tensor, data: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """A PNG of 16 bits by a table of levels, uint8 [65536]; of an alpha channel the upper byte counts."""

    def samples(channels: int) -> tf.Tensor:
        return tf.cast(tf.io.decode_png(image_bytes, channels=channels, dtype=tf.uint16), tf.int32)

    def over_white() -> tf.Tensor:
        found = samples(CHANNELS + 1)
        alpha = tf.cast(found[:, :, CHANNELS:] // 256, tf.uint8)
        return _over_white(tf.concat([tf.gather(table, found[:, :, :CHANNELS]), alpha], axis=-1))

    return tf.cond(png_is_transparent(data), over_white, lambda: tf.gather(table, samples(CHANNELS)))


def _decode_levels(image_bytes: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    # Four channels are asked for only where the file has opacities: TensorFlow fills in 2^bits - 1 where it has none,
    # which is nearly transparent for less than 8 bits.
    return tf.cond(
        png_is_transparent(data),
        lambda: _over_white(tf.io.decode_png(image_bytes, channels=CHANNELS + 1)),
        lambda: tf.io.decode_png(image_bytes, channels=CHANNELS),
    )


def _over_white(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W, 4] to [H, W, 3]: round(colour * alpha + 255 * (1 - alpha)), alpha in [0, 1]."""
    pixels = tf.cast(pixels, tf.int32)
    alpha = pixels[:, :, CHANNELS:]
    return tf.cast((pixels[:, :, :CHANNELS] * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)


def _decode_gif(image_bytes: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    header = read_gif_header(data)
    problem = "the first frame of this GIF does not fill it; send a JPEG or PNG"
    fills = tf.debugging.Assert(header.fills_canvas, [problem])

    def without_transparency() -> tf.Tensor:
        cleared = _replaced(image_bytes, header.control, 1, b"\x00")
        return _replaced(cleared, header.clear_color, len(WHITE), WHITE)

    # TensorFlow makes transparent pixels black.
    opaque = tf.cond(header.control > 0, without_transparency, lambda: image_bytes)
    with tf.control_dependencies([fills]):
        return tf.io.decode_image(opaque, channels=CHANNELS, expand_animations=False)


def _replaced(image_bytes: tf.Tensor, at: tf.Tensor | int, length: int, content: tf.Tensor | bytes) -> tf.Tensor:
    """Replaces `length` bytes by other content; a shorter file is cut there."""
    size = tf.cast(tf.strings.length(image_bytes), tf.int64)
    at = tf.minimum(tf.cast(at, tf.int64), size)
    rest = tf.minimum(at + length, size)
    before = tf.strings.substr(image_bytes, tf.zeros_like(at), at)
    return tf.strings.join([before, content, tf.strings.substr(image_bytes, rest, size - rest)])
