"""Masks of every kind but the plain one: colours, 16 bits, alpha, soft edges, and other containers than PNG.

Each pixel becomes the class that its value or colour exactly means, or the mask is rejected. Only where `dataset.yaml`
says that masks have soft edges (`threshold`) or are lossy is the nearest taken, and how many pixels that concerns is
counted and bounded.

| source | values | colours |
|---|---|---|
| grey PNG of 1 to 16 bits, TIFF, BMP | as stored | grey is a colour |
| palette | the indices | the palette's colours |
| GIF | where all of the palette is grey | the palette's colours: encoders order palettes as they like |
| PNM (PGM, PPM) | as stored | as stored |
| RGB | where all channels are equal | as stored |
| alpha | must be opaque | opaque, or `transparent` where it is 0 |
| WebP | lossless only, as RGB | lossless only |
| JPEG, lossy WebP, TIFF with JPEG | `threshold` and `lossy` only | `lossy` only |
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec import png
from beam_jobs.codec.photos import check_size
from beam_jobs.rejections import MASK_SOFT, MASK_VALUE, NOT_A_MASK, InputRejected
from schemas.class_ids import ids_of_mask_colors, ids_of_mask_values
from schemas.class_spec import TRANSPARENT
from schemas.spec import DatasetSpec

SOFT_EDGES = "mask_soft_edges"  # a kind of repair
CLOSE = 24  # a lossy pixel that is farther from its class's value or colour counts as soft

CONTAINERS = ("PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG")
_CLEAR = 1 << 24  # in place of a packed colour: transparent
_UNKNOWN = -1


class MaskPixels(NamedTuple):
    """The pixels of a mask as they are stored.

    Attributes:
      values: uint8 or uint16 [H, W]; None for a colour mask that is not grey.
      colors: uint32 [H, W], red, green and blue packed as 0xrrggbb, or `_CLEAR`; None for values of 16 bits.
      is_lossy: Whether the values are only approximate.
    """

    values: np.ndarray | None
    colors: np.ndarray | None
    is_lossy: bool

    @property
    def raster(self) -> np.ndarray:
        """The values, or the colours where there are none; [H, W]."""
        raster = self.colors if self.values is None else self.values
        if raster is None:
            raise ValueError("a mask has values or colours")
        return raster


def color_name(packed: int) -> str:
    """A colour of `MaskPixels.colors` as people write it: `#rrggbb`, or `transparent`."""
    return "transparent" if packed == _CLEAR else f"#{packed:06x}"


def read_pixels(data: bytes, container: str, palette_colors: bool, scaled: bool = False) -> MaskPixels:
    """Decodes a mask of any kind.

    Args:
      data: Of the file.
      container: One of `CONTAINERS`, as `schemas.photos.container_of` names it.
      palette_colors: Whether a palette mask is read by its colours; else its values are the indices.
      scaled: Whether grey of less than 8 bits is scaled to 0..255.

    Raises:
      InputRejected: It is of a kind that can't be read exactly.
      OSError, SyntaxError, ValueError: It is damaged.
    """
    is_lossy = container == "JPEG"
    if container == "PNG":
        source = png.read_png(data)
        check_size(*source.size)
        image = _load_png(source, scaled)
    else:
        image = Image.open(io.BytesIO(data), formats=(container,))
        palette_colors |= container == "GIF"
        if container == "PPM" and image.tile[0][0] != "raw":
            raise InputRejected(NOT_A_MASK, "PNM whose largest value is not 255, or in text; save it as PNG")
        check_size(*image.size)
        if (pictures := getattr(image, "n_frames", 1)) > 1:
            raise InputRejected(NOT_A_MASK, f"{container} of {pictures} pictures; a mask is one")
        is_lossy |= container == "WEBP" and b"VP8 " in _chunks(data)
        is_lossy |= container == "TIFF" and "jpeg" in str(image.info.get("compression"))
        image.load()
    return _pixels(image, palette_colors, is_lossy)


def _load_png(source: png.Png, scaled: bool) -> Image.Image:
    if source.depth == 16 and source.color_type != png.GREY:
        raise InputRejected(NOT_A_MASK, "PNG with colours or alpha of 16 bits a channel; save it with 8")
    image = png.load(source)
    if source.color_type == png.GREY and source.depth < 8:
        image = image.convert("L")  # Pillow scales it
        if not scaled:
            step = 255 // (2**source.depth - 1)
            image = image.point([level // step for level in range(256)])
    return image


def _chunks(data: bytes) -> list[bytes]:
    """The kinds of the chunks of a WebP file; container specification, "RIFF File Format"."""
    kinds, position = [], 12
    while position + 8 <= len(data):
        kinds.append(data[position : position + 4])
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    return kinds


def _pixels(image: Image.Image, palette_colors: bool, is_lossy: bool) -> MaskPixels:
    if image.mode == "1":
        image = image.convert("L").point([level // 255 for level in range(256)])
    if image.mode.startswith("I;16"):
        return MaskPixels(np.asarray(image).astype(np.uint16), None, is_lossy)
    if image.mode == "P":
        if not palette_colors:
            return MaskPixels(np.asarray(image), None, is_lossy)
        image = image.convert("RGBA")
    if image.mode == "L":
        values = np.asarray(image)
        return MaskPixels(values, values * np.uint32(0x010101), is_lossy)
    if image.mode not in ("LA", "RGB", "RGBA"):
        raise InputRejected(NOT_A_MASK, f"{image.format or 'picture'} of mode {image.mode}; save it as grey or RGB PNG")
    channels = np.asarray(image)
    alpha = channels[..., -1] if image.mode.endswith("A") else None
    rgb = channels[..., :1].repeat(3, axis=2) if image.mode == "LA" else channels[..., :3]
    if alpha is not None and not np.isin(alpha, (0, 255)).all():
        count = int(((alpha > 0) & (alpha < 255)).sum())
        raise InputRejected(NOT_A_MASK, f"{count} pixels are partly transparent; save it without alpha")
    red, green, blue = (rgb[..., one].astype(np.uint32) for one in range(3))
    colors = red << 16 | green << 8 | blue
    opaque = alpha is None or bool(alpha.all())
    if not opaque:
        colors[alpha == 0] = _CLEAR
    is_grey = opaque and bool((red == green).all() and (green == blue).all())
    return MaskPixels(rgb[..., 0] if is_grey else None, colors, is_lossy)


def class_ids_of(pixels: MaskPixels, spec: DatasetSpec) -> tuple[np.ndarray, float]:
    """Maps the pixels of a mask to class ids.

    Returns:
      uint8 [H, W], and the share of pixels that only nearly had a value or colour of the data set.

    Raises:
      InputRejected: A value or colour is unknown, or too many pixels are soft.
    """
    if pixels.is_lossy and not (spec.masks.lossy or spec.masks.threshold):
        raise InputRejected(
            NOT_A_MASK, "lossy: what was drawn is not exactly there; save it as PNG, or state masks: {lossy: true}"
        )
    known = {_packed(color): class_id for color, class_id in ids_of_mask_colors(spec).items()}
    if known:
        if pixels.colors is None:
            raise InputRejected(NOT_A_MASK, "16 bits grey; the data set's masks are coloured")
        return _lookup(pixels.colors, known, spec, color_name)
    if pixels.values is None:
        raise InputRejected(NOT_A_MASK, "has colours; the data set names values: state its colours in classes")
    values, soft = pixels.values, 0.0
    if spec.masks.threshold:
        grey = (values >> 8).astype(np.uint8) if values.dtype == np.uint16 else values
        soft = float(((grey > 0) & (grey < 255)).mean())
        values = np.where(grey >= spec.masks.threshold, np.uint8(255), np.uint8(0))
        _check_soft(soft, spec)
    class_ids, more = _lookup(values, ids_of_mask_values(spec), spec, str)
    return class_ids, soft or more


def _packed(color: str) -> int:
    return _CLEAR if color == TRANSPARENT else int(color[1:], 16)


def _lookup(pixels: np.ndarray, known: dict[int, int], spec: DatasetSpec, name) -> tuple[np.ndarray, float]:
    """The class id of each pixel, and the share of soft ones."""
    keys = np.array(sorted(known), np.int64)
    ids = np.array([known[key] for key in keys.tolist()], np.uint8)
    places = np.minimum(np.searchsorted(keys, pixels), len(keys) - 1)
    exact = keys[places] == pixels
    if exact.all():
        return ids[places], 0.0
    if not spec.masks.lossy:
        found, counts = np.unique(pixels[~exact], return_counts=True)
        listed = ", ".join(f"{name(int(one))} ({count} pixels)" for one, count in zip(found[:5], counts[:5]))
        raise InputRejected(MASK_VALUE, f"value {listed}; known are {', '.join(map(name, keys.tolist()[:40]))}")
    found, inverse = np.unique(pixels, return_inverse=True)
    points, targets = (_channels(one, bool(ids_of_mask_colors(spec))) for one in (found, keys))
    distances = np.linalg.norm(points[:, None] - targets[None], axis=2)  # [values, classes]
    nearest = distances.argmin(axis=1)
    is_soft = (distances.min(axis=1) > CLOSE)[inverse]
    soft = float(is_soft.mean())
    _check_soft(soft, spec)
    return ids[nearest][inverse].reshape(pixels.shape), soft


def _channels(packed: np.ndarray, colored: bool) -> np.ndarray:
    """float [N, 3] of packed colours, or [N, 1] of values; transparent lies far from every colour."""
    if not colored:
        return packed.astype(float)[:, None]
    rgb = np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=1).astype(float)
    rgb[packed == _CLEAR] = 1e4
    return rgb


def _check_soft(soft: float, spec: DatasetSpec) -> None:
    if soft > spec.masks.max_soft_fraction:
        raise InputRejected(
            MASK_SOFT,
            f"{soft:.1%} of its pixels are neither one class nor another; masks.max_soft_fraction allows"
            f" {spec.masks.max_soft_fraction:.1%}",
        )
