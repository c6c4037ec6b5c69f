"""Reads a photo's header inside the graph of the exported model, where no image library is available.

The rules are those of `schemas.photos`.
Every reader takes the file's bytes as uint8 [N]. Positions beyond the file read as 0: internally, one 0 is appended to
the bytes and stands for all of those.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from schemas.photos import EXIF_START, ORIENTATION_TAG, SHORT, UPRIGHT

# JPEG, ITU-T T.81, B.1.1.3: the marker's second byte
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # among 0xC0 to 0xCF, which begin a frame
_APP1, _APP14 = 0xE1, 0xEE
_ADOBE = b"Adobe"
_PNG_SIGNATURE_BYTES = 8
_PNG_DEPTH = 24  # position
_PNG_COLOR_TYPE = 25  # position
_PNG_WITH_ALPHA = 4  # bit of the colour type
_GIF_SCREEN_FLAGS, _GIF_COLORS = 10, 13  # positions
MAX_STEPS = 4096  # from part to part of a header; good files have a few dozen, and each takes some 0.1 ms
_GIF_EXTENSION, _GIF_CONTROL, _GIF_IMAGE = 0x21, 0xF9, 0x2C


class JpegHeader(NamedTuple):
    """What a JPEG's header says, as int64 or bool scalars.

    Attributes:
      orientation: 1 to 8, from the first EXIF segment; 1 if that has none.
      components: 1 grey, 3 colour, 4 inks; 0 where there is no frame.
      is_marked: Whether Adobe's APP14 segment says what the components mean.
    """

    orientation: tf.Tensor
    components: tf.Tensor
    is_marked: tf.Tensor


class GifHeader(NamedTuple):
    """What a GIF's header says of its first frame, as int64 or bool scalars.

    Attributes:
      control: Position of the flags that say whether a colour is transparent; 0 where none is.
      clear_color: Position of the transparent colour's red, green and blue.
      fills_canvas: Whether the frame is as large as the whole GIF.
    """

    control: tf.Tensor
    clear_color: tf.Tensor
    fills_canvas: tf.Tensor


def read_jpeg_header(data: tf.Tensor) -> JpegHeader:
    """Walks the segments up to the first scan, so that bytes inside a thumbnail or comment are not misread.

    Source: ITU-T T.81, B.1.1 and B.2; EXIF 2.32, 4.5.4; Adobe Technical Note 5116, section 18.
    """

    data = _with_end(data)

    def step(at: tf.Tensor, exif: tf.Tensor, components: tf.Tensor, is_marked: tf.Tensor) -> tuple[tf.Tensor, ...]:
        mark, length = _number(data, at + 1, 1), _number(data, at + 2, 2)
        is_fill = mark == 0xFF
        is_frame = (mark >= 0xC0) & (mark <= 0xCF) & tf.reduce_all(mark != tf.constant(_NOT_FRAMES, tf.int64))
        is_first_exif = (mark == _APP1) & _starts(data, at + 4, EXIF_START) & (exif[1] == 0)
        is_damaged = (_number(data, at, 1) != 0xFF) | (tf.logical_not(is_fill) & (length < 2))
        ends = is_damaged | (mark == _START_OF_SCAN) | (mark == _END_OF_IMAGE)
        return (
            tf.where(ends, _size(data), at + tf.where(is_fill, tf.constant(1, tf.int64), 2 + length)),
            tf.where(is_first_exif, tf.stack([at + 4 + len(EXIF_START), at + 2 + length]), exif),
            tf.where(is_frame, _number(data, at + 9, 1), components),
            is_marked | ((mark == _APP14) & _starts(data, at + 4, _ADOBE)),
        )

    zero = tf.constant(0, tf.int64)
    _, exif, components, is_marked = tf.while_loop(
        lambda at, *_: at < _size(data),
        step,
        (zero + 2, tf.stack([zero, zero]), zero, tf.constant(False)),
        maximum_iterations=MAX_STEPS,
    )
    return JpegHeader(_tiff_orientation(_with_end(data[:-1][exif[0] : exif[1]])), components, is_marked)


def _tiff_orientation(tiff: tf.Tensor) -> tf.Tensor:
    """The first orientation of an EXIF segment's first directory. Source: TIFF 6.0, section 2."""
    is_little = _starts(tiff, 0, b"II*\x00")
    is_tiff = is_little | _starts(tiff, 0, b"MM\x00*")

    def number(at: tf.Tensor | int, size: int) -> tf.Tensor:
        return tf.where(is_little, _number(tiff, at, size, little=True), _number(tiff, at, size))

    directory = number(4, 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    is_orientation = (number(entries, 2) == ORIENTATION_TAG) & (entries + 12 <= _size(tiff))
    entry = tf.gather(tf.pad(entries, [[0, 1]]), tf.argmax(tf.cast(tf.pad(is_orientation, [[0, 1]]), tf.int32)))
    value = number(entry + 8, 2)
    is_known = (number(entry + 2, 2) == SHORT) & (number(entry + 4, 4) == 1) & (value >= 1) & (value <= 8)
    return tf.where(is_tiff & tf.reduce_any(is_orientation) & is_known, value, tf.constant(UPRIGHT, tf.int64))


def png_is_transparent(data: tf.Tensor) -> tf.Tensor:
    """Whether a PNG has an alpha channel, or a tRNS chunk before its pixels: a bool scalar.

    Source: www.w3.org/TR/png-3, 5.3, 11.2.1 and 11.3.1.1.
    """
    data, end = _with_end(data), tf.constant(2**62, tf.int64)

    def step(at: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_key = _starts(data, at + 4, b"tRNS")
        is_over = is_key | _starts(data, at + 4, b"IDAT")
        return tf.where(is_over, end, at + 12 + _number(data, at, 4)), found | is_key

    has_alpha = tf.bitwise.bitwise_and(_number(data, _PNG_COLOR_TYPE, 1), _PNG_WITH_ALPHA) > 0
    start = tf.constant(_PNG_SIGNATURE_BYTES, tf.int64)
    _, has_key = tf.while_loop(
        lambda at, _: at < _size(data), step, (start, tf.constant(False)), maximum_iterations=MAX_STEPS
    )
    return has_alpha | has_key


def png_depth(data: tf.Tensor) -> tf.Tensor:
    """Bits of a sample of a PNG: an integer scalar."""
    return _number(_with_end(data), _PNG_DEPTH, 1)


def read_gif_header(data: tf.Tensor) -> GifHeader:
    """Walks the blocks up to the first frame. Source: GIF89a, sections 18 to 20 and 23."""

    data = _with_end(data)

    def step(at: tf.Tensor, control: tf.Tensor, is_within: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        first = _number(data, at, 1)
        is_extension = tf.logical_not(is_within) & (first == _GIF_EXTENSION)
        is_control = is_extension & (_number(data, at + 1, 1) == _GIF_CONTROL)
        beyond = tf.where(is_within, at + 1 + first, at + 2)
        return beyond, tf.where(is_control, at + 3, control), is_extension | (is_within & (first > 0))

    def continues(at: tf.Tensor, _: tf.Tensor, is_within: tf.Tensor) -> tf.Tensor:
        return (at < _size(data)) & (is_within | (_number(data, at, 1) == _GIF_EXTENSION))

    zero = tf.constant(0, tf.int64)
    start = _GIF_COLORS + _color_table_bytes(_number(data, _GIF_SCREEN_FLAGS, 1))
    frame, control, _ = tf.while_loop(continues, step, (start, zero, tf.constant(False)), maximum_iterations=MAX_STEPS)
    is_clear = (control > 0) & (tf.math.floormod(_number(data, control, 1), 2) == 1)
    own_colors = _color_table_bytes(_number(data, frame + 9, 1)) > 0
    colors = tf.where(own_colors, frame + 10, tf.constant(_GIF_COLORS, tf.int64))
    corner, size = _number(data, frame + 1, 4), _number(data, frame + 5, 4)
    fills = (_number(data, frame, 1) == _GIF_IMAGE) & (corner == 0) & (size == _number(data, 6, 4))
    return GifHeader(tf.where(is_clear, control, zero), colors + 3 * _number(data, control + 3, 1), fills)


def _color_table_bytes(flags: tf.Tensor) -> tf.Tensor:
    size = 3 * tf.pow(tf.constant(2, tf.int64), tf.math.floormod(flags, 8) + 1)
    return tf.where(flags >= 128, size, tf.zeros_like(size))


def _number(data: tf.Tensor, at: tf.Tensor | int, size: int, little: bool = False) -> tf.Tensor:
    """The whole number int64 of `size` bytes at each position, big-endian unless `little`."""
    at = tf.expand_dims(tf.convert_to_tensor(at, tf.int64), -1)
    places = [256**place for place in (range(size) if little else reversed(range(size)))]
    return tf.reduce_sum(_byte(data, at + tf.range(size, dtype=tf.int64)) * tf.constant(places, tf.int64), axis=-1)


def _byte(data: tf.Tensor, at: tf.Tensor | int) -> tf.Tensor:
    at = tf.convert_to_tensor(at, tf.int64)
    is_inside = (at >= 0) & (at < _size(data))
    return tf.cast(tf.gather(data, tf.where(is_inside, at, _size(data))), tf.int64)


def _starts(data: tf.Tensor, at: tf.Tensor | int, expected: bytes) -> tf.Tensor:
    """Whether these bytes are at a position: a bool scalar."""
    positions = tf.convert_to_tensor(at, tf.int64) + tf.range(len(expected), dtype=tf.int64)
    return tf.reduce_all(_byte(data, positions) == tf.constant(list(expected), tf.int64))


def _with_end(data: tf.Tensor) -> tf.Tensor:
    return tf.pad(data, [[0, 1]])


def _size(data: tf.Tensor) -> tf.Tensor:
    """Number of bytes without the appended 0."""
    return tf.size(data, tf.int64) - 1
