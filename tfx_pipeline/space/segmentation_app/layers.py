"""What is laid over a photo as it is shown: its classes in colour, and how sure the model is of each pixel."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from .classes import background_id, titles
from .model import Segmentation, shown_size

# From unsure to sure, evenly spaced: matplotlib's viridis, which grows lighter in grey and for the colour-blind, too.
RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
LEVELS = 32  # of confidence; more are not told apart, and make a larger file


def shown_photo(photo: np.ndarray) -> Image.Image:
    """The photo uint8 [H, W, 3] as it is shown."""
    height, width = photo.shape[:2]
    return Image.fromarray(photo).resize(shown_size(width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def class_layer(class_ids: np.ndarray, info: dict[str, Any]) -> Image.Image:
    """Class ids uint8 [H, W] in the classes' colours; the background, which would hide the photo, is transparent."""
    height, width = class_ids.shape
    layer = Image.fromarray(class_ids).resize(shown_size(width, height), Image.Resampling.NEAREST)
    layer.putpalette(flat(info["palette"]))
    background = background_id(info)
    if background is not None:
        layer.info["transparency"] = background
    return layer


def confidence_layer(confidence: np.ndarray, classes: int) -> Image.Image:
    """Confidence float32 [h, w] in the colours of `RAMP`, from 1 / classes, which is a guess, to 1."""
    sure = np.clip((confidence - 1 / classes) / (1 - 1 / classes), 0, 1)
    layer = Image.fromarray(np.rint(sure * (LEVELS - 1)).astype(np.uint8))
    stops = np.linspace(0, 1, len(RAMP))
    colors = [np.interp(np.linspace(0, 1, LEVELS), stops, channel) for channel in np.transpose(RAMP)]
    layer.putpalette(np.rint(np.transpose(colors)).astype(int).ravel().tolist())
    return layer


def comparison_html(photo: np.ndarray, segmentation: Segmentation, info: dict[str, Any]) -> str:
    """The photo and its layers in one frame, with the slider that compares them; `comparing.js` moves it."""
    shown = shown_photo(photo)
    photo_url = data_url(shown, "JPEG", quality=88)
    classes_url = data_url(class_layer(segmentation.class_ids, info), "PNG")
    confidence_url = data_url(confidence_layer(segmentation.confidence, len(info["classes"])), "PNG")
    return (
        f'<div class="comparison" style="--aspect: {shown.width / shown.height:.4f}">'
        f'<img class="photo" src="{photo_url}" alt="The photo">'
        f'<img class="layer classes" src="{classes_url}" alt="Its classes in their colours">'
        f'<img class="layer confidence" src="{confidence_url}" alt="How sure the model is of each pixel">'
        '<span class="cut"></span>'
        '<input type="range" id="compare" min="0" max="100" value="50"'
        ' aria-label="Compare: how much of the photo is left bare, from its left edge, in percent"></div>'
    )


def data_url(image: Image.Image, image_format: str, **options: Any) -> str:
    """An image as an address that contains it."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return f"data:image/{image_format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def flat(palette: list[list[int]]) -> list[int]:
    """RGB triples one after the other, as Pillow takes a palette."""
    return [value for color in palette for value in color]


def annotated(photo: np.ndarray, class_ids: np.ndarray, info: dict[str, Any]) -> tuple[Image.Image, list]:
    """The photo and, for each class but the background that appears in it, its mask float [h, w] and its title."""
    shown = shown_photo(photo)
    ids = np.asarray(Image.fromarray(class_ids).resize(shown.size, Image.Resampling.NEAREST))
    background = background_id(info)
    present = [one for one in np.unique(ids) if one != background]
    return shown, [((ids == one).astype(np.float32), titles(info)[one]) for one in present]
