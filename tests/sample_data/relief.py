"""A relief: a height field that soft bodies are modelled on, and the light that makes them look round.

Bodies are chains of cones with round ends (spheres where both ends meet) and triangular blades, given in pixels with z
toward the viewer. Where two bodies meet, their surfaces and materials flow into each other (a polynomial smooth
maximum: I. Quilez, "Smooth minimum").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.sample_data.noise import TILE, lock_tile

NOTHING = -1e4  # signed distance and depth where no body is
_SKIRT = 0.35  # how far a seam reaches beyond a body, as a part of `blend`
RGB, PATTERN, ALONG, ACROSS, FLOW, FUR = slice(0, 3), 3, 4, 5, slice(6, 8), 8
CHANNELS = 9


@dataclass(frozen=True)
class Surface:
    """What a body is covered with.

    Attributes:
      color: RGB in [0, 1].
      pattern: How strongly the coat's pattern shows, 0 to 1.
      fur: How hairy the surface is, 0 to 1.
      outward: How much hair stands out rather than lies along the body, 0 to 1.
    """

    color: tuple[float, float, float]
    pattern: float = 0.0
    fur: float = 1.0
    outward: float = 0.4


class Relief:
    """A canvas of `height` x `width` pixels; bodies outside it are cut off.

    Attributes:
      inside: float32 [H, W], pixels to the outline, positive inside a body.
      depth: float32 [H, W], height of the surface over the picture plane, in pixels.
      material: float32 [CHANNELS, H, W], what covers the surface there.
    """

    def __init__(self, height: int, width: int) -> None:
        self.inside = np.full((height, width), NOTHING, np.float32)
        self.depth = np.full((height, width), NOTHING, np.float32)
        self.material = np.zeros((CHANNELS, height, width), np.float32)
        self.rows = np.arange(height, dtype=np.float32)[:, None]
        self.columns = np.arange(width, dtype=np.float32)[None, :]

    def add_cone(
        self,
        start: np.ndarray,
        end: np.ndarray,
        radii: tuple[float, float],
        surface: Surface,
        blend: float,
        along: tuple[float, float] = (0.0, 1.0),
        flat: float = 1.0,
    ) -> None:
        """Adds a cone with round ends.

        Args:
          start, end: float [3], x right, y down, z toward the viewer, pixels.
          radii: At the start and the end, pixels.
          surface: Its cover.
          blend: Width of the seam with what is there already, pixels.
          along: The pattern's coordinate at the start and the end.
          flat: Thickness toward the viewer as a part of the radius.
        """
        start, end = np.asarray(start, np.float32), np.asarray(end, np.float32)
        radii = (float(radii[0]), float(radii[1]))
        margin = _SKIRT * blend + 5.0
        low = np.minimum(start - radii[0], end - radii[1]) - margin
        high = np.maximum(start + radii[0], end + radii[1]) + margin
        window = self._window(low, high)
        if window is None:
            return
        x, y = self.columns[:, window[1]] - start[0], self.rows[window[0]] - start[1]
        axis = [float(step) for step in end - start]
        length_squared = axis[0] ** 2 + axis[1] ** 2
        if length_squared > 1e-3:
            part = np.clip((x * axis[0] + y * axis[1]) / length_squared, 0.0, 1.0)
        else:
            part = np.zeros((y.shape[0], x.shape[1]), np.float32)
        away_x, away_y = x - part * axis[0], y - part * axis[1]
        radius = radii[0] + part * (radii[1] - radii[0])
        distance_squared = away_x * away_x + away_y * away_y
        distance = np.sqrt(distance_squared)
        inside = radius - distance
        outside = np.minimum(inside, 0.0)
        bulge = np.sqrt(np.maximum(radius * radius - distance_squared, 0.0))
        bulge += outside * (2.0 - (10.0 / max(blend, 1.0)) * outside)  # falls away ever more steeply
        depth = float(start[2]) + part * axis[2] + flat * bulge
        length = max(length_squared**0.5, 1e-3)
        lie = (axis[0] / length, axis[1] / length) if length > 0.15 * max(radii) else (0.0, 1.0)
        stand = surface.outward / np.maximum(distance, 1.0)
        self._merge(
            window,
            inside,
            depth,
            (
                *surface.color,
                surface.pattern,
                along[0] + part * (along[1] - along[0]),
                away_y / radius,
                lie[0] + stand * away_x,
                lie[1] + stand * away_y,
                surface.fur,
            ),
            blend,
        )

    def add_blade(
        self, corners: tuple[np.ndarray, np.ndarray, np.ndarray], thickness: float, surface: Surface, blend: float
    ) -> None:
        """Adds a thin triangle with rounded corners, such as an erect ear.

        Args:
          corners: Two of the base, then the tip; each float [3], pixels.
          thickness: Of the blade, pixels; also how far it grows beyond its corners.
          surface, blend: As for a cone.
        """
        points = np.array(corners, np.float32)
        window = self._window(points.min(0) - 2 * thickness - 3, points.max(0) + 2 * thickness + 3)
        (ax, ay), (bx, by), (tx, ty) = points[:, :2]
        area = (bx - ax) * (ty - ay) - (by - ay) * (tx - ax)
        if window is None or abs(area) < thickness**2:
            return
        x, y = self.columns[:, window[1]], self.rows[window[0]]
        inside = None
        for (px, py), (qx, qy) in (((ax, ay), (bx, by)), ((bx, by), (tx, ty)), ((tx, ty), (ax, ay))):
            side = np.sign(area) / max(np.hypot(qx - px, qy - py), 1e-3)
            edge = ((qx - px) * (y - py) - (qy - py) * (x - px)) * side
            inside = edge if inside is None else -_smooth_maximum(-inside, -edge, 1.5 * thickness)[0]
        inside = inside + thickness
        slope = np.linalg.solve(points[1:, :2] - points[0, :2], points[1:, 2] - points[0, 2])
        depth = points[0, 2] + slope[0] * (x - ax) + slope[1] * (y - ay)
        depth = depth + thickness * np.sqrt(np.clip(inside / thickness, 0.0, 1.0)) + 2.0 * np.minimum(inside, 0.0)
        lie = points[2, :2] - 0.5 * (points[0, :2] + points[1, :2])
        lie = lie / max(np.hypot(*lie), 1e-3)
        self._merge(window, inside, depth, (*surface.color, surface.pattern, 0.0, 0.0, *lie, surface.fur), blend)

    def _window(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice] | None:
        """Rows and columns of the canvas between two points, or None where they lie outside."""
        height, width = self.inside.shape
        top, bottom = max(0, int(low[1])), min(height, int(high[1]) + 1)
        left, right = max(0, int(low[0])), min(width, int(high[0]) + 1)
        return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None

    def _merge(
        self, window: tuple[slice, slice], inside: np.ndarray, depth: np.ndarray, material: tuple, blend: float
    ) -> None:
        # Beside the body itself there is only its seam, so that it cannot cover what lies farther back; beside all
        # bodies the nearest one decides which hair stands out.
        apart = (inside < -_SKIRT * blend - 1.0) & (inside < self.inside[window])
        depth = np.where(apart, 2 * NOTHING, depth)
        self.inside[window] = _smooth_maximum(self.inside[window], inside, max(_SKIRT * blend, 0.5))[0]
        self.depth[window], share = _smooth_maximum(self.depth[window], depth, max(blend, 0.5))
        for channel, value in zip(self.material, material, strict=True):
            there = channel[window]
            there += share * (value - there)


def _smooth_maximum(first: np.ndarray, second: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The larger of two fields with a soft seam, and the share of the second in it."""
    above = second - first
    share = np.clip(0.5 + (0.5 / width) * above, 0.0, 1.0)
    return first + share * above + width * share * (1.0 - share), share


