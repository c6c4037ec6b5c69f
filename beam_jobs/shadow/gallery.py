"""The photos on which the two models agree least, drawn: photo, both masks, and where they differ."""

from __future__ import annotations

import bisect
import heapq
import io
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from PIL import Image

from beam_jobs.html.class_png import class_png
from beam_jobs.predict.model import ReadyPhoto
from schemas.colors import Color, color_table
from schemas.exported_model import ModelInfo
from schemas.fitting import photo_box

SHOWN = 24  # photos
SIDE = 384  # pixels of the longer side, at most
_QUALITY = 82
_GREYS = 16
_DIMMED = 0.45  # of the photo's light, where both models agree
_DIFFERENT: Color = (230, 159, 0)  # orange, which colour-blind people see on grey (Okabe and Ito, 2002)


class Draft(NamedTuple):
    """A photo that may be shown.

    Attributes:
      agreement: Share of its pixels that have the same class in both answers.
      image_id: Its id.
      width, height: Of the pictures.
      photo: JPEG.
      served, candidate: PNGs in the classes' colours.
      difference: PNG of the photo in grey, with the pixels of another class in one colour.
    """

    agreement: float
    image_id: str
    width: int
    height: int
    photo: bytes
    served: bytes
    candidate: bytes
    difference: bytes


class Least:
    """Which photos of those that it was asked about can be among the SHOWN of least agreement."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, str]] = []

    def takes(self, agreement: float, image_id: str) -> bool:
        """Whether the photo may be among them; one without a difference is not."""
        one = agreement, image_id
        if agreement == 1 or (len(self._kept) == SHOWN and one >= self._kept[-1]):
            return False
        bisect.insort(self._kept, one)
        del self._kept[SHOWN:]
        return True


class KeepLeast(beam.CombineFn):
    """Drafts -> the SHOWN of least agreement, in that order."""

    def create_accumulator(self) -> list[Draft]:
        return []

    def add_input(self, kept: list[Draft], one: Draft) -> list[Draft]:
        return heapq.nsmallest(SHOWN, [*kept, one])

    def merge_accumulators(self, accumulators: Iterable[list[Draft]]) -> list[Draft]:
        return heapq.nsmallest(SHOWN, (one for kept in accumulators for one in kept))

    def extract_output(self, kept: list[Draft]) -> list[Draft]:
        return kept


def draft_of(agreement: float, photo: ReadyPhoto, info: ModelInfo, masks: tuple[np.ndarray, np.ndarray]) -> Draft:
    """Draws a photo.

    Args:
      agreement: Of the masks.
      photo: As a model took it.
      info: Of that model.
      masks: Class ids of the served model and of the candidate, uint8 [H, W], as large as the upright photo.
    """
    pixels = photo.pixels
    if not info.tiled:
        pixels = pixels[photo_box((photo.height, photo.width), pixels.shape[:2], info.fit).slices]
    longest = max(photo.height, photo.width)
    width, height = (max(1, round(one * min(SIDE, longest) / longest)) for one in (photo.width, photo.height))
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    served, candidate = (
        np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.NEAREST)) for one in masks
    )
    colors = color_table(info.palette)
    drawn = class_png(served, colors), class_png(candidate, colors), _difference(image, served != candidate)
    return Draft(agreement, photo.image_id, width, height, buffer.getvalue(), *drawn)


def _difference(image: Image.Image, differs: np.ndarray) -> bytes:
    """The photo in few greys, dimmed, and what differs in one colour."""
    levels = np.asarray(image.convert("L")) // (256 // _GREYS)
    greys = np.rint(np.arange(_GREYS) * 255 * _DIMMED / (_GREYS - 1)).astype(np.uint8)
    colors = np.concatenate([np.repeat(greys[:, None], 3, axis=1), np.array([_DIFFERENT], np.uint8)])
    return class_png(np.where(differs, _GREYS, levels).astype(np.uint8), colors)
