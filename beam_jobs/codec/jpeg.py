"""JPEG bytes to pixels with TurboJPEG, which reports defects of a stream that Pillow ignores.

The defect is libjpeg's first warning (jerror.h of libjpeg-turbo). JPEG has no
checksum: of 400 photos with one flipped bit each, 348 decoded without a warning, 45 seemed to have extraneous bytes.
"""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from PIL import Image

from beam_jobs.codec.jpeg_header import JpegHeader, count_scans
from beam_jobs.rejections import DAMAGED_IMAGE, IMAGE_SCANS, IMAGE_SIZE, TRUNCATED_IMAGE, InputRejected
from schemas.photos import MAX_MULTI_SCAN_PIXELS, MAX_SCANNED_PIXELS, MAX_SCANS

# Kinds of repair, as the manifest counts them.
EXTRANEOUS_BYTES = "extraneous_bytes"
EARLY_END = "early_end"

# The end of the image (0xd9) is the one marker that no pixels follow: all have been decoded, none with a warning.
_EXTRANEOUS_AT_THE_END = "extraneous bytes before marker 0xd9"
_END_OF_FILE = "Premature end of JPEG file"
# There is a marker where there should be pixels. Bytes were lost at an unknown place, after which the picture is
# shifted: cutting 512 bytes out of a photo left up to 99 % of its pixels wrong, and hardly any visibly missing.
_END_OF_DATA = "premature end of data segment"

_MISSING_VALUE = 128  # what libjpeg makes of blocks that have no data: mid grey
_BLOCK_PIXELS = 256  # of the largest unit that is encoded as one, 16 x 16


def check_scans(header: JpegHeader) -> None:
    """Rejects a JPEG with so many scans that decoding it would take minutes, or too much memory.

    Raises:
      InputRejected: It has several scans, and these or its pixels are too many.
    """
    if header.in_one_scan:
        return
    pixels = header.width * header.height
    if pixels > MAX_MULTI_SCAN_PIXELS:
        size = f"{header.width}x{header.height} in several scans"
        raise InputRejected(
            IMAGE_SIZE, f"JPEG of {size}; such a picture may have at most {MAX_MULTI_SCAN_PIXELS} pixels"
        )
    most = min(MAX_SCANS, MAX_SCANNED_PIXELS // pixels)
    scans = count_scans(header, most)
    if scans > most:
        raise InputRejected(IMAGE_SCANS, f"JPEG of {scans} scans; of this size at most {most} are decoded")


def decode_jpeg(header: JpegHeader, min_side: int, max_missing_fraction: float) -> tuple[Image.Image, tuple[str, ...]]:
    """Decodes a JPEG whose size has been checked.

    Args:
      header: What was read of the file.
      min_side: The picture may be decoded at 1/2, 1/4 or 1/8 of its size, where both sides keep this many pixels, in
        less time; 0 keeps the size.
      max_missing_fraction: A stream that ends early is repaired where at most this share of its pixels is missing;
        they stay mid grey. 0 repairs none.

    Returns:
      The picture, mode RGB, not rotated, and the kinds of repair that the stream needed.

    Raises:
      InputRejected: The stream is damaged, or too much of it is missing.
      OSError: Pillow, which decodes what TurboJPEG does not, finds it damaged.
    """
    if not _suits_turbojpeg(header):
        return _decode_with_pillow(header), ()
    width, height = _fraction_of(header.size, min_side)
    try:
        return Image.fromarray(simplejpeg.decode_jpeg(header.data, min_width=width, min_height=height)), ()
    except ValueError as error:
        defect = str(error)
    if _EXTRANEOUS_AT_THE_END in defect:
        pixels = simplejpeg.decode_jpeg(header.data, min_width=width, min_height=height, strict=False)
        return Image.fromarray(pixels), (EXTRANEOUS_BYTES,)
    if _END_OF_FILE in defect:
        return _decode_early_end(header, max_missing_fraction), (EARLY_END,)
    raise InputRejected(TRUNCATED_IMAGE if _END_OF_DATA in defect else DAMAGED_IMAGE, defect)


def _suits_turbojpeg(header: JpegHeader) -> bool:
    """Whether TurboJPEG decodes it: colour or grey, with a usual chroma sampling."""
    if header.components == 4:
        return False
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(header.data)
    except ValueError:  # a header that it does not understand, or warns of
        return False
    return (width, height) == header.size  # the size that was checked is the size that will be decoded


def _decode_with_pillow(header: JpegHeader) -> Image.Image:
    image = Image.open(io.BytesIO(header.data), formats=("JPEG",))
    if image.size != header.size:  # it uses another frame header
        raise InputRejected(DAMAGED_IMAGE, f"two sizes: {header.size} and {image.size}")
    image.load()
    return image.convert("RGB")


def _fraction_of(size: tuple[int, int], min_side: int) -> tuple[int, int]:
    """The least sides that make TurboJPEG decode at the smallest of 1/8, 1/4, 1/2 and 1 that keeps `min_side`.

    It also knows fractions between; they take it longer than the next of these above.
    """
    scale = next(scale for scale in (8, 4, 2, 1) if scale == 1 or min(size) >= scale * min_side > 0)
    width, height = (-(-side // scale) for side in size)  # rounded up, as libjpeg does
    return width, height


def _decode_early_end(header: JpegHeader, max_missing_fraction: float) -> Image.Image:
    if not header.in_one_scan:
        raise InputRejected(TRUNCATED_IMAGE, f"{_END_OF_FILE}; what is missing is spread over the picture")
    try:
        pixels = simplejpeg.decode_jpeg(header.data, strict=False)  # uint8 [H, W, 3]
    except ValueError as error:
        raise InputRejected(TRUNCATED_IMAGE, str(error)) from None
    # Grey that is part of the picture counts too, and so does the block at the end, which may be wrong.
    grey = (pixels == _MISSING_VALUE).all(axis=-1)
    missing = min(1.0, (np.count_nonzero(grey) + _BLOCK_PIXELS) / grey.size)
    if missing > max_missing_fraction:
        limit = f"at most {max_missing_fraction:.1%} may be"
        raise InputRejected(TRUNCATED_IMAGE, f"{_END_OF_FILE}; {missing:.1%} of the pixels are missing, {limit}")
    return Image.fromarray(pixels)
