"""Mask bytes to class ids: checked against the data set's contract, never guessed, never interpolated."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from beam_jobs.codec import png
from beam_jobs.codec.mask_colors import PALETTE_REMEDY, PaletteColor, used_colors
from beam_jobs.codec.mask_kinds import CONTAINERS, SOFT_EDGES, MaskPixels, class_ids_of, read_pixels
from beam_jobs.codec.photos import check_size
from beam_jobs.rejections import (
    EMPTY_MASK,
    MASK_ALL_IGNORED,
    MASK_COLORS,
    MASK_LACKS_CLASS,
    MASK_SIZE,
    MASK_VALUE,
    NOT_A_MASK,
    InputRejected,
)
from schemas.class_ids import ids_of_mask_colors, ids_of_mask_values, required_ids
from schemas.features import IGNORE_ID
from schemas.image_size import sides
from schemas.merge_spec import split_id
from schemas.photos import container_of
from schemas.spec import DatasetSpec


class SourceMask(NamedTuple):
    """A decoded mask.

    Attributes:
      values: The source's raw values at its size, or class ids (`is_mapped`), mode L or P.
      colors: Each value that a palette mask uses, to its colour; empty for a grey mask.
      is_mapped: Whether the values are class ids already.
      repairs: Kinds of repair; empty if every pixel was exact.
    """

    values: Image.Image
    colors: dict[int, PaletteColor]
    is_mapped: bool = False
    repairs: tuple[str, ...] = ()


def decode_mask(data: bytes, spec: DatasetSpec, photo_size: tuple[int, int]) -> SourceMask:
    """Decodes a mask and checks every one of its values.

    Args:
      data: Bytes of a PNG with one channel of at most 8 bits (grey, or palette, whose indices are the values), or of
        any other kind that `mask_kinds` reads; or the annotations that stand for it, where the spec has a format.
      spec: Says which values there are and which classes must be present.
      photo_size: Width and height of the upright photo, which the mask's must equal.

    Raises:
      InputRejected: The bytes are not a mask of this data set. A mask that is damaged or ends early is never repaired.
    """
    if spec.masks.format:
        from beam_jobs.codec.annotations.reading import annotated_class_ids  # which few data sets need

        class_ids, repairs = annotated_class_ids(data, spec, photo_size)
        return _source_mask(class_ids, spec, repairs)
    if not data:
        raise InputRejected(EMPTY_MASK, "file has zero bytes")
    container = container_of(data)
    if container not in CONTAINERS:
        raise InputRejected(NOT_A_MASK, f"none of {', '.join(CONTAINERS)}; starts with {data[:8]!r}")
    is_colored, threshold = bool(ids_of_mask_colors(spec)), spec.masks.threshold
    try:
        source = png.read_png(data) if container == "PNG" else None
        if is_colored or threshold or spec.masks.lossy or source is None or not _is_plain(source):
            pixels = read_pixels(data, container, is_colored, scaled=bool(threshold))
            return _mapped(pixels, spec, photo_size)
        check_size(*source.size)
        if source.size != photo_size:
            raise InputRejected(MASK_SIZE, f"mask is {_by(source.size)} pixels, its photo {_by(photo_size)}")
        values = read_values(source)
    except UnidentifiedImageError:  # its own message has the address of an object in it
        raise InputRejected(NOT_A_MASK, "damaged PNG: its header can't be read") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputRejected(NOT_A_MASK, f"damaged {container}: {error}") from None
    _check_values(values, spec)
    colors = used_colors(values.histogram(), source.palette) if source.color_type == png.PALETTE else {}
    if colors:
        _check_colors(colors, spec)
    return SourceMask(values, colors)


def _is_plain(source: png.Png) -> bool:
    """Whether the mask's values are bytes of one channel."""
    return source.color_type in (png.GREY, png.PALETTE) and source.depth <= 8


def _mapped(pixels: MaskPixels, spec: DatasetSpec, photo_size: tuple[int, int]) -> SourceMask:
    height, width = pixels.raster.shape[:2]
    if (width, height) != photo_size:
        raise InputRejected(MASK_SIZE, f"mask is {width}x{height} pixels, its photo {_by(photo_size)}")
    class_ids, soft = class_ids_of(pixels, spec)
    return _source_mask(class_ids, spec, (SOFT_EDGES,) if soft else ())


def _source_mask(class_ids: np.ndarray, spec: DatasetSpec, repairs: tuple[str, ...]) -> SourceMask:
    image = Image.fromarray(class_ids)
    counts = image.histogram()
    for class_id in required_ids(spec):
        if not counts[class_id]:
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {spec.class_titles[class_id]!r}")
    return SourceMask(image, {}, is_mapped=True, repairs=repairs)