def hair(canvas: Relief, offset: tuple[int, int], length: float, zoom: float, taps: int = 7) -> np.ndarray:
    """Strokes that follow the hair: noise averaged along it (B. Cabral, L. Leedom, "Line integral convolution", 1993).

    Args:
      canvas: With the direction and the amount of hair.
      offset: Where in the noise tile to start, so that pictures differ.
      length: Of a stroke, in pixels of the noise tile; a stroke is about 2 of them wide.
      zoom: Pixels of the canvas per pixel of the tile.
      taps: Samples along a stroke.

    Returns:
      float32 [H, W], mean about 0, standard deviation about 1, 0 where nothing is hairy.
    """
    flow_x, flow_y = canvas.material[FLOW]
    norm = np.sqrt(flow_x * flow_x + flow_y * flow_y) + np.float32(1e-3)
    step_x, step_y = flow_x / norm, flow_y / norm  # in pixels of the tile
    x, y = (np.float32(1 / zoom) * pixels + np.float32(TILE) for pixels in (canvas.columns, canvas.rows))
    tile = np.roll(lock_tile(), offset, (0, 1)).ravel()
    total = np.zeros_like(norm)
    for distance in np.linspace(-0.5 * length, 0.5 * length, taps, dtype=np.float32):
        column = (x + distance * step_x).astype(np.int32) & (TILE - 1)
        row = (y + distance * step_y).astype(np.int32) & (TILE - 1)
        total += tile.take(row * TILE + column)
    return total * (canvas.material[FUR] * np.float32(0.9 * taps**-0.5))


def blur(field: np.ndarray, radius: float) -> np.ndarray:
    """A wide, cheap blur: float32 [H, W] shrunk by about `radius` pixels and grown again."""
    height, width = field.shape
    small = (max(2, round(width / radius)), max(2, round(height / radius)))
    image = Image.fromarray(np.ascontiguousarray(field, np.float32)).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def lit(depth: np.ndarray, light: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Light on a height field.

    Args:
      depth: float32 [H, W], pixels.
      light: float [3], unit vector toward the light, y down, z toward the viewer.
      size: Size of the animal, pixels: the scale of its soft shadows.

    Returns:
      Brightness around 0 to 1.1 and rim (0 in the middle, 1 at grazing angles), each float32 [H, W].
    """
    light = [float(part) for part in light]
    slope_x, slope_y = np.zeros_like(depth), np.zeros_like(depth)
    slope_x[:, 1:-1] = np.clip(0.5 * (depth[:, 2:] - depth[:, :-2]), -4, 4)
    slope_y[1:-1] = np.clip(0.5 * (depth[2:] - depth[:-2]), -4, 4)
    facing = 1.0 / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    lambert = (light[2] - light[0] * slope_x - light[1] * slope_y) * facing
    brightness = 0.5 + 0.5 * lambert
    around = blur(np.maximum(depth, -0.6 * size), max(3.0, 0.05 * size))
    hollow = np.clip((around - depth) / (0.06 * size), 0.0, 1.0)
    return brightness * (1.0 - 0.45 * hollow), (1.0 - facing) ** 2
