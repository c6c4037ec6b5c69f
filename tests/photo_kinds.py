"""Photos of every kind that people send, each with the pixels that `schemas.photos` says it has, everywhere.

The pixels of PNG and GIF files are what they were written from. Those of JPEG files are Pillow's of the same stream
without any metadata: what metadata there is must change nothing but the orientation.
"""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from tests.png_writer import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, png

WIDTH, HEIGHT = 40, 24  # pixels; not square, so that a turn shows
ORIENTATION_TAG = 0x0112
_MARKED = b"Adobe\x00\x64\x00\x00\x00\x00"  # Adobe Technical Note 5116, section 18; a byte follows, the transform
_XMP = (
    b'http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


class Kind(NamedTuple):
    """One kind of photo.

    Attributes:
      data: The file.
      pixels: uint8 [H, W, 3], upright, over white.
      tolerance: Levels by which decoders may differ. 1 for CMYK, which Pillow rounds to RGB and TensorFlow truncates.
    """

    data: bytes
    pixels: np.ndarray
    tolerance: int = 0


@cache
def photo_kinds() -> dict[str, Kind]:
    """Each kind by its name."""
    return {**_jpegs(), **_pngs(), **_gifs()}


def _scene() -> np.ndarray:
    """A smooth photo uint8 [H, W, 3] whose corners all differ, with a sharp edge."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([rows * 9, columns * 5, 255 - rows * 3 - columns * 4], axis=-1)
    pixels[4:9, 5:20] = (250, 20, 90)
    return pixels.astype(np.uint8)


def _encoded(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# JPEG


def exif(orientation: int, byte_order: str = "<", value_type: int = 3) -> bytes:
    """The content of an APP1 segment with a description and an orientation. Source: TIFF 6.0, section 2."""
    mark = {"<": b"II", ">": b"MM"}[byte_order]
    value = struct.pack(byte_order + ("Hxx" if value_type == 3 else "I"), orientation)
    entries = struct.pack(byte_order + "HHI4s", 0x010E, 2, 4, b"pic\x00")
    entries += struct.pack(byte_order + "HHI", ORIENTATION_TAG, value_type, 1) + value
    return b"Exif\x00\x00" + mark + struct.pack(byte_order + "HI", 42, 8) + struct.pack(byte_order + "H", 2) + entries


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """The JPEG with segments, marker and content each, before its own."""
    added = b"".join(
        bytes([0xFF, mark]) + (len(content) + 2).to_bytes(2, "big") + content for mark, content in segments
    )
    return jpeg[:2] + added + jpeg[2:]


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as an EXIF orientation says they are to be seen. Source: EXIF 2.32, 4.6.4, table of tag 0x0112."""
    turned = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    return turned[:: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]


def _jpegs() -> dict[str, Kind]:
    app1, app2, comment = 0xE1, 0xE2, 0xFE
    plain = _encoded(Image.fromarray(_scene()), "JPEG", quality=90)
    pixels = _pixels(plain)

    def kind(orientation: int, *segments: tuple[int, bytes]) -> Kind:
        return Kind(with_segments(plain, *segments), upright(pixels, orientation))

    kinds = {
        f"JPEG, orientation {number}, {'little' if order == '<' else 'big'} endian": kind(
            number, (app1, exif(number, order))
        )
        for number in range(1, 9)
        for order in "<>"
    }
    kinds |= {
        "JPEG": kind(1),
        "JPEG, unknown orientation 9": kind(1, (app1, exif(9))),
        "JPEG, orientation 0": kind(1, (app1, exif(0))),
        "JPEG, orientation in XMP": kind(1, (app1, _XMP)),
        "JPEG, XMP before EXIF": kind(3, (app1, _XMP), (app1, exif(3))),
        "JPEG, EXIF before XMP": kind(3, (app1, exif(3)), (app1, _XMP)),
        "JPEG, two EXIF segments": kind(3, (app1, exif(3)), (app1, exif(6))),
        "JPEG, EXIF of four bytes": kind(1, (app1, b"Exif\x00\x00II*\x00")),
        "JPEG, EXIF that is no TIFF": kind(1, (app1, b"Exif\x00\x00" + b"not a TIFF header"), (app1, exif(6))),
        "JPEG, EXIF cut in its directory": kind(1, (app1, exif(6)[:-6])),
        "JPEG, EXIF whose directory is elsewhere": kind(1, (app1, b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + bytes(40))),
        "JPEG, EXIF within a comment": kind(1, (comment, bytes([0xFF, app1, 0, 70]) + exif(6))),
        "JPEG, EXIF after 200 kB": kind(6, *[(app2, b"FPXR\x00" + bytes(60_000))] * 3, (app1, exif(6))),
        "JPEG, colour profile": kind(1, (app2, b"ICC_PROFILE\x00\x01\x01" + _red_is_blue())),
        "JPEG, progressive": _reference(Image.fromarray(_scene()), quality=90, progressive=True),
        "JPEG, 4:4:4": _reference(Image.fromarray(_scene()), quality=90, subsampling=0),
        "JPEG, RGB within": _reference(Image.fromarray(_scene()), quality=90, keep_rgb=True),
        "JPEG, grey": _reference(Image.fromarray(_scene()).convert("L"), quality=90),
        "JPEG of several pictures": _mpo(upright(pixels, 6)),
    }
    return kinds | _cmyk_jpegs()


def _reference(image: Image.Image, **options) -> Kind:
    data = _encoded(image, "JPEG", **options)
    return Kind(data, _pixels(data))


def _mpo(pixels: np.ndarray) -> Kind:
    """As phones write it: an ordinary JPEG, EXIF orientation 6 and all, and a gain map or a second view after it."""
    values = Image.Exif()
    values[ORIENTATION_TAG] = 6
    other = Image.new("RGB", (WIDTH, HEIGHT), "red")
    data = _encoded(Image.fromarray(_scene()), "MPO", save_all=True, append_images=[other], quality=90, exif=values)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    return Kind(data, pixels)


def _cmyk_jpegs() -> dict[str, Kind]:
    """Four inks as Adobe stores them, inverted; so most programs read them, with Adobe's marker and without it."""
    inks = np.concatenate([_scene(), 40 + _scene()[..., :1] // 2], axis=-1)
    marked = _encoded(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)
    start = marked.index(b"\xff\xee")
    rest = marked[start + 4 + len(_MARKED) + 1 :]
    assert marked[start + 4 :].startswith(_MARKED)
    files = {
        "JPEG, CMYK with Adobe's marker": marked,
        "JPEG, YCCK with Adobe's marker": with_segments(marked[:start] + rest, (0xEE, _MARKED + b"\x02")),
        "JPEG, CMYK without a marker": marked[:start] + rest,
    }
    return {name: Kind(data, _pixels(data), 1) for name, data in files.items()}


def _red_is_blue() -> bytes:
    """A colour profile that exchanges red and blue where it is heeded."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")


# PNG


def _pngs() -> dict[str, Kind]:
    """Samples of 16 bits count by their upper byte, fewer than 8 are spread over 0..255, and white shines through."""
    kinds: dict[str, Kind] = {}
    for depth in (1, 2, 4, 8, 16):
        grey = _samples(1, depth)
        kinds[f"PNG, grey of {depth} bits"] = Kind(png(grey, GREY, depth), _levels(grey, depth))
        kinds[f"PNG, grey of {depth} bits, interlaced"] = Kind(png(grey, GREY, depth, True), _levels(grey, depth))
        kinds[f"PNG, grey of {depth} bits, one of them transparent"] = _with_key(grey, GREY, depth)
    for depth in (1, 2, 4, 8):
        for interlaced in (False, True):
            name = f"PNG, palette of {depth} bits" + (", interlaced" if interlaced else "")
            kinds[name] = _palette(depth, b"", interlaced)
            kinds[f"{name}, partly transparent"] = _palette(depth, bytes([255, 15, 128, 3][: 2**depth]), interlaced)
    for depth in (8, 16):
        color, grey_alpha, color_alpha = (_samples(channels, depth) for channels in (3, 2, 4))
        kinds[f"PNG, RGB of {depth} bits"] = Kind(png(color, RGB, depth), _levels(color, depth))
        kinds[f"PNG, grey and alpha of {depth} bits"] = Kind(
            png(grey_alpha, GREY_ALPHA, depth), _over_white(grey_alpha, depth)
        )
        kinds[f"PNG, RGBA of {depth} bits"] = Kind(png(color_alpha, RGBA, depth), _over_white(color_alpha, depth))
        kinds[f"PNG, RGBA of {depth} bits, interlaced"] = Kind(
            png(color_alpha, RGBA, depth, True), _over_white(color_alpha, depth)
        )
    color = _samples(3, 8)
    kinds["PNG, RGB of 8 bits, one colour transparent"] = _with_key(color, RGB, 8)
    kinds["PNG, RGB of 16 bits, one colour transparent"] = _with_key(_samples(3, 16), RGB, 16)
    grid = np.mgrid[:256, :256].astype(np.uint16).transpose(1, 2, 0)
    kinds["PNG, every level with every opacity"] = Kind(png(grid, GREY_ALPHA, 8), _over_white(grid, 8))
    turned = ((b"eXIf", exif(6)[6:]), (b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + _XMP.partition(b"\x00")[2]))
    kinds["PNG, orientation in eXIf and XMP"] = Kind(png(color, RGB, 8, before_pixels=turned), _levels(color, 8))
    gamma = ((b"gAMA", struct.pack(">I", 100_000)),)
    kinds["PNG, gamma of 1"] = Kind(png(color, RGB, 8, before_pixels=gamma), _levels(color, 8))
    return kinds


def _samples(channels: int, depth: int) -> np.ndarray:
    """uint16 [H, W, channels]; of 16 bits, the lower byte differs from the upper one."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.int64)
    fractions = np.stack(
        [(rows * (3 + channel) + columns * (7 - channel)) % 61 / 60 for channel in range(channels)], axis=-1
    )
    return np.rint(fractions * (2**depth - 1)).astype(np.uint16)


def _levels(samples: np.ndarray, depth: int) -> np.ndarray:
    """Samples [H, W, 1 or 3] as uint8 [H, W, 3]."""
    levels = samples >> 8 if depth == 16 else samples * (255 // (2**depth - 1))
    return np.broadcast_to(levels, (*levels.shape[:2], 3)).astype(np.uint8)


def _over_white(samples: np.ndarray, depth: int) -> np.ndarray:
    """Samples whose last channel is their opacity."""
    return _flattened(_levels(samples[..., :-1], depth), _levels(samples[..., -1:], depth)[..., 0])


def _flattened(levels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., np.newaxis] / 255
    return np.rint(levels * share + 255 * (1 - share)).astype(np.uint8)


def _with_key(samples: np.ndarray, color_type: int, depth: int) -> Kind:
    """One colour is transparent; of 16 bits, another one with the same upper byte is not."""
    key = samples[0, 3]
    samples = samples.copy()
    if depth == 16:
        samples[:4, :4] = key ^ 1
    chunks = ((b"tRNS", key.astype(">u2").tobytes()),)
    opaque = (samples != key).any(axis=-1)
    pixels = np.where(opaque[..., np.newaxis], _levels(samples, depth), 255).astype(np.uint8)
    return Kind(png(samples, color_type, depth, before_pixels=chunks), pixels)


def _palette(depth: int, opacities: bytes, interlaced: bool) -> Kind:
    colors = np.random.default_rng(depth).integers(0, 256, (2**depth, 3), np.uint8)
    alpha = np.full(2**depth, 255, np.uint8)
    alpha[: len(opacities)] = list(opacities)
    indices = _samples(1, depth)
    chunks = ((b"PLTE", colors.tobytes()), *(((b"tRNS", opacities),) if opacities else ()))
    pixels = _flattened(colors[indices[..., 0]], alpha[indices[..., 0]])
    return Kind(png(indices, PALETTE, depth, interlaced, chunks), pixels)


# GIF


def _gifs() -> dict[str, Kind]:
    image = Image.fromarray(_scene()).quantize(64, dither=Image.Dither.NONE)
    pixels = np.asarray(image.convert("RGB"))
    clear = image.getpixel((6, 5))
    holes = np.where((np.asarray(image) == clear)[..., np.newaxis], 255, pixels).astype(np.uint8)
    other = image.rotate(180)
    return {
        "GIF": Kind(_encoded(image, "GIF", interlace=0), pixels),
        "GIF, interlaced": Kind(_encoded(image, "GIF", interlace=1), pixels),
        "GIF, one colour transparent": Kind(_encoded(image, "GIF", transparency=clear), holes),
        "GIF, animated": Kind(_encoded(image, "GIF", save_all=True, append_images=[other], duration=50), pixels),
    }
