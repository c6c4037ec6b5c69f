"""What the bytes of a photo or a mask mean, everywhere: in preparation, training, serving, prediction and the apps.

A photo becomes uint8 RGB [H, W, 3], upright. The container is known by its first bytes, never by the file's name.

| property | rule |
|---|---|
| JPEG, MPO | starts with `JPEG_START`; of an MPO file the first image |
| PNG | starts with `PNG_START`; of an animated PNG the image that every decoder shows |
| GIF | starts with one of `GIF_STARTS`; the first frame |
| BMP, TIFF, WebP, PNM, AVIF | the first picture; in data jobs and clients, not in the exported model itself |
| HEIC | in data jobs, where `pillow-heif` is installed; else rejected by name. As the container turns it |
| orientation | tag 0x0112 of the first "Exif" APP1 segment of a JPEG alone, see below; TIFF and AVIF have their own |
| 16 bits a channel (PNG, TIFF, PNM) | the high byte, value >> 8, as libpng's strip_16 and TensorFlow's decoder |
| 16 bits (PNG, TIFF), where the data set states a range of samples | by that, see `schemas.photo_range` |
| 16 bits in a plane for each channel (TIFF) | not supported: rejected |
| 1, 2, 4 bits, grey (PNG) | scaled to 0..255: x255, x85, x17 |
| palette (PNG, GIF) | the palette's colours |
| alpha, palette alpha | laid over white: colour * alpha + 255 * (1 - alpha), alpha in [0, 1], to within one level |
| colour key (tRNS of grey or RGB) | pixels of exactly this colour, compared at the source's own depth, are white |
| tRNS twice, after the pixels, or of another length than its colours need | ignored, as by libpng |
| CMYK, YCCK (JPEG) | samples are inverted, as Adobe writes them, with or without the Adobe marker |
| YCbCr or RGB (JPEG) | as libjpeg decides it by the JFIF and Adobe markers and the component ids |
| 12-bit, lossless, hierarchical JPEG | not supported: rejected |
| colour profile, gamma, XMP, PNG's eXIf, text | ignored, however damaged they are: sRGB is assumed |

Orientation. The segments of a JPEG are walked from its start up to the first start of scan. The first APP1 segment
(FF E1) whose content starts with "Exif" and two zero bytes holds a TIFF structure: "II" or "MM", 42, and the offset of
a directory, all in the byte order that the first two bytes name. In this directory the first entry with tag 0x0112
counts if its type is SHORT (3), its count 1 and its value in 1..8. Only entries that lie wholly within the segment are
read. In every other case, however short, foreign, cyclic or damaged it is, there is no orientation, which is 1. Later
Exif segments, later directories and thumbnails are never read.

A mask is a PNG with one channel, grey of 1, 2, 4 or 8 bits or palette, or what `beam_jobs.codec.mask_kinds` lists. Its
values are the raw ones of the file: 0..1,
0..3, 0..15 or 0..255, never scaled; of a palette image the indices. tRNS and every other chunk is ignored.

Sources: EXIF 2.32, 4.5 and 4.6; TIFF 6.0, section 2; ITU-T T.81, annex B; PNG, third edition, 11 and 13.
"""

from __future__ import annotations

JPEG_START = b"\xff\xd8\xff"
PNG_START = b"\x89PNG\r\n\x1a\n"
GIF_STARTS = (b"GIF87a", b"GIF89a")

OTHER_STARTS = {  # byte offset and first bytes of what Pillow decodes
    (0, b"BM"): "BMP",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
    (8, b"WEBP"): "WEBP",
    (0, b"P5"): "PPM",  # PGM; Pillow has one decoder for both
    (0, b"P6"): "PPM",
    (4, b"ftypavif"): "AVIF",
    **{(4, b"ftyp" + brand): "HEIC" for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")},
}

EXIF_START = b"Exif\x00\x00"  # of an APP1 segment's content
ORIENTATION_TAG = 0x0112
SHORT = 3  # TIFF's type of 16 bits, unsigned
UPRIGHT = 1
ORIENTATIONS = range(1, 9)

# Limits of the data jobs, all of them known before a pixel is decoded.
MAX_FILE_BYTES = 256 << 20  # 256 MiB, of one photo or mask; known before it is read
MIN_SIDE = 16  # pixels; anything smaller shows nothing
MAX_SIDE = 65_500  # pixels; the largest side of a JPEG
MAX_PIXELS = 100_000_000  # decoding takes at most 8 bytes for each, so 800 MB
MAX_SCANS = 100  # of a JPEG; encoders write about ten, and each costs a pass over the image
MAX_SCANNED_PIXELS = 1_000_000_000  # pixels times scans of a JPEG: seconds, not minutes
MAX_MULTI_SCAN_PIXELS = 65_000_000  # of a JPEG with several scans, whose coefficients take 4 bytes a pixel more


def container_of(data: bytes) -> str | None:
    """`JPEG`, `PNG`, `GIF`, `BMP`, `TIFF`, `WEBP`, `PPM`, `AVIF` or `HEIC`, by the first bytes; None for any other."""
    if data.startswith(JPEG_START):
        return "JPEG"
    if data.startswith(PNG_START):
        return "PNG"
    if data.startswith(GIF_STARTS):
        return "GIF"
    return next((name for (at, start), name in OTHER_STARTS.items() if data[at : at + len(start)] == start), None)
