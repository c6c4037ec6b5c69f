"""A photo and its mask that are painted together, and the camera: a pinhole over flat ground, in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_data.noise import TILE, grain_tile
from tests.sample_data.painting import Point

ROAD, MARKING, SIDEWALK, TERRAIN, BUILDING, VEGETATION, SKY, CAR, PERSON, BICYCLE, POLE, SIGN, LIGHT, RIDER = range(14)
OWN_CAR, VOID = 254, 255  # with the classes above, the mask values of the data set

Color = Sequence[float]  # RGB in [0, 1]
_ASPECTS = (2.0, 2.0, 16 / 9)  # width to height
_SMALL = 60  # pixels; smaller things are drawn finer


@dataclass(frozen=True)
class Camera:
    """Where a point lies in the picture: x metres to the right, y up from the ground, z ahead.

    Attributes:
      height, width: Of the picture, pixels.
      focal: Pixels that a thing one metre wide takes at one metre.
      center: Column that x = 0 vanishes in.
      horizon: Row of the horizon.
      eye: Height of the camera, metres.
    """

    height: int
    width: int
    focal: float
    center: float
    horizon: float
    eye: float

    def __call__(self, x: float, y: float, z: float) -> Point:
        """Column and row of a point ahead of the camera (z > 0)."""
        return self.center + self.focal * x / z, self.horizon + self.focal * (self.eye - y) / z


def place_camera(rng: np.random.Generator, sides: tuple[int, int]) -> Camera:
    """A camera in a car, whose photo keeps to the shortest and the longest side in pixels."""
    aspect = _ASPECTS[rng.integers(len(_ASPECTS))]
    width = rng.uniform(min(sides[1], aspect * sides[0]), sides[1])
    height = int(np.clip(round(width / aspect), *sides))
    width = int(np.clip(round(width), *sides))
    return Camera(
        height=height,
        width=width,
        focal=width * rng.uniform(0.62, 0.95),
        center=width * rng.uniform(0.38, 0.62),
        horizon=height * rng.uniform(0.4, 0.54),
        eye=rng.uniform(1.3, 1.9),
    )


@dataclass(frozen=True)
class Air:
    """Light and haze.

    Attributes:
      light: What every colour is multiplied by, RGB.
      haze: Colour of what is far away.
      sight: Metres after which haze has taken 63 percent of a colour.
      sun: Strength of the sun's direct light in [0, 1].
      side: Side of the street that the sun stands on, -1 left, 1 right.
      lamps: How brightly lamps and windows shine, in [0, 1].
      wet: How strongly the ground mirrors, in [0, 1].
    """

    light: tuple[float, float, float]
    haze: tuple[float, float, float]
    sight: float
    sun: float
    side: int
    lamps: float
    wet: float


class Coats:
    """What a surface looks like: coats of paint, the front one first.

    Sums of few colours are quicker than pictures laid over each other: a coat is one number a pixel.

    Attributes:
      alpha: float32 [h, w], how much of each pixel the surface covers.
      weights: float32 [h, w] of each coat.
      colors: RGB of each coat.
    """

    def __init__(self, alpha: np.ndarray) -> None:
        self.alpha = alpha
        self.weights: list[np.ndarray] = []
        self.colors: list[Color] = []
        self._rest = alpha

    def add(self, color: Color, share: np.ndarray | float = 1.0, tone: np.ndarray | float = 1.0) -> None:
        """Adds a coat behind the others: how much of what is left it covers, and how bright it is."""
        weight = self._rest * share
        self._rest = self._rest - weight
        self.weights.append(weight * tone)
        self.colors.append(color)


class Canvas:
    """The photo float32 [H, W, 3] in about [0, 1] and the mask uint8 [H, W] of the data set's values."""

    def __init__(self, camera: Camera, air: Air) -> None:
        self.camera = camera
        self.air = air
        # one channel after the other in memory: sums of coats are quicker so
        self.color = np.zeros((3, camera.height, camera.width), np.float32).transpose(1, 2, 0)
        self.mask = np.full((camera.height, camera.width), VOID, np.uint8)

    def clear(self, distance: np.ndarray | float) -> np.ndarray:
        """How much of a colour the haze leaves at a distance in metres."""
        return np.exp(-np.asarray(distance, np.float32) / np.float32(self.air.sight))

    def lay(self, window: tuple[slice, slice], coats: Coats, clear: np.ndarray | np.float32, label: int) -> None:
        """Covers a window of photo and mask with a surface, in the light and the haze.

        Args:
          window: Rows and columns.
          coats: What the surface looks like, [h, w].
          clear: What the haze leaves of its colours, [h, w] or what broadcasts to it.
          label: Mask value; the mask takes it where the surface covers more than a half of a pixel.
        """
        weights = np.empty((len(coats.weights) + 1, *coats.alpha.shape), np.float32)
        for weight, kept in zip(coats.weights, weights):
            np.multiply(weight, clear, out=kept)
        np.multiply(coats.alpha, 1.0 - clear, out=weights[-1])
        colors = np.concatenate([np.float32(coats.colors) * np.float32(self.air.light), np.float32([self.air.haze])])
        photo = self.color[window]
        photo *= (1.0 - coats.alpha)[..., None]
        # no matrix product: its threads would disturb the other processes, and its sums may depend on them
        photo += np.einsum("kc,khw->chw", colors, weights).transpose(1, 2, 0)
        self.mask[window][coats.alpha > 0.5] = label

    def glow(self, at: Point, radius: float, color: Color) -> None:
        """Adds the shine of a lamp, in pixels; it changes no label."""
        reach = 2.5 * radius
        rows, columns = (
            slice(max(0, int(middle - reach)), max(0, min(side, int(middle + reach) + 1)))
            for middle, side in zip(at[::-1], self.mask.shape)
        )
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - at[1]
        x = np.arange(columns.start, columns.stop, dtype=np.float32) - at[0]
        shine = np.maximum(np.exp(-(x * x + y * y) / np.float32(radius * radius)) - 0.002, 0.0)
        self.color[rows, columns] += shine[..., None] * np.float32(color)


