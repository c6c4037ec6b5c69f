"""The picture on a model card: photos that may be published, and the same with the model's masks over them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from schemas.colors import color_table
from schemas.errors import UserError
from schemas.exported_model import IMAGE_BYTES, ModelInfo
from tfx_pipeline.evaluation.served_masks import masks_of
from tfx_pipeline.serving.prediction import load_signature

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")  # which examples can have
SHOWN = 4  # photos, the first by name
TILE = 320  # pixels of a photo's height
WIDEST = 2 * TILE  # of a panorama
GAP = 8
OPACITY = 0.6  # of a mask over its photo
QUALITY = 90  # of the JPEG file


def card_picture(exported: Path, info: ModelInfo, photos: Mapping[str, bytes]) -> bytes:
    """Draws photos, and below each the same photo under its mask, as a JPEG file.

    Args:
      exported: SavedModel whose `serving_default` maps photos to masks of their sizes.
      info: The model info, for the colours of its classes.
      photos: File name to content; at least one.

    Raises:
      UserError: A photo cannot be read; names it.
    """
    answer = load_signature(str(exported))
    colors = color_table(info.palette)
    columns = []
    for name in sorted(photos)[:SHOWN]:
        photo = _decode(name, photos[name])
        (mask,) = masks_of(answer(**{IMAGE_BYTES: tf.constant([_png(photo)])}))
        columns.append(_column(photo, colors[mask]))
    sheet = Image.new("RGB", (sum(one.width for one in columns) + GAP * (len(columns) - 1), 2 * TILE + GAP), "white")
    left = 0
    for one in columns:
        sheet.paste(one, (left, 0))
        left += one.width + GAP
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def _decode(name: str, content: bytes) -> Image.Image:
    """The photo, upright RGB."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"hub.space.examples: {name}: can't be read ({error}); give another photo") from None


def _column(photo: Image.Image, mask: np.ndarray) -> Image.Image:
    """The photo, and below it the photo under the mask's colours uint8 [H, W, 3]."""
    size = (min(WIDEST, max(1, round(photo.width * TILE / photo.height))), TILE)
    small = photo.resize(size, Image.Resampling.LANCZOS)
    drawn = Image.fromarray(mask).resize(size, Image.Resampling.BOX)
    column = Image.new("RGB", (size[0], 2 * TILE + GAP), "white")
    column.paste(small, (0, 0))
    column.paste(Image.blend(small, drawn, OPACITY), (0, TILE + GAP))
    return column


def _png(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