def read_values(source: png.Png) -> Image.Image:
    """The raw values of a grey or palette PNG of at most 8 bits, mode L or P; Pillow scales those of 1, 2 and 4 bits.

    Raises:
      OSError, SyntaxError, ValueError: Its pixels are damaged.
    """
    image = png.load(source)
    if source.color_type == png.GREY and source.depth < 8:
        step = 255 // (2**source.depth - 1)
        image = image.convert("L").point([level // step for level in range(256)])
    return image


def resize_mask(mask: SourceMask, spec: DatasetSpec, image_size: int | str) -> np.ndarray:
    """Resizes a decoded mask with nearest neighbour and maps its values to class ids.

    Args:
      mask: What `decode_mask` has returned.
      spec: Says which class a value means and which classes must be present.
      image_size: Of the result, see `schemas.image_size`; 0 keeps the size.

    Returns:
      uint8 [H, W], class ids, and IGNORE_ID for the data set's ignored values.

    Raises:
      InputRejected: The resize has left no pixel of a class that must be present.
    """
    image = mask.values
    if image_size:  # before the values are mapped, so that only pixels that stay are
        height, width = sides(image_size)
        image = image.resize((width, height), Image.Resampling.NEAREST)
    table = bytearray(range(256)) if mask.is_mapped else bytearray(256)
    if not mask.is_mapped:
        for value, class_id in ids_of_mask_values(spec).items():
            if value < len(table):  # others are of masks of 16 bits
                table[value] = class_id
    class_ids = image.tobytes().translate(table)  # half the time of indexing an array
    if spec.ignores_pixels and class_ids.count(IGNORE_ID) == len(class_ids):
        raise InputRejected(MASK_ALL_IGNORED, f"no pixel of any class after the resize to {image_size}")
    for class_id in required_ids(spec):
        if class_id not in class_ids:
            name = spec.class_titles[class_id]
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {name!r} after the resize to {image_size}")
    return np.frombuffer(class_ids, np.uint8).reshape(image.height, image.width)


def merge_classes(mask: np.ndarray, image_id: str, spec: DatasetSpec) -> np.ndarray:
    """Maps the class ids of a data set to those of the one that it is merged into.

    Args:
      mask: uint8 [H, W], as `resize_mask` gives it under `spec.reading_of(image_id)`.
      image_id: In the merged data set.
      spec: The merged data set; any other leaves the mask as it is.

    Raises:
      InputRejected: Its classes are all ignored, or one that must be present is not.
    """
    if spec.merge is None:
        return mask
    table = np.full(256, IGNORE_ID, np.uint8)
    for class_id, target in enumerate(spec.merge[split_id(image_id)[0]].targets(spec.class_names)):
        table[class_id] = target
    merged = table[mask]
    counts = np.bincount(merged.ravel(), minlength=256)
    if counts[IGNORE_ID] == merged.size:
        raise InputRejected(MASK_ALL_IGNORED, f"no pixel of any class of {spec.name}")
    for class_id in required_ids(spec):
        if not counts[class_id]:
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {spec.class_titles[class_id]!r} of {spec.name}")
    return merged


def _check_values(values: Image.Image, spec: DatasetSpec) -> None:
    """Checks that every pixel has a known value, and that the classes that must be present are.

    Counting each value takes four times as long as comparing the largest with a bound, and is done to name what is
    wrong.
    """
    known = ids_of_mask_values(spec)
    pixels = values.tobytes()
    if not _are_known(pixels, bytes(value for value in known if value < 256)):  # others are of masks of 16 bits
        counts = values.histogram()
        unknown = [value for value, count in enumerate(counts) if count and value not in known]
        found = ", ".join(f"{value} ({counts[value]} pixels)" for value in unknown[:5])
        raise InputRejected(MASK_VALUE, f"value {found}; known are {sorted(known)}")
    for one in spec.classes:
        if one.required and not any(value in pixels for value in one.mask_values if value < 256):
            raise InputRejected(MASK_LACKS_CLASS, f"no pixel of class {one.shown!r}")


def _are_known(pixels: bytes, known: bytes) -> bool:
    first = _first_of_run(known)
    if first is None:
        return not pixels.translate(None, known)
    return int((np.frombuffer(pixels, np.uint8) - np.uint8(first)).max()) < len(known)


@lru_cache(maxsize=64)  # each mask of a data set has the same values
def _first_of_run(known: bytes) -> int | None:
    """The first of values that follow each other modulo 256, such as 1, 2, 3, or 255 of 0 to 18 and 255; else None."""
    values = frozenset(known)
    starts = [value for value in values if (value - 1) % 256 not in values]
    return starts[0] if len(starts) == 1 else None


def _check_colors(colors: dict[int, PaletteColor], spec: DatasetSpec) -> None:
    """Checks that no value of a palette mask has the colour of another class.

    Colours are the data set's own, and masks need not have them. But where a value of one class is painted in exactly
    the colour of another, the palette's order is not the contract's: then the values do not show the class.
    """
    class_ids = ids_of_mask_values(spec)
    ids_of_color: dict[bytes, set[int]] = defaultdict(set)
    for class_id, rgb in enumerate(spec.palette):
        ids_of_color[bytes(rgb)].add(class_id)
    for value, color in colors.items():
        painted = ids_of_color.get(color.rgb)
        if painted and class_ids[value] not in painted and class_ids[value] != IGNORE_ID and set(color.rgb) != {value}:
            own, other = spec.class_titles[class_ids[value]], spec.class_titles[min(painted)]
            raise InputRejected(
                MASK_COLORS,
                f"value {value}, which means {own!r}, is {color.hex} in the palette, the colour of {other!r};"
                f" {PALETTE_REMEDY}, or correct mask_values or colours of {spec.name}",
            )


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
