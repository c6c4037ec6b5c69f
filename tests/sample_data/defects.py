"""Defective inputs, one of each kind: what real archives hold, and what a job must repair or reject.

| kind                   | photo                                              | mask                             |
|------------------------|----------------------------------------------------|----------------------------------|
| `truncated_jpeg`       | a JPEG cut in the middle                           | good                             |
| `gif`                  | a GIF named .jpg                                   | good                             |
| `png`                  | a PNG named .jpg                                   | good                             |
| `rgba`                 | a PNG with an alpha channel, named .jpg            | good                             |
| `cmyk`                 | a JPEG in CMYK                                     | good                             |
| `grey`                 | a JPEG with one channel                            | good                             |
| `exif_rotated`         | stored lying on its side, EXIF orientation 6 says  | good, of the upright photo       |
|                        | how to turn it upright                             |                                  |
| `mask_size`            | good                                               | half as wide and high            |
| `mask_value`           | good                                               | some pixels have a value that    |
|                        |                                                    | means nothing                    |
| `mask_background_only` | good                                               | lacks a class that must be there |
| `mask_all_ignored`     | good                                               | no pixel has a class             |
| `missing_mask`         | good                                               | no file                          |
| `missing_image`        | no file                                            | good                             |
| `empty_image`          | a file of zero bytes                               | good                             |

The list files name all of them, as the official lists name photos that are broken. A data set has the kinds that fit
it: `mask_background_only` where a class is required, `mask_all_ignored` where some mask values are ignored.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from schemas.class_ids import ids_of_mask_values, required_ids
from schemas.spec import DatasetSpec

DEFECTS_FILE = "defects.json"  # {id: kind}
EXIF_ORIENTATION = 0x0112  # tag number, EXIF 2.3; the value 6 means: turn a quarter clockwise to show it
_FIRST_WRONG_VALUE = 7

Encoded = tuple[bytes | None, bytes | None]  # photo file, mask file; None where there is no file


def encode_jpeg(photo: Image.Image, quality: int, **options) -> bytes:
    """A JPEG file of the photo."""
    return _encode(photo, "JPEG", quality=quality, **options)


def encode_mask(mask: np.ndarray) -> bytes:
    """A PNG file of a mask, uint8 [H, W], one grey channel."""
    return _encode(Image.fromarray(mask), "PNG")


def _encode(image: Image.Image, format_: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def _with_alpha(photo: Image.Image) -> Image.Image:
    photo = photo.copy()
    photo.putalpha(200)
    return photo


def _lying(photo: Image.Image, quality: int) -> bytes:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    return encode_jpeg(photo.transpose(Image.Transpose.ROTATE_90), quality, exif=exif.tobytes())


def _halved(mask: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    return np.ascontiguousarray(mask[::2, ::2])


def wrong_mask_value(spec: DatasetSpec) -> int:
    """A mask value that means nothing in this data set."""
    return next(value for value in range(_FIRST_WRONG_VALUE, 256) if value not in ids_of_mask_values(spec))


def _stained(mask: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    mask = mask.copy()
    mask[: len(mask) // 10, : len(mask) // 10] = wrong_mask_value(spec)
    return mask


def _without_required(mask: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    return np.full_like(mask, next(one.mask_values[0] for one in spec.classes if not one.required))


_PHOTO_DEFECTS: dict[str, Callable[[Image.Image, int], bytes | None]] = {
    "truncated_jpeg": lambda photo, quality: (data := encode_jpeg(photo, quality))[: len(data) // 2],
    "gif": lambda photo, quality: _encode(photo.quantize(), "GIF"),
    "png": lambda photo, quality: _encode(photo, "PNG"),
    "rgba": lambda photo, quality: _encode(_with_alpha(photo), "PNG"),
    "cmyk": lambda photo, quality: encode_jpeg(photo.convert("CMYK"), quality),
    "grey": lambda photo, quality: encode_jpeg(photo.convert("L"), quality),
    "exif_rotated": _lying,
    "missing_image": lambda photo, quality: None,
    "empty_image": lambda photo, quality: b"",
}
_MASK_DEFECTS: dict[str, Callable[[np.ndarray, DatasetSpec], np.ndarray | None]] = {
    "mask_size": _halved,
    "mask_value": _stained,
    "mask_background_only": _without_required,
    "mask_all_ignored": lambda mask, spec: np.full_like(mask, spec.ignore_values[0]),
    "missing_mask": lambda mask, spec: None,
}


def kinds_of(spec: DatasetSpec) -> tuple[str, ...]:
    """The kinds of defect that fit a data set."""
    fits = {"mask_background_only": bool(required_ids(spec)), "mask_all_ignored": bool(spec.ignore_values)}
    return tuple(kind for kind in (*_PHOTO_DEFECTS, *_MASK_DEFECTS) if fits.get(kind, True))


def encode(photo: np.ndarray, mask: np.ndarray, quality: int, kind: str | None, spec: DatasetSpec) -> Encoded:
    """The files of one picture.

    Args:
      photo: uint8 [H, W, 3].
      mask: uint8 [H, W], source mask values.
      quality: Of the JPEG, 1 to 95.
      kind: One of `kinds_of(spec)`, or None for a good picture.
      spec: The data set.

    Returns:
      Bytes of the photo and of the mask, None where the defect is that there is no file.
    """
    image = Image.fromarray(photo)
    data = _PHOTO_DEFECTS[kind](image, quality) if kind in _PHOTO_DEFECTS else encode_jpeg(image, quality)
    spoiled = _MASK_DEFECTS[kind](mask, spec) if kind in _MASK_DEFECTS else mask
    return data, None if spoiled is None else encode_mask(spoiled)
