"""Brushes on a picture: smooth shapes, gradients, ground seen in perspective, and what a camera adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_data.noise import grain_tile, texture

_SUBPIXELS = 2

Point = tuple[float, float]
Paint = np.ndarray | Sequence[float]


@dataclass(frozen=True)
class Layer:
    """A drawn thing that covers a part of the picture.

    Attributes:
      window: Rows and columns of the picture that it covers.
      color: float32 [h, w, 3] in [0, 1], straight (not multiplied by alpha).
      alpha: float32 [h, w] in [0, 1].
      body: float32 [h, w], alpha without what belongs to no mask, such as whiskers.
    """

    window: tuple[slice, slice]
    color: np.ndarray
    alpha: np.ndarray
    body: np.ndarray

    def lay_over(self, picture: np.ndarray, tint: Paint = (1.0, 1.0, 1.0)) -> None:
        """Covers a picture float32 [H, W, 3] in place, in light of a colour."""
        cover(picture[self.window], self.color * np.float32(tint), self.alpha)


def gradient(height: int, width: int, top: Paint, bottom: Paint) -> np.ndarray:
    """Colours from the top to the bottom, float32 [H, W, 3]."""
    share = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    column = np.float32(top) + share * (np.float32(bottom) - np.float32(top))
    return np.broadcast_to(column, (height, width, 3)).copy()


def cover(picture: np.ndarray, paint: Paint, alpha: np.ndarray) -> None:
    """Lays paint, RGB or float [H, W, 3], over a picture float [H, W, 3] where alpha float [H, W] says, in place."""
    picture += alpha[..., None] * (np.asarray(paint, np.float32) - picture)


def fill(picture: np.ndarray, outline: list[Point], paint: Paint, alpha: float = 1.0) -> None:
    """Fills a polygon, pixels x and y, with RGB or with a picture of the same size, in place, with smooth edges."""
    points = np.array(outline)
    low = np.maximum(0, np.floor(points.min(0))).astype(int)
    high = np.minimum(picture.shape[1::-1], np.ceil(points.max(0)) + 1).astype(int)
    if (high <= low).any():
        return
    image = Image.new("L", tuple(int(side) * _SUBPIXELS for side in high - low))
    ImageDraw.Draw(image).polygon([tuple(point) for point in (points - low) * _SUBPIXELS], fill=255)
    shape = np.asarray(image.reduce(_SUBPIXELS), np.float32) * (alpha / 255.0)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    cover(picture[window], paint[window] if np.ndim(paint) == 3 else paint, shape)


def box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """Outline of an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def ellipse(x: float, y: float, wide: float, tall: float, points: int = 40) -> list[Point]:
    """Outline of an ellipse around x, y with half axes `wide` and `tall`."""
    angles = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    return [(x + wide * np.cos(angle), y + tall * np.sin(angle)) for angle in angles]


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    """Outline of a rectangle with round corners."""
    outline = []
    radius = min(radius, 0.5 * (right - left), 0.5 * (bottom - top))
    for x, y, start in (
        (right - radius, bottom - radius, 0.0),
        (left + radius, bottom - radius, 0.5),
        (left + radius, top + radius, 1.0),
        (right - radius, top + radius, 1.5),
    ):
        for angle in np.pi * np.linspace(start, start + 0.5, 7):
            outline.append((x + radius * np.cos(angle), y + radius * np.sin(angle)))
    return outline


def ground(height: int, width: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Where on the ground each pixel below the horizon lies.

    Returns:
      Sideways and away from the camera, in camera heights, each float32 [height - horizon, width].
    """
    rows = np.arange(1, height - horizon + 1, dtype=np.float32)[:, None]
    away = 0.9 * height / (rows + 0.22 * height)
    sideways = (np.arange(width, dtype=np.float32)[None, :] - 0.5 * width) / height * away
    return sideways, np.broadcast_to(away, sideways.shape)


def soften(picture: np.ndarray, radius: float) -> np.ndarray:
    """Out of focus: float32 [H, W, 3] in [0, 1], blurred by about `radius` pixels."""
    if radius < 0.5:
        return picture
    height, width = picture.shape[:2]
    image = Image.fromarray((255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8))
    small = image.resize((max(2, round(width / radius)), max(2, round(height / radius))), Image.Resampling.BOX).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.asarray(small, np.float32) / 255.0


def expose(rng: np.random.Generator, photo: np.ndarray) -> np.ndarray:
    """What a camera does: white balance, exposure, vignette and noise; changes `photo`, returns uint8 [H, W, 3]."""
    height, width = photo.shape[:2]
    balance = rng.uniform(0.94, 1.06, 3) * rng.uniform(0.82, 1.15)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = 1.0 - rng.uniform(0.0, 0.22) * (rows**2 + columns**2) ** 1.5 / 2.8
    contrast = rng.uniform(0.9, 1.12)
    noise = rng.uniform(0.003, 0.02) * texture(rng, grain_tile(), height, width, 1.0)
    photo *= vignette[..., None] * (255.0 * contrast * balance).astype(np.float32)
    photo += (255.0 * (contrast * (noise - 0.5) + 0.5)).astype(np.float32)[..., None]
    return np.clip(photo, 0.0, 255.0, out=photo).astype(np.uint8)
