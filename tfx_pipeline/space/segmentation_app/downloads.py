"""The files that a visitor can take away; all are as large as the photo. `downloads.js` makes the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .classes import background_id
from .layers import flat

FAST = 1  # zlib's level: of photos, the highest gains a tenth and takes five times as long


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
      key: Id of its button.
      label: What the button says.
      suffix: What its name ends in, after the photo's name.
    """

    key: str
    label: str
    suffix: str


CLASS_IDS = Download("class-ids", "Class ids", "_class_ids.png")
MASK = Download("mask", "Coloured mask", "_mask.png")
OVERLAY = Download("overlay", "Overlay", "_overlay.jpg")
CUTOUT = Download("cutout", "Cut-out", "_cutout.png")


def downloads(info: dict[str, Any]) -> list[Download]:
    """Those that a model offers: without a background there is nothing to cut away."""
    return [CLASS_IDS, MASK, OVERLAY] + ([] if background_id(info) is None else [CUTOUT])


def write_download(
    download: Download, photo: np.ndarray, class_ids: np.ndarray, info: dict[str, Any], opacity: float, path: Path
) -> None:
    """Writes a file.

    Args:
      download: Which one.
      photo: uint8 [H, W, 3].
      class_ids: uint8 [H, W].
      info: The content of `model_info.json`.
      opacity: Of the overlay's colours, in 0..1.
      path: Where it is written.
    """
    ids = Image.fromarray(class_ids)
    if download is CLASS_IDS:
        ids.save(path, "PNG")
        return
    if download is MASK:
        ids.putpalette(flat(info["palette"]))
        ids.save(path, "PNG")
        return
    background = background_id(info)
    is_something = np.full_like(class_ids, 255) if background is None else (class_ids != background) * np.uint8(255)
    if download is OVERLAY:
        ids.putpalette(flat(info["palette"]))
        alpha = Image.fromarray((is_something * opacity).round().astype(np.uint8))
        Image.composite(ids.convert("RGB"), Image.fromarray(photo), alpha).save(path, "JPEG", quality=92)
    else:
        pixels = np.where(is_something[..., np.newaxis] > 0, photo, np.uint8(0))  # nothing is left of what was cut away
        Image.fromarray(np.dstack([pixels, is_something])).save(path, "PNG", compress_level=FAST)