class Sprite:
    """Flat shapes that are collected, then drawn together as one thing with smooth edges; in pixels of the photo."""

    def __init__(self, canvas: Canvas, distance: float) -> None:
        self._canvas = canvas
        self._distance = distance
        self._shapes: list[tuple[list[Point], Color, float]] = []  # outline or path, colour, width of the path

    def polygon(self, outline: list[Point], color: Color) -> None:
        """A filled outline."""
        self._shapes.append((outline, color, 0.0))

    def line(self, path: list[Point], width: float, color: Color) -> None:
        """A stroke with round joints and ends."""
        self._shapes.append((path, color, max(width, 0.35)))

    def disc(self, at: Point, radius: float, color: Color) -> None:
        """A filled circle."""
        self._shapes.append(([at, at], color, 2 * radius))

    def lay(self, label: int, shade: float = 0.0) -> None:
        """Draws the shapes in their order over the canvas.

        Args:
          label: Mask value.
          shade: How much darker the thing is at the side away from the sun, 0 to 1.
        """
        camera = self._canvas.camera
        columns, rows = zip(*(point for path, _, _ in self._shapes for point in path))
        margin = 0.5 * max(width for _, _, width in self._shapes)
        left, top = max(0, int(min(columns) - margin)), max(0, int(min(rows) - margin))
        right = min(camera.width, int(max(columns) + margin) + 2)
        bottom = min(camera.height, int(max(rows) + margin) + 2)
        if left >= right or top >= bottom:
            return
        fine = 4 if max(right - left, bottom - top) < _SMALL else 2
        tile = Image.new("RGBX", ((right - left) * fine, (bottom - top) * fine))
        pen = ImageDraw.Draw(tile)
        for path, color, width in self._shapes:
            ink = (*(int(255 * min(1.0, max(0.0, part))) for part in color), 255)  # the fourth band is the coverage
            points = [((u - left) * fine, (v - top) * fine) for u, v in path]
            if not width:
                pen.polygon(points, fill=ink)
                continue
            radius = width * fine / 2
            pen.line(points, fill=ink, width=max(1, round(2 * radius)))
            if radius > 1.0:
                for x, y in points:
                    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
        self._blend((slice(top, bottom), slice(left, right)), np.asarray(tile.reduce(fine)), label, shade)

    def _blend(self, window: tuple[slice, slice], pixels: np.ndarray, label: int, shade: float) -> None:
        """Lays the tile, uint8 [h, w, 4] with colours multiplied by the coverage, as averaging leaves them."""
        canvas, alpha = self._canvas, pixels[..., 3:] * np.float32(1 / 255)
        clear = canvas.clear(self._distance)
        away = np.linspace(0.5, -0.5, pixels.shape[1], dtype=np.float32)[:, None] * np.float32(shade * canvas.air.side)
        light = (1.0 - away) * (np.float32(canvas.air.light) * (clear * np.float32(1 / 255)))  # [w, 3]
        photo = canvas.color[window]
        photo *= 1.0 - alpha
        photo += pixels[..., :3] * light
        photo += alpha * (np.float32(canvas.air.haze) * (1.0 - clear))
        canvas.mask[window][pixels[..., 3] > 127] = label


def rough(along: np.ndarray, across: np.ndarray, scale: float) -> np.ndarray:
    """Grain that sticks to a surface: noise at coordinates in metres, `scale` pixels of the tile per metre."""
    down = (across * np.float32(scale)).astype(np.int32) & (TILE - 1)
    right = (along * np.float32(scale)).astype(np.int32) & (TILE - 1)
    return grain_tile().ravel().take(down * TILE + right)


def soft(distance: np.ndarray, pixel: np.ndarray | float) -> np.ndarray:
    """1 inside, 0 outside, with an edge one pixel wide: `distance` to the edge (positive inside), both in metres."""
    return np.clip(distance / pixel + 0.5, 0.0, 1.0)
